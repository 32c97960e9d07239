"""How often something took how long: counts by size, in bounded memory however long it runs."""

from bisect import bisect_left
from dataclasses import dataclass

DECODE_SECONDS = (2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 1e-2)
"""Bounds for the reading of one frame [s]."""

DELAY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds for the way from the exchange to us [s]."""

WRITE_SECONDS = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0)
"""Bounds for one durable write [s]."""

ORDER_SECONDS = (5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Bounds for the way from a signal to its order [s]; the mission wants 0.1 on average."""

FORECAST_SECONDS = (5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds for one run of the model [s]."""


@dataclass(frozen=True, slots=True)
class Tallied:
    """What a tally had counted at one moment.

    Attributes:
        bounds: upper bound of each size, which belongs to it, smallest first.
        counts: how many were of each size; the last ones were above all bounds.
        total: sum of all values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)


class Tally:
    """Counts values by size; one thread adds.

    >>> tally = Tally((1.0, 2.0))
    >>> for value in (1.0, 1.5, 7.0): tally.add(value)
    >>> tally.tallied()
    Tallied(bounds=(1.0, 2.0), counts=(1, 1, 1), total=9.5)
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """So many of this value; one below zero, as clocks that disagree show it, is zero."""
        value = max(value, 0.0)
        self._counts[bisect_left(self._bounds, value)] += times
        self._total += value * times

    def tallied(self) -> Tallied:
        """What is counted so far."""
        return Tallied(self._bounds, tuple(self._counts), self._total)
