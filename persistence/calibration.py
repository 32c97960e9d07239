"""What the calibration has learnt, kept over a restart."""

import lmdb
import numpy as np

from domain.calibration import Calibration, untaught
from persistence.records import decoded, encoded

KEY = b"calibration"

Numbers = list[float]


class CalibrationStore:
    """One record for each model: another model begins untaught."""

    def __init__(self, environment: lmdb.Environment) -> None:
        self._environment = environment
        self._table = environment.open_db(KEY)

    def put(self, model_sha: str, known: Calibration) -> None:
        """Replace what was known for this model."""
        numbers = [*known.factors.ravel().tolist(), *known.counts.ravel().tolist()]
        with self._environment.begin(self._table, write=True) as transaction:
            transaction.put(model_sha.encode(), encoded(numbers))

    def get(self, model_sha: str) -> Calibration:
        """What is known for this model; nothing where nothing was written.

        Raises:
            StoreCorrupt: the record is not one of ours.
        """
        with self._environment.begin(self._table) as transaction:
            record = transaction.get(model_sha.encode())
        blank = untaught()
        if record is None:
            return blank
        numbers = np.array(decoded(bytes(record), Numbers))
        if len(numbers) != blank.factors.size + blank.counts.size:
            return blank
        cut = blank.factors.size
        factors = numbers[:cut].reshape(blank.factors.shape)
        return Calibration(factors, numbers[cut:].reshape(blank.counts.shape))
