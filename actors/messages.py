"""Who hears what.

A domain value that is a fact already (a book, a fill, an approved order) travels as itself. This
file adds only the words the domain has no need of, and lists for each actor all it understands.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.account import Marked
from domain.clock_offset import ClockOffset
from domain.facts import Fact
from domain.horizons import Timeframe
from domain.instrument import Instrument
from domain.market import Book, Candle, MarkPrice, Ticker, Trade
from domain.microstructure import MarketQuality
from domain.orders import Approved
from domain.signals import Forecast, Signal
from domain.tally import Tallied
from domain.terms import Terms
from domain.units import Nanos


@dataclass(frozen=True, slots=True)
class Begin:
    """Read your store and start your work. Sent once to each incarnation of an actor."""


@dataclass(frozen=True, slots=True)
class Tick:
    """This is the time now. Nobody looks at a clock themselves."""

    now: Nanos


@dataclass(frozen=True, slots=True)
class Connected:
    """The line to the venue delivers data (again)."""

    at: Nanos
    endpoint: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The line to the venue is down, and is being mended."""

    at: Nanos
    reason: str


@dataclass(frozen=True, slots=True)
class ClocksCompared:
    """The exchange was asked for the time."""

    at: Nanos
    offset: ClockOffset


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something about the line that a person should know."""

    at: Nanos
    text: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The line cannot deliver: the program cannot start, and ends with this status."""

    reason: str
    status: int = 3


@dataclass(frozen=True, slots=True)
class Rejected:
    """A frame the line could not accept."""

    at: Nanos
    stream: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """Candles that the feed asked for, oldest first; `wanted` is what the span should hold.

    Attributes:
        at: when they were complete at the source.
        candles: of any timeframes, each timeframe oldest first.
        wanted: how many the span should hold.
        seconds: how long fetching took, wall clock.
        repaired: how many of them the first answer lacked.
    """

    at: Nanos
    candles: tuple[Candle, ...]
    wanted: int
    seconds: float
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class Arriving:
    """So many candles of the history have come; `wanted` is what it should hold."""

    at: Nanos
    candles: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The source has no more data; the summary says what it had, where that is of interest."""

    at: Nanos
    summary: str = ""


@dataclass(frozen=True, slots=True)
class CandlesClosed:
    """A minute ended; these candles closed with it, shortest timeframe first."""

    at: Nanos
    candles: tuple[Candle, ...]


@dataclass(frozen=True, slots=True)
class HistoryReady:
    """The candle store holds gap-free history up to this time for these timeframes."""

    at: Nanos
    timeframes: tuple[Timeframe, ...]


@dataclass(frozen=True, slots=True)
class ModelReady:
    """The model is loaded and has forecast once; `verified` says it gives stock's numbers."""

    at: Nanos
    model: str
    sha: str
    verified: bool = False


@dataclass(frozen=True, slots=True)
class FeedReady:
    """History stands and live data flows."""

    at: Nanos


@dataclass(frozen=True, slots=True)
class TradingHalted:
    """Open nothing until a person says so; close what is open."""

    reason: str


@dataclass(frozen=True, slots=True)
class Suspended:
    """Let nothing out, and leave what is open as it is; no reason means that this is over."""

    reason: str


@dataclass(frozen=True, slots=True)
class CloseAndStop:
    """The program is about to end: close what is open, then say so."""

    reason: str


