"""Where market data comes from: what the feed asks of a source, whichever it is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from actors.actor import Mailbox
from actors.messages import FeedInbox, Rejected
from domain.facts import Mode
from domain.horizons import Timeframe
from domain.market import Candle, MarketEvent
from domain.units import Nanos


class Source(Protocol):
    """Market data that can be read in the order of time: a recording, an archive, the demo.

    Attributes:
        mode: how its results are labelled.
        identity: one word that tells this market from others, e.g. `demo-1`.
        modelled: whether its books are made, not seen.
        start: time of the first event [ns].
        streamed: whether it is what a live line heard, so that it shows how steady that was.
    """

    mode: Mode
    identity: str
    modelled: bool
    start: Nanos
    streamed: bool

    def history(self) -> Sequence[Candle]:
        """The last INGESTION candles of each timeframe that were complete at `start`.

        Shortest timeframe first, each oldest first; fewer, or with holes, where the source has no
        more. Candles of longer timeframes may be derived.
        """

    def events(self) -> Iterator[MarketEvent | Rejected]:
        """Everything from `start` on, in order of time; a one-minute candle when it has closed."""

    def summary(self) -> str:
        """What has been read so far, in a sentence; '' where that is of no interest."""


class Line(Protocol):
    """What carries a source to the feed. It tells, and is never waited for.

    Attributes:
        networked: whether it comes from elsewhere, so that the clocks must be compared.
        streamed: whether it comes as it comes, so that it must be steady before anybody trades.
    """

    networked: bool
    streamed: bool

    def open(self, feed: Mailbox[FeedInbox], have: Mapping[Timeframe, Nanos]) -> None:
        """Start delivering; returns at once.

        First comes one `Fetched` with the history that is missing after `have` (the open time of
        the newest candle of each timeframe whose INGESTION predecessors stand in the cache), then
        `Connected` and the events; or `Unreachable`.
        """

    def refetch(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> None:
        """Ask for the candles from open time `first` to `last`, both included, as a `Fetched`."""

    def close(self) -> None:
        """Stop delivering and let go; returns within a second or two. May be called twice."""
