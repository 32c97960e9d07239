"""The stock engine: chronos-forecasting's own model class, in float32 or in eight bits.

Importing this module costs nothing; torch, transformers and chronos-forecasting are imported when
a model is loaded, which takes seconds and some 450 MB.
"""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from actors.forecast.engine import THREADS, fingerprint, priced, shifted, suited
from domain.errors import SettingsInvalid
from domain.horizons import STEPS
from domain.units import Floats

if TYPE_CHECKING:
    from chronos.chronos_bolt import ChronosBoltModelForForecasting

BATCH = 256
"""Series in one pass; more take no less time each and more memory."""

TIED = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
"""Copies of `shared.weight` that a checkpoint may leave out."""


class ChronosBolt:
    """A Chronos-Bolt checkpoint run by chronos-forecasting's own model class."""

    def __init__(self, folder: Path, name: str, *, eight_bits: bool = False) -> None:
        """Load the checkpoint of a folder; takes seconds, most of them imports.

        Args:
            folder: with `config.json` and `model.safetensors`.
            name: what the screen shows.
            eight_bits: quantise the linear layers; the forecasts are then a few per cent off.

        Raises:
            SettingsInvalid: no `config.json` or `model.safetensors` there, or not a Chronos-Bolt
                that looks 15 steps ahead at the levels .1 to .9.
        """
        self.name = name
        self.verified = not eight_bits
        self.sha = fingerprint(folder)
        self._model = load(folder)
        chronos = self._model.chronos_config
        self._levels = tuple(round(float(level), 6) for level in chronos.quantiles)
        suited(folder, self._levels, chronos.prediction_length)
        if eight_bits:
            self._model = quantised(self._model)

    def forecast(self, closes: Floats) -> Floats:
        """As `Forecaster.forecast`."""
        return priced(closes, self._levels, self.ahead(shifted(closes)))

    def ahead(self, moves: Floats) -> Floats:
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


def quantised(model: "ChronosBoltModelForForecasting") -> "ChronosBoltModelForForecasting":
    """The same network with the weights of its linear layers in eight bits, as the mission asks.

    Torch announces that the function will move to another package; until then it is the one.
    """
    import torch  # noqa: PLC0415 - loaded with the model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, torch.qint8)


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