@dataclass(frozen=True, slots=True)
class Flat:
    """Nothing is open and no order is on its way."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A person wants no new positions for now (or again, where `on` is false)."""

    on: bool


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Somebody wants the program to end, with this exit status.

    Attributes:
        reason: why, for a person.
        status: exit status.
        market: there is still a market in which an open position can be closed.
    """

    reason: str
    status: int = 0
    market: bool = True


@dataclass(frozen=True, slots=True)
class ChildDied:
    """An actor ended because of an error.

    Attributes:
        name: of the actor, or of a thread of ours that is none.
        error: what it died of.
        fatal: a person has to act.
        status: what the program would end with.
        urn: which incarnation it was; '' where nobody knows.
        unwritable: the disk took what it wrote no more, so nobody is to blame.
    """

    name: str
    error: str
    fatal: bool
    status: int = 0
    urn: str = ""
    unwritable: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """A second went by on the wall, whatever the market's time does; for the supervisor alone.

    Attributes:
        now: of a clock that only ever goes forward, and starts anywhere [ns].
    """

    now: Nanos


@dataclass(frozen=True, slots=True)
class RoomVitals:
    """How one actor does.

    Attributes:
        name: of the actor.
        restarts: how often it has died and was started again.
        waiting: messages in its inbox.
        skipped: values that were overtaken by newer ones of their kind, ever.
        dropped: messages that came while it was dead, ever.
        handled: messages that its present incarnation has handled.
        waited_ms: how long the newest one that was timed waited in the inbox; None before it.
        alive: it has a present incarnation.
    """

    name: str
    restarts: int
    waiting: int
    skipped: int
    dropped: int
    handled: int = 0
    waited_ms: float | None = None
    alive: bool = True


@dataclass(frozen=True, slots=True)
class Vitals:
    """How all actors do; for the dashboard, once a second."""

    at: Nanos
    rooms: tuple[RoomVitals, ...]


@dataclass(frozen=True, slots=True)
class EndpointVitals:
    """How it stands with one address of the venue.

    Attributes:
        kind: what it serves, such as `rest`.
        address: its base URL.
        circuit: `closed` where it is used, `open` where it is left alone, `half-open` on probation.
        current: it is the one in use.
    """

    kind: str
    address: str
    circuit: str
    current: bool


@dataclass(frozen=True, slots=True)
class LineVitals:
    """How it stands with all addresses; for the dashboard, whenever that changes."""

    at: Nanos
    endpoints: tuple[EndpointVitals, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """So many bytes of market data have come from the venue since the line was opened."""

    at: Nanos
    received: int


class Span(StrEnum):
    """A span of wall-clock time that is measured all the while."""

    DELAY = "delay"
    """From an event's own time at the exchange to its arrival here."""
    DECODE = "decode"
    """The reading of one frame of the stream, up to the feed's inbox."""
    COMMIT = "commit"
    """One durable change of the ledger."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How long something took, all that its actor has measured so far; for meters alone."""

    at: Nanos
    span: Span
    times: Tallied


@dataclass(frozen=True, slots=True)
class SignalLeaves:
    """The signal of this moment is told to Risk next; for meters alone.

    Attributes:
        at: the signal's own moment.
        moment: by a clock that only ever goes forward [s].
    """

    at: Nanos
    moment: float


@dataclass(frozen=True, slots=True)
class EntrySent:
    """An order that opens a position is written down and at the venue; for meters alone.

    Attributes:
        at: when it was sent.
        moment: by the same clock as SignalLeaves [s].
    """

    at: Nanos
    moment: float


@dataclass(frozen=True, slots=True)
class ForecastDue:
    """Forecast now: whatever closed in the meantime has been heard. Told by the forecaster itself.

    Attributes:
        at: when what is to be forecast on was complete.
    """

    at: Nanos


FeedInbox = (
    Begin
    | Tick
    | Book
    | Trade
    | Candle
    | Ticker
    | MarkPrice
    | Instrument
    | Connected
    | Disconnected
    | ClocksCompared
    | Noticed
    | Unreachable
    | Rejected
    | Fetched
    | Arriving
    | LineVitals
    | Traffic
    | Measured
    | Exhausted
)
MicrostructureInbox = Begin | Tick | Book | Trade
ForecastInbox = Begin | Tick | HistoryReady | CandlesClosed | ForecastDue
RiskInbox = (
    Begin
    | Tick
    | Book
    | MarketQuality
    | Signal
    | Marked
    | Instrument
    | FeedReady
    | ModelReady
    | TradingHalted
    | Suspended
    | CloseAndStop
    | Pause
    | Terms
)
BrokerInbox = Begin | Tick | Book | Trade | MarkPrice | Instrument | Approved | CloseAndStop
DashboardInbox = (
    Begin
    | Tick
    | Fact
    | Book
    | Trade
    | Ticker
    | Candle
    | MarketQuality
    | Forecast
    | Marked
    | Signal
    | MarkPrice
    | Fetched
    | Connected
    | Vitals
    | LineVitals
    | Traffic
    | Measured
    | SignalLeaves
    | EntrySent
)
SupervisorInbox = Begin | Tick | Beat | ChildDied | StopRequested | Flat
