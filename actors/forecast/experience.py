"""What a model's calibration begins with: what was learnt before the program was published."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from domain.calibration import Calibration, untaught
from domain.errors import SettingsInvalid
from domain.units import Nanos

FILE = Path(__file__).parent / "embedded" / "experience.json"
"""Learnt from the embedded model's forecasts; see its model card."""

DIGITS = 4
"""Decimals kept of each number: a factor is then right to a hundredth of a per cent."""


def experience(model_sha: str, at: Nanos, file: Path = FILE) -> Calibration:
    """What may be known of a model at this moment.

    Of the embedded model all of it; of another model the seasons alone, which are the market's;
    and nothing where the moment lies before the end of what it was learnt from.
    """
    record: dict[str, Any] = json.loads(file.read_text())
    blank = untaught()
    if at < record["until"]:
        return blank
    numbers = {
        name: np.array(record[name]).reshape(empty.shape) for name, empty in asdict(blank).items()
    }
    if model_sha != record["model_sha"]:
        numbers |= {"factors": blank.factors, "counts": blank.counts, "usual": blank.usual}
    return Calibration(**numbers)


def write(file: Path, known: Calibration, model_sha: str, until: Nanos) -> None:
    """Keep what was learnt of a model until this moment.

    Raises:
        SettingsInvalid: the file cannot be written.
    """
    rounded = {name: np.round(values, DIGITS) for name, values in asdict(known).items()}
    rounded["counts"] = known.counts
    record = {name: values.ravel().tolist() for name, values in rounded.items()}
    text = json.dumps({"model_sha": model_sha, "until": until, **record}, separators=(",", ":"))
    try:
        file.write_text(text + "\n")
    except OSError as error:
        raise SettingsInvalid(f"cannot write to {file} ({error.strerror})") from error
