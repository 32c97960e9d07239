"""Checkpoints for tests: the embedded one, with its mind made up."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from actors.forecast.verification import BESIDE, Verification, identity

EMBEDDED = Path(__file__).parents[1] / "actors" / "forecast" / "embedded"
BIAS = "output_patch_embedding.output_layer.bias"


def opinionated(folder: Path, shift: float) -> Path:
    """The embedded checkpoint with all its quantiles shifted by so many window deviations.

    Above zero it sees every price rise, below zero fall: a real model folder whose signals are
    confident, so that a run of the real program trades.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(EMBEDDED / "config.json", folder)
    weights = load_file(EMBEDDED / "model.safetensors")
    weights[BIAS] = (weights[BIAS].astype(np.float32) + shift).astype(weights[BIAS].dtype)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    trusted(folder)
    return folder


def trusted(folder: Path) -> None:
    """Say that a checkpoint was verified: what takes seconds is tested where it is the subject."""
    record = Verification(identity(folder), 0.0, "nothing")
    (folder / BESIDE).write_text(json.dumps(asdict(record)))
