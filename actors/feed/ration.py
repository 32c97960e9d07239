"""So many of a kind within a second, and of the others their number. Knows no clock."""

from math import inf


class Ration:
    """Lets the first few of each second pass, and counts the rest.

    Times are of any clock that only goes forward, in the unit of `second`.
    """

    __slots__ = ("_begun", "_came", "_most", "_second")

    def __init__(self, most: int, second: float) -> None:
        self._most = most
        self._second = second
        self._begun = -inf
        self._came = 0

    def passes(self, now: float) -> bool:
        """Whether one more may pass.

        >>> ration = Ration(2, second=1.0)
        >>> [ration.passes(now) for now in (7.0, 7.1, 7.2, 8.0)]
        [True, True, False, True]
        """
        if now - self._begun >= self._second:
            self._begun, self._came = now, 0
        self._came += 1
        return self._came <= self._most

    def kept_back(self, now: float) -> int:
        """How many did not pass in a second that is over by now; told once.

        >>> ration = Ration(1, second=1.0)
        >>> [ration.passes(7.0) for _ in range(3)], ration.kept_back(7.9), ration.kept_back(8.0)
        ([True, False, False], 0, 2)
        >>> ration.kept_back(9.0)
        0
        """
        if self._came <= self._most or now - self._begun < self._second:
            return 0
        kept, self._came = self._came - self._most, 0
        return kept
