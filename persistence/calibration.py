"""What the calibration has learnt, kept over a restart."""

from dataclasses import astuple

import lmdb
import numpy as np

from domain.calibration import Calibration, untaught
from persistence.records import decoded, encoded

KEY = b"calibration"

Numbers = list[float]


class CalibrationStore:
    """One record for each model: another model begins anew."""

    def __init__(self, environment: lmdb.Environment) -> None:
        self._environment = environment
        self._table = environment.open_db(KEY)

    def put(self, model_sha: str, known: Calibration) -> None:
        """Replace what was known for this model."""
        numbers = np.concatenate([values.ravel() for values in astuple(known)]).tolist()
        with self._environment.begin(self._table, write=True) as transaction:
            transaction.put(model_sha.encode(), encoded(numbers))

    def get(self, model_sha: str) -> Calibration | None:
        """What is known for this model; None where nothing, or nothing of this size, was written.

        Raises:
            StoreCorrupt: the record is not one of ours.
        """
        with self._environment.begin(self._table) as transaction:
            record = transaction.get(model_sha.encode())
        if record is None:
            return None
        numbers = np.array(decoded(bytes(record), Numbers))
        blank = astuple(untaught())
        ends = np.cumsum([empty.size for empty in blank])
        if len(numbers) != ends[-1]:
            return None
        parts = np.split(numbers, ends[:-1])
        return Calibration(
            *(part.reshape(empty.shape) for part, empty in zip(parts, blank, strict=True))
        )
