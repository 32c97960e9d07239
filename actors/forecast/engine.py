"""Forecasters: 200 closes in, quantiles of the closes to come out.

Importing this module costs nothing; torch, transformers and chronos-forecasting are imported when
a model is loaded.
"""

import hashlib
import os
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from domain.errors import SettingsInvalid
from domain.horizons import CONTEXT, LEVELS, MEDIAN, STEPS

if TYPE_CHECKING:
    from chronos.chronos_bolt import ChronosBoltModelForForecasting

Floats = NDArray[np.float64]

THREADS = 2
"""Threads that one forecast may use, as the user fixed them."""

BATCH = 256
"""Series in one pass; more take no less time each and more memory."""

LOWEST = 0.01
"""No forecast price is below this share of the last close: a price stays positive."""

CORE = tuple(level for level in LEVELS if 0.1 <= level <= 0.9)  # noqa: PLR2004 - what all emit
"""Levels that every published checkpoint emits; one without them cannot be used."""

TIED = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
"""Copies of `shared.weight` that a checkpoint may leave out."""


class Forecaster(Protocol):
    """Anything that forecasts the distribution of the next closes."""

    @property
    def name(self) -> str:
        """What the screen shows, such as `embedded` or `amazon/chronos-bolt-small`."""
        ...

    @property
    def sha(self) -> str:
        """SHA-256 of the weights [hex]."""
        ...

    def forecast(self, closes: Floats) -> Floats:
        """Quantiles of the closes ahead.

        Args:
            closes: shape (n, 200), oldest first [quote].

        Returns:
            Prices at the steps and levels of `domain.horizons`, shape (n, 5, 13) [quote]:
            finite, positive, and never falling from one level to the next.

        Raises:
            ValueError: another shape, or a close that is not a positive number.
        """
        ...


class ChronosBolt:
    """A Chronos-Bolt checkpoint run by chronos-forecasting's own model class, in float32.

    The model is equivariant to shifts, so it is given closes minus the last close: float32 then
    rounds moves, not prices.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Load the checkpoint of a folder; takes seconds, most of them imports.

        Raises:
            SettingsInvalid: no `config.json` or `model.safetensors` there, or not a Chronos-Bolt
                that looks 15 steps ahead at the levels .1 to .9.
        """
        self.name = name
        self.sha = fingerprint(folder)
        self._model = load(folder)
        chronos = self._model.chronos_config
        self._levels = tuple(round(float(level), 6) for level in chronos.quantiles)
        if not set(CORE) <= set(self._levels) or chronos.prediction_length < max(STEPS):
            raise SettingsInvalid(
                f"the model in {folder} does not forecast {max(STEPS)} steps at the levels .1 to .9"
            )

    def forecast(self, closes: Floats) -> Floats:
        """As `Forecaster.forecast`."""
        if closes.ndim != 2 or closes.shape[1] != CONTEXT:  # noqa: PLR2004 - rows and columns
            raise ValueError(f"closes have the shape {closes.shape}, not (n, {CONTEXT})")
        if not (np.isfinite(closes).all() and (closes > 0).all()):
            raise ValueError("closes hold something that is not a positive number")
        last = closes[:, -1:, None]
        moves = complete(self._levels, self._ahead(closes - closes[:, -1:]))
        return np.asarray(np.maximum(last + moves, LOWEST * last))

    def _ahead(self, moves: Floats) -> Floats:
        """Quantiles at the five steps and the checkpoint's own levels, (n, 5, own), sorted."""
        import torch  # noqa: PLC0415 - loaded with the model

        columns = [step - 1 for step in STEPS]
        parts = [np.empty((0, len(STEPS), len(self._levels)))]
        with torch.inference_mode():
            for first in range(0, len(moves), BATCH):
                context = torch.tensor(moves[first : first + BATCH], dtype=torch.float32)
                paths = self._model(context=context).quantile_preds
                parts.append(paths[:, :, columns].mT.double().numpy())
        return np.sort(np.concatenate(parts), axis=-1)


def complete(levels: tuple[float, ...], quantiles: Floats) -> Floats:
    """Quantiles at all thirteen levels from those that a checkpoint has.

    Levels that it has are taken as they are. A level outside its range continues the nearest one
    with the tail of a normal distribution about the median: q(p) = m + (q(e) - m) z(p) / z(e),
    where e is the outermost level on that side and z the normal quantile. So tails are never
    copies of one another where there is any spread at all.

    Args:
        levels: increasing, with .1 to .9 among them.
        quantiles: sorted along the last axis, shape (..., len(levels)).

    Returns:
        Shape (..., 13).
    """
    median = quantiles[..., levels.index(LEVELS[MEDIAN])]
    columns = []
    for level in LEVELS:
        if level in levels:
            columns.append(quantiles[..., levels.index(level)])
            continue
        edge = 0 if level < LEVELS[MEDIAN] else -1
        ratio = NormalDist().inv_cdf(level) / NormalDist().inv_cdf(levels[edge])
        columns.append(median + (quantiles[..., edge] - median) * ratio)
    return np.sort(np.stack(columns, axis=-1), axis=-1)


def fingerprint(folder: Path) -> str:
    """SHA-256 of the folder's weights [hex].

    Raises:
        SettingsInvalid: one of the two files of a checkpoint is missing or cannot be read.
    """
    for file in ("config.json", "model.safetensors"):
        if not (folder / file).is_file():
            raise SettingsInvalid(f"no model in {folder}: it has no {file}")
    try:
        with (folder / "model.safetensors").open("rb") as weights:
            return hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise SettingsInvalid(f"cannot read the model in {folder}: {error.strerror}") from error


def load(folder: Path) -> "ChronosBoltModelForForecasting":
    """The network in a folder, in float32, ready to forecast; reads safetensors only.

    Torch's threads wait for one another asleep: on a busy machine spinning costs several times
    the work itself (measured here: 69 instead of 804 windows/s).

    Raises:
        SettingsInvalid: it holds no whole Chronos-Bolt checkpoint.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch  # noqa: PLC0415 - seconds, needed only here
    from chronos.chronos_bolt import ChronosBoltModelForForecasting  # noqa: PLC0415
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    torch.set_num_threads(min(THREADS, torch.get_num_threads()))
    logging.disable_progress_bar()
    wrong = (AssertionError, AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)
    try:
        with safe_open(folder / "model.safetensors", "pt") as weights:
            names = set(weights.keys())
        model = ChronosBoltModelForForecasting.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=torch.float32
        )
    except (*wrong, SafetensorError) as error:
        raise SettingsInvalid(f"the model in {folder} is not a Chronos-Bolt checkpoint") from error
    missing = set(model.state_dict()) - names - set(TIED)
    if missing:
        raise SettingsInvalid(f"the model in {folder} lacks weights, {min(missing)} for one")
    return model.float().eval()
