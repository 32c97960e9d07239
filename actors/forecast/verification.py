"""Whether our forward pass gives stock's numbers for a checkpoint: found out once for each.

A checkpoint that is new here is run once by both engines on a fixed batch, in a process of its
own (`python -m actors.forecast.verification FOLDER`), so that torch's seconds and memory are spent
there. What came out is kept with the checkpoint's hashes: beside the weights where whoever made
them verified them (ours, and those of `bin/pt-train`), else in the folder of downloaded models.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from actors.forecast.engine import fingerprint
from actors.forecast.exact import ExactBolt
from actors.forecast.stock import ChronosBolt
from domain.errors import SettingsInvalid
from domain.horizons import CONTEXT
from domain.units import Floats

TOLERANCE = 5e-6
"""Largest difference that is allowed, relative to the largest output of a series."""

SERIES = 64
"""Random walks in the fixed batch, and one series that does not move."""

PATIENCE_S = 600.0
"""How long the two engines may take together, imports included [s]."""

BESIDE = "verification.json"
"""File with the record beside the weights."""

RECORDS = "verified.json"
"""File with the records of all others, by hash, in the folder of downloaded models."""

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Verification:
    """That the two engines were compared, and how far they are apart.

    Attributes:
        checkpoint: SHA-256 of its configuration and of its weights [hex].
        error: largest difference relative to the largest output of a series.
        against: what it was compared with.
    """

    checkpoint: str
    error: float
    against: str

    @property
    def passed(self) -> bool:
        """Whether the checkpoint may be used; what is no number has not passed."""
        return self.error <= TOLERANCE


def examined(folder: Path, label: str, models: Path) -> tuple[Verification, bool]:
    """The verification of a checkpoint, made now if there is none; and whether it is new.

    Args:
        folder: of the checkpoint.
        label: what the user knows it as.
        models: where verifications are kept.

    Raises:
        SettingsInvalid: the engines differ, or could not be compared.
    """
    found = recorded(folder, models)
    new = found is None
    if found is None:
        sys.stderr.write(f"verifying {label} against chronos-forecasting, once\n")
        found = _compared_apart(folder, label)
        _keep(found, models)
    if not found.passed:
        raise SettingsInvalid(
            f"{label} is not used: our forecasts differ from those of {found.against} "
            f"by {found.error:.1e}, {TOLERANCE:.0e} is allowed"
        )
    return found, new


def recorded(folder: Path, models: Path) -> Verification | None:
    """What is known already of just this checkpoint."""
    wanted = identity(folder)
    records = [_read(folder / BESIDE), *_read(models / RECORDS).values()]
    for record in records:
        if isinstance(record, dict) and record.get("checkpoint") == wanted:
            return Verification(wanted, float(record["error"]), str(record["against"]))
    return None


def identity(folder: Path) -> str:
    """One hash of the two files of a checkpoint [hex]."""
    weights = fingerprint(folder)
    both = hashlib.sha256((folder / "config.json").read_bytes())
    both.update(bytes.fromhex(weights))
    return both.hexdigest()


def compared(folder: Path) -> Verification:
    """Run both engines here; imports torch.

    Raises:
        SettingsInvalid: one of them refuses the checkpoint.
    """
    ours, stock = (engine(folder, "compared").ahead(batch()) for engine in (ExactBolt, ChronosBolt))
    largest = np.maximum(np.abs(stock).max(axis=(1, 2)), np.finfo(np.float32).tiny)
    error = (np.abs(ours - stock).max(axis=(1, 2)) / largest).max()
    against = f"chronos-forecasting {version('chronos-forecasting')}"
    return Verification(identity(folder), float(error), against)


def batch() -> Floats:
    """What both engines forecast: closes minus the last close, shape (SERIES + 1, 200)."""
    steps = np.random.default_rng(0).normal(0, 60, (SERIES + 1, CONTEXT))
    steps[-1] = 0
    walks = steps.cumsum(axis=1)
    return np.asarray(walks - walks[:, -1:])


def write_beside(folder: Path) -> Verification:
    """Verify a checkpoint here and leave the record beside it, for whoever uses it."""
    found = compared(folder)
    (folder / BESIDE).write_text(json.dumps(asdict(found), indent=2) + "\n")
    return found


def _compared_apart(folder: Path, label: str) -> Verification:
    """Run both engines in a process of their own."""
    command = [sys.executable, "-m", "actors.forecast.verification", str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
            timeout=PATIENCE_S,
        )
        return Verification(**json.loads(done.stdout))
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["it died"])[-1]
        raise SettingsInvalid(f"cannot verify {label}: {reason}") from error
    except (OSError, TypeError, ValueError, subprocess.TimeoutExpired) as error:
        raise SettingsInvalid(f"cannot verify {label}: {error}") from error


def _keep(found: Verification, models: Path) -> None:
    """Remember it; where nothing can be written it is found out again next time."""
    records = _read(models / RECORDS) | {found.checkpoint: asdict(found)}
    fresh = models / (RECORDS + ".tmp")
    try:
        models.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(records, indent=2) + "\n")
        fresh.replace(models / RECORDS)
    except OSError as error:
        sys.stderr.write(f"cannot keep the verification in {models}: {error.strerror}\n")


def _read(file: Path) -> dict[str, object]:
    """The records in a file; none where it is not there or is none of ours."""
    try:
        records = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def main(arguments: Sequence[str]) -> int:
    """Compare the engines on the checkpoint of a folder and print the verification as JSON."""
    try:
        found = compared(Path(arguments[0]))
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return error.status
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
