"""The order book, rebuilt from a snapshot and what changed since, by Binance's rules.

Those rules: keep what changed from the moment the stream opens; take a snapshot; drop every change
that the snapshot holds already; the first one applied must reach across the snapshot's number, and
each later one must follow the one before. Where one does not, updates are lost, the book is wrong,
and only another snapshot helps. A change carries the quantity that stands now, not a difference.
"""

from bisect import bisect_left
from collections import deque

from actors.feed.protocol import DepthDiff, DepthSnapshot
from domain.market import DEPTH, Book, Level, valid
from domain.units import Price

WAITING_MAX = 3_000
"""Changes kept while there is no snapshot to apply them to; five minutes of them."""


class _Ladder:
    """One side of the book: prices in rising order, and beside each its level.

    A search among sorted prices costs a third of looking one up by its hash: hashing a Decimal is
    slow, comparing two is not.
    """

    __slots__ = ("_levels", "_prices")

    def __init__(self, levels: tuple[Level, ...]) -> None:
        rising = sorted(levels, key=lambda level: level.price)
        self._prices: list[Price] = [level.price for level in rising]
        self._levels: list[Level] = rising

    def put(self, level: Level) -> None:
        """Set what waits at a price; nothing at all removes it."""
        index = bisect_left(self._prices, level.price)
        known = index < len(self._prices) and self._prices[index] == level.price
        if not level.quantity:
            del self._prices[index : index + known], self._levels[index : index + known]
        elif known:
            self._levels[index] = level
        else:
            self._prices.insert(index, level.price)
            self._levels.insert(index, level)

    def lowest(self) -> tuple[Level, ...]:
        """The first DEPTH levels, lowest price first."""
        return tuple(self._levels[:DEPTH])

    def highest(self) -> tuple[Level, ...]:
        """The last DEPTH levels, highest price first."""
        return tuple(self._levels[: -DEPTH - 1 : -1])


class RebuiltBook:
    """The state of one order book over time. Give it every change and snapshot, in order.

    Attributes:
        last_id: number of the newest update in the book, None while there is no book.
        holes: how often updates were missing, or the book made no sense.
    """

    __slots__ = ("_asks", "_bids", "_first", "_waiting", "holes", "last_id")

    def __init__(self) -> None:
        self._bids = _Ladder(())
        self._asks = _Ladder(())
        self._first = True
        self._waiting: deque[DepthDiff] = deque(maxlen=WAITING_MAX)
        self.last_id: int | None = None
        self.holes = 0

    @property
    def whole(self) -> bool:
        """Whether every update up to now is in the book."""
        return self.last_id is not None

    def restart(self, snapshot: DepthSnapshot) -> Book | None:
        """Begin with this snapshot and what has changed since, if that is known already.

        A snapshot that comes while the book is whole is older than it, and changes nothing.
        """
        if self.last_id is not None and not self._first:
            return None
        self._bids, self._asks = _Ladder(snapshot.bids), _Ladder(snapshot.asks)
        self.last_id, self._first = snapshot.last_id, True
        waiting, self._waiting = self._waiting, deque(maxlen=WAITING_MAX)
        book = None
        for diff in waiting:
            book = self.apply(diff) or book
        return book if self.whole else None

    def apply(self, diff: DepthDiff) -> Book | None:
        """The best levels after this change; None while there is no whole book."""
        if self.last_id is None:
            self._waiting.append(diff)
            return None
        if diff.last_id <= self.last_id:
            return None
        if not self._continues(diff, self.last_id):
            self._lose(diff)
            return None
        for level in diff.bids:
            self._bids.put(level)
        for level in diff.asks:
            self._asks.put(level)
        self.last_id, self._first = diff.last_id, False
        book = Book(diff.at, self._bids.highest(), self._asks.lowest())
        if not valid(book):
            self._lose(diff)
            return None
        return book

    def _continues(self, diff: DepthDiff, last_id: int) -> bool:
        """After a snapshot a change may begin within it; later each begins where one ended."""
        if self._first:
            return diff.first_id <= last_id + 1
        return diff.follows == last_id

    def _lose(self, diff: DepthDiff) -> None:
        self.holes += 1
        self.last_id = None
        self._waiting.append(diff)
