"""Trades that did not come on the stream, fetched by REST. Any thread may ask."""

from collections.abc import Callable

from actors.feed.bodies import read_trades
from actors.feed.order import Range
from actors.feed.rest import Rest
from actors.feed.wire import BadFrame
from actors.messages import FeedInbox, Rejected
from domain.errors import VenueUnavailable
from domain.market import Trade
from domain.units import Nanos

ROWS_MAX = 1000
"""Trades that the exchange hands out in one answer."""

STREAM = "trade"


class LostTrades:
    """Finds trades by their numbers, and says how many were missing."""

    def __init__(self, rest: Rest, symbol: str, tell: Callable[[FeedInbox], None]) -> None:
        self._rest = rest
        self._symbol = symbol
        self._tell = tell

    def fetch(self, missing: Range, at: Nanos) -> None:
        """Tell the trades of these numbers, then what was amiss."""
        first, last = missing
        try:
            found = self._pages(first, last)
            result = f"{len(found)} fetched again"
        except (VenueUnavailable, BadFrame) as error:
            found, result = [], f"and cannot be fetched: {error}"
        for trade in found:
            self._tell(trade)
        reason = f"{last - first + 1} trades from number {first} on did not come; {result}"
        self._tell(Rejected(at, STREAM, reason))

    def _pages(self, first: int, last: int) -> list[Trade]:
        found: list[Trade] = []
        while first <= last:
            asked: dict[str, str | int] = {
                "symbol": self._symbol,
                "fromId": first,
                "limit": min(ROWS_MAX, last - first + 1),
            }
            body = self._rest.get("/api/v3/historicalTrades", asked)
            page = [trade for trade in read_trades(body) if first <= trade.trade_id <= last]
            if not page:
                break
            found += page
            first = page[-1].trade_id + 1
        return found
