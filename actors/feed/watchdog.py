"""Notices a stream that has fallen silent: on what it says, not on whether pings are answered."""

from collections.abc import Mapping

SILENCE = {"depth5@100ms": 1.0, "ticker": 2.0, "trade": 6.0, "kline_1m": 6.0}
"""How long each stream may be silent [in units of `Timing.silence`].

A book comes ten times a second and a ticker once, without fail; trades and their candles come when
somebody trades.
"""


class Watchdog:
    """Knows when each stream last said something that could be believed."""

    def __init__(self, limits: Mapping[str, float]) -> None:
        self._limits = limits
        self._heard: dict[str, float] = {}

    def begin(self, now: float) -> None:
        """A connection begins; none of its streams is late yet."""
        self._heard = dict.fromkeys(self._limits, now)

    def hear(self, stream: str, now: float) -> None:
        """Something valid came on this stream."""
        self._heard[stream] = now

    def silent(self, now: float) -> str:
        """Why the connection cannot be relied on; empty where nothing is wrong.

        >>> dog = Watchdog({"book": 5.0, "trade": 30.0})
        >>> dog.begin(100.0), dog.hear("trade", 104.0), dog.silent(104.9), dog.silent(105.0)
        (None, None, '', 'no book for 5 s')
        """
        late = [x for x, limit in self._limits.items() if now - self._heard[x] >= limit]
        if not late:
            return ""
        first = min(late, key=lambda stream: self._limits[stream])
        return f"no {first.partition('@')[2] or first} for {self._limits[first]:g} s"


class Believability:
    """Notices a flood of frames that cannot be believed."""

    LIMIT = 50.0

    def __init__(self) -> None:
        self._score = 0.0

    def count(self, good: int, bad: int) -> bool:
        """Some frames came; true when the bad ones are too many.

        A bad one weighs as much as ten good ones, so one in ten is what we put up with.
        """
        self._score = max(0.0, self._score - good / 10) + bad
        return self._score >= self.LIMIT
