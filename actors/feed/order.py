"""The order of what comes: what came before, what is missing, what cannot be believed.

The exchange numbers its books and trades; numbers and times never run backwards there. Here they
may: frames come twice while two connections overlap, and a wrong one must not make all later ones
look old. So what contradicts the newest is refused, until the contradiction has stood for a while.
"""

from collections.abc import Iterable
from itertools import groupby

from domain.market import Book, Trade
from domain.units import MINUTE, SECOND, Nanos

AHEAD_MAX = Nanos(10 * SECOND)
"""How far ahead of the exchange's clock an event may be dated."""

BEHIND_MAX = Nanos(MINUTE)
"""How much older than the newest trade another one may be."""

JUMP_MAX = 1_000_000
"""More trades than this cannot be missing at once; a day has a few million."""

STUBBORN = 50
"""So many contradictions in a row, and it is the newest that was wrong."""

MISSING_MAX = 5_000
"""Trades that we remember to be missing; of more, the newest."""

GRACE = 0.5
"""How long a missing trade may still come by itself [s]."""

Range = tuple[int, int]
"""The first and the last number, both included."""


class Disorder(ValueError):  # noqa: N818 - it names what came
    """This contradicts what came before."""


class BookOrder:
    """Passes books on in the order of their numbers, each once."""

    __slots__ = ("_newest", "_other", "_refused")

    def __init__(self) -> None:
        self._newest = 0
        self._other = 0
        self._refused = 0

    def new(self, book: Book) -> bool:
        """Whether it is newer than all before."""
        if book.update_id > self._newest or not book.update_id or self._refused >= STUBBORN:
            self._newest, self._refused = book.update_id, 0
            return True
        self._refused = self._refused + 1 if book.update_id > self._other else 0
        self._other = book.update_id
        return False


class TradeOrder:
    """Passes trades on, each once; knows which are missing."""

    def __init__(self) -> None:
        self._newest: Trade | None = None
        self._missing: dict[int, float] = {}
        self._refused = 0

    def new(self, trade: Trade, now: float) -> bool:
        """Whether it has not come before; `now` is any clock's time [s].

        Raises:
            Disorder: its number or its time cannot be.
        """
        newest = self._newest
        if newest is None or trade.trade_id == newest.trade_id + 1:
            self._advance(trade, newest)
            return True
        if trade.trade_id <= newest.trade_id:
            return self._missing.pop(trade.trade_id, None) is not None
        if trade.trade_id - newest.trade_id > JUMP_MAX:
            self._contradict(trade, "its number is far ahead of the newest")
            return True
        self._advance(trade, newest)
        first = max(newest.trade_id + 1, trade.trade_id - MISSING_MAX)
        self._missing.update(dict.fromkeys(range(first, trade.trade_id), now))
        for number in list(self._missing)[:-MISSING_MAX]:
            del self._missing[number]
        return True

    def overdue(self, now: float) -> list[Range]:
        """Numbers of trades that should have come by now; forgotten here, so fetch them."""
        late = [number for number, since in self._missing.items() if now - since >= GRACE]
        for number in late:
            del self._missing[number]
        return list(_ranges(late))

    @property
    def whole(self) -> bool:
        """Whether none is missing."""
        return not self._missing

    def _advance(self, trade: Trade, newest: Trade | None) -> None:
        if newest is not None and trade.at < newest.at - BEHIND_MAX:
            self._contradict(trade, "its time is long before the newest's")
            return
        self._newest, self._refused = trade, 0

    def _contradict(self, trade: Trade, reason: str) -> None:
        self._refused += 1
        if self._refused < STUBBORN:
            raise Disorder(reason)
        self._newest, self._refused = trade, 0
        self._missing.clear()


def check_time(at: Nanos, now: Nanos) -> None:
    """Raise Disorder where an event is dated after the exchange's present."""
    if at - now > AHEAD_MAX:
        raise Disorder(f"it is dated {(at - now) / SECOND:.0f} s ahead of the clock")


def _ranges(numbers: Iterable[int]) -> Iterable[Range]:
    for _, run in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        yield found[0], found[-1]
