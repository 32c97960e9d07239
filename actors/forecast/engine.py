"""Forecasters: 200 closes in, quantiles of the closes to come out; and the rules of all of them.

A model is equivariant to shifts, so it is given closes minus the last close: float32 then rounds
moves, not prices. What it says is completed to all levels and turned back into prices here, so an
engine computes nothing but the quantiles of moves.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Protocol

import numpy as np

from domain.errors import ForecastInvalid, SettingsInvalid
from domain.horizons import CONTEXT, LEVELS, MEDIAN, STEPS
from domain.units import Floats

THREADS = 2
"""Threads that one forecast may use, as the user fixed them."""

LOWEST = 0.01
"""No forecast price is below this share of the last close: a price stays positive."""

CORE = tuple(level for level in LEVELS if 0.1 <= level <= 0.9)  # noqa: PLR2004 - what all emit
"""Levels that every published checkpoint emits; one without them cannot be used."""


PICKLES = frozenset((".bin", ".ckpt", ".pkl", ".pickle", ".pt", ".pth"))
"""How the names of files end that are Python's pickles: whoever reads one runs what is in it."""


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

    @property
    def verified(self) -> bool:
        """Whether its numbers are known to be those of chronos-forecasting."""
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


def suited(folder: Path, levels: Sequence[float], horizon: int) -> None:
    """Refuse a checkpoint that does not say what every forecast needs.

    Raises:
        SettingsInvalid: it does not look 15 steps ahead at the levels .1 to .9.
    """
    if not set(CORE) <= set(levels) or horizon < max(STEPS):
        raise SettingsInvalid(
            f"the model in {folder} does not forecast {max(STEPS)} steps at the levels .1 to .9"
        )


def shifted(closes: Floats) -> Floats:
    """What a model is given: closes minus the last close, shape (n, 200).

    Raises:
        ValueError: another shape, or a close that is not a positive number.
    """
    if closes.ndim != 2 or closes.shape[1] != CONTEXT:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"closes have the shape {closes.shape}, not (n, {CONTEXT})")
    if not (np.isfinite(closes).all() and (closes > 0).all()):
        raise ValueError("closes hold something that is not a positive number")
    return closes - closes[:, -1:]


def priced(closes: Floats, levels: tuple[float, ...], moves: Floats) -> Floats:
    """Prices at all thirteen levels, as `Forecaster.forecast` returns them.

    Args:
        closes: what was forecast, shape (n, 200).
        levels: of the checkpoint.
        moves: from the last close, at these levels, shape (n, 5, len(levels)), sorted.
    """
    last = closes[:, -1:, None]
    return np.asarray(np.maximum(last + complete(levels, moves), LOWEST * last))


def checked(closes: Floats, said: Floats) -> Floats:
    """What a forecaster returned for these closes, where it is what it has to be.

    Raises:
        ForecastInvalid: it is not; says why.
    """
    if said.shape != (len(closes), len(STEPS), len(LEVELS)):
        raise ForecastInvalid(f"the model said {said.shape} of {len(closes)} series")
    if not (np.isfinite(said).all() and (said > 0).all()):
        raise ForecastInvalid("the model said something that is not a positive number")
    if (np.diff(said, axis=-1) < 0).any():
        raise ForecastInvalid("the model's levels are out of order")
    return said


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
            raise SettingsInvalid(f"no model in {folder}: it has no {file}{_instead(folder)}")
    try:
        with (folder / "model.safetensors").open("rb") as weights:
            return hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise SettingsInvalid(f"cannot read the model in {folder}: {error.strerror}") from error


def _instead(folder: Path) -> str:
    """Says that what a folder has in place of safetensors runs code where it is read."""
    try:
        pickles = sorted(x.name for x in folder.iterdir() if x.suffix.lower() in PICKLES)
    except OSError:
        return ""
    return f"; {pickles[0]} is a pickle, which is never read" if pickles else ""
