"""The way from the line to the feed: where the feed cannot keep up, less goes through, none lost.

Of books and tickers the newest goes; trades are summed up; candles and all else go at once.
"""

from actors.actor import Address, Mailbox
from actors.messages import FeedInbox
from domain.market import Book, Ticker, Trade, summed

WAITING_MAX = 400
"""With so many messages in the feed's inbox, the market waits here."""

TRADES_AT_ONCE = 20
"""More trades than this of one look at the connection go summed up."""


class Outlet:
    """Used by one thread."""

    def __init__(self, feed: Mailbox[FeedInbox]) -> None:
        self._feed = feed
        self._newest: dict[type, Book | Ticker] = {}
        self._trades: list[Trade] = []

    def put(self, event: Book | Ticker | Trade) -> None:
        """Take this along with the next lot."""
        if isinstance(event, Trade):
            self._trades.append(event)
        else:
            self._newest[type(event)] = event

    def flush(self) -> None:
        """Let through what is held, or fold it up where the feed is busy."""
        if not self._newest and not self._trades:
            return
        if len(self._trades) > TRADES_AT_ONCE:
            self._trades = list(summed(self._trades))
        if isinstance(self._feed, Address) and self._feed.waiting > WAITING_MAX:
            return
        for event in (*self._trades, *self._newest.values()):
            self._feed.tell(event)
        self._trades.clear()
        self._newest.clear()
