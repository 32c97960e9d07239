"""No candle goes on while one before it is missing, or while there is reason to doubt it.

First the exchange's REST API is asked, then the candle follows. Where it does not answer the held
candles go on all the same, and what could not be asked is asked with every later candle until
there is an answer.
"""

import threading
from collections.abc import Callable

from actors.messages import Fetched, Rejected
from domain.candles import alike
from domain.market import Candle
from domain.units import MINUTE, Nanos

STREAM = "kline_1m"

ASKED_IN_VAIN_MAX = 10
"""So many answers without a candle, and the exchange does not have it."""


class Continuity:
    """Passes closed one-minute candles on, each once, in order, and without holes."""

    def __init__(
        self,
        tell: Callable[[Candle | Fetched | Rejected], None],
        fetch: Callable[[Nanos, Nanos], Fetched],
        spawn: Callable[[Callable[[], None]], None],
    ) -> None:
        self._tell = tell
        self._fetch = fetch
        self._spawn = spawn
        self._lock = threading.Lock()
        self._last: Nanos | None = None
        self._asked_until = Nanos(0)
        self._owed: Nanos | None = None
        self._asked_in_vain = 0
        self._held: list[tuple[Candle, bool]] = []
        self._mending = False

    def begin(self, last: Nanos) -> None:
        """The newest candle that is known has this open time."""
        self._last = last

    def catch_up(self, newest: Nanos, doubted: Nanos | None = None) -> None:
        """The exchange has closed candles up to this open time: fetch those that we missed.

        Those from `doubted` on are fetched again although we have them.
        """
        with self._lock:
            if self._last is None or self._mending:
                return
            first = Nanos(self._last + MINUTE)
            first = min(first, doubted or first, self._owed or first)
            if first <= newest:
                self._mend(first, newest)

    def candle(self, candle: Candle, *, doubtful: bool = False) -> None:
        """A candle closed; where it is doubtful, the exchange's second word on it counts."""
        with self._lock:
            self._hear(candle, doubtful)

    def _hear(self, candle: Candle, doubtful: bool, *, again: bool = False) -> None:  # noqa: FBT001
        """Pass it on, or hold it and ask; `again`: it was held, and nobody answers."""
        if self._mending:
            self._held.append((candle, doubtful))
            return
        if self._last is not None and candle.open_time <= self._last:
            return
        known = max(self._last or Nanos(candle.open_time - MINUTE), self._asked_until)
        first, last = Nanos(known + MINUTE), candle.open_time
        if not doubtful:
            last = Nanos(last - MINUTE)
        if self._owed is not None and not again:
            first = min(first, self._owed)
        if first <= last:
            self._held.append((candle, doubtful))
            self._mend(first, last)
        else:
            self._pass(candle)

    def _mend(self, first: Nanos, last: Nanos) -> None:
        self._mending = True
        self._spawn(lambda: self._fill(first, last))

    def _fill(self, first: Nanos, last: Nanos) -> None:
        fetched = self._fetch(first, last)
        with self._lock:
            self._compare(fetched)
            self._tell(fetched)
            self._owe(first, last, fetched)
            if fetched.candles:
                self._last = max(self._last or Nanos(0), fetched.candles[-1].open_time)
            self._asked_until = max(self._asked_until, last)
            self._mending = False
            held, self._held = self._held, []
            for candle, doubtful in held:
                self._hear(candle, doubtful, again=not fetched.candles)

    def _owe(self, first: Nanos, last: Nanos, fetched: Fetched) -> None:
        """Remember from where on the answer is no answer; an exchange that has none has none."""
        if self._owed is not None and first > self._owed:
            return
        found = {candle.open_time for candle in fetched.candles}
        lacking = [at for at in range(first, last + 1, MINUTE) if at not in found]
        self._asked_in_vain = self._asked_in_vain + 1 if lacking and found else 0
        if not lacking or self._asked_in_vain > ASKED_IN_VAIN_MAX:
            self._owed = None
        else:
            self._owed = Nanos(lacking[0])

    def _compare(self, fetched: Fetched) -> None:
        """Say where the second word is another one than the first."""
        told = {candle.open_time: candle for candle in fetched.candles}
        for candle, _ in self._held:
            other = told.get(candle.open_time, candle)
            if not alike(other, candle):
                reason = (
                    f"the candle that closed at {other.close} was streamed as {candle.close}; "
                    "the first is the exchange's second word, and stands"
                )
                self._tell(Rejected(candle.close_time, STREAM, reason))

    def _pass(self, candle: Candle) -> None:
        self._last = candle.open_time
        self._tell(candle)
