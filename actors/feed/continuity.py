"""No candle goes on while one before it is missing: first the hole is fetched, then it follows."""

import threading
from collections.abc import Callable

from actors.messages import Fetched
from domain.market import Candle
from domain.units import MINUTE, Nanos


class Continuity:
    """Passes closed one-minute candles on, each once, in order, and without holes.

    Where fetching fails the held candles go on all the same: what is missing is then seen, and
    asked for again, by whoever keeps the series.
    """

    def __init__(
        self,
        tell: Callable[[Candle | Fetched], None],
        fetch: Callable[[Nanos, Nanos], Fetched],
        spawn: Callable[[Callable[[], None]], None],
    ) -> None:
        self._tell = tell
        self._fetch = fetch
        self._spawn = spawn
        self._lock = threading.Lock()
        self._last: Nanos | None = None
        self._held: list[Candle] = []
        self._mending = False

    def begin(self, last: Nanos) -> None:
        """The newest candle that is known has this open time."""
        self._last = last

    def catch_up(self, newest: Nanos) -> None:
        """The exchange has closed candles up to this open time: fetch those that we missed."""
        with self._lock:
            if self._last is not None and newest > self._last and not self._mending:
                self._mend(Nanos(self._last + MINUTE), newest)

    def candle(self, candle: Candle) -> None:
        """A candle closed."""
        with self._lock:
            if self._mending:
                self._held.append(candle)
            elif self._last is None or candle.open_time == self._last + MINUTE:
                self._pass(candle)
            elif candle.open_time > self._last:
                self._held.append(candle)
                self._mend(Nanos(self._last + MINUTE), Nanos(candle.open_time - MINUTE))

    def _mend(self, first: Nanos, last: Nanos) -> None:
        self._mending = True
        self._spawn(lambda: self._fill(first, last))

    def _fill(self, first: Nanos, last: Nanos) -> None:
        fetched = self._fetch(first, last)
        with self._lock:
            self._tell(fetched)
            if fetched.candles:
                self._last = fetched.candles[-1].open_time
            for candle in self._held:
                if self._last is None or candle.open_time > self._last:
                    self._pass(candle)
            self._held.clear()
            self._mending = False

    def _pass(self, candle: Candle) -> None:
        self._last = candle.open_time
        self._tell(candle)
