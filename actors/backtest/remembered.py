"""A forecaster that has most of its forecasts already, and asks the model for the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actors.backtest.windows import Part
from actors.forecast.engine import Forecaster
from domain.horizons import CONTEXT, LEVELS, STEPS
from domain.units import Floats

BATCH = 512
"""Windows looked at in one go."""

COEFFICIENTS = np.random.default_rng(20).integers(0, 2**64, CONTEXT, np.uint64, endpoint=False) | 1
"""Of the sum, modulo 2**64, that a window is found by: odd, so that any one close changes it."""


def keys(closes: Floats) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A number for each window by the bits of its closes, shape (n, 200) to (n,)."""
    return np.ascontiguousarray(closes).view(np.uint64) @ COEFFICIENTS


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Forecasts that were made beforehand.

    Attributes:
        part: of which windows.
        quantiles: as `Forecaster.forecast` gives them, shape (n, 5, 13), mapped from a file.
    """

    part: Part
    quantiles: Floats


class Remembered:
    """Gives what was made for exactly these 200 closes; so it never differs from its model.

    A window is found by the number that `keys` makes of it, and taken only where it is the same
    close by close. In memory are 12 bytes a window; the forecasts stay in their files.
    """

    def __init__(self, model: Forecaster, made: Sequence[Made]) -> None:
        self._model = model
        self._made = made
        every = [_keys(one.part) for one in made]
        known = np.concatenate([np.empty(0, np.uint64), *every])
        order = np.argsort(known, kind="stable")
        self._known = known[order]
        self._order = order.astype(np.uint32)
        self._ends = np.cumsum([len(one) for one in every], dtype=np.int64)

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def sha(self) -> str:
        """The model's."""
        return self._model.sha

    @property
    def verified(self) -> bool:
        """The model's."""
        return self._model.verified

    def forecast(self, closes: Floats) -> Floats:
        """As `Forecaster.forecast`."""
        if closes.ndim != 2 or closes.shape[1] != CONTEXT:  # noqa: PLR2004 - rows and columns
            return self._model.forecast(closes)  # which says what is wrong with them
        out = np.empty((len(closes), len(STEPS), len(LEVELS)))
        missing = []
        for row, (key, window) in enumerate(zip(keys(closes), closes, strict=True)):
            found = self._find(key, window)
            if found is None:
                missing.append(row)
            else:
                out[row] = found
        if missing:
            out[missing] = self._model.forecast(closes[missing])
        return out

    def _find(self, key: np.uint64, window: Floats) -> Floats | None:
        place = int(np.searchsorted(self._known, key))
        while place < len(self._known) and self._known[place] == key:
            number = int(self._order[place])
            part = int(np.searchsorted(self._ends, number, side="right"))
            made = self._made[part]
            row = number - (int(self._ends[part - 1]) if part else 0)
            if np.array_equal(made.part.rows(row, row + 1)[0], window):
                return np.asarray(made.quantiles[row])
            place += 1
        return None


def _keys(part: Part) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    found = [keys(part.rows(n, n + BATCH)) for n in range(0, len(part), BATCH)]
    return np.concatenate([np.empty(0, np.uint64), *found])


def mapped(path: Path) -> Floats:
    """The forecasts of a file, read as they are needed."""
    found: Floats = np.load(path, mmap_mode="r", allow_pickle=False)
    return found
