"""Everything that happens and is told to the world: one class an event, as the log writes it.

The names and fields are the program's contract. `at` comes first in each; the event's own name is
`EVENTS[type(fact)]`. Durations in `seconds` and `took_ms` are wall-clock and may differ between two
runs of the same replay; nothing else may.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.horizons import Timeframe
from domain.market import Side
from domain.signals import Direction
from domain.units import Money, Nanos, Price, Quantity


class Mode(StrEnum):
    """Where the market data comes from; always on screen and in every record."""

    LIVE = "LIVE"
    DEMO = "DEMO"
    REPLAY = "REPLAY"


class Decision(StrEnum):
    """What the trader is doing, in the mission's seven words."""

    ANALYZING = "ANALYZING"
    LONG_ENTRY = "LONG ENTRY"
    SHORT_ENTRY = "SHORT ENTRY"
    POSITION_HOLD = "POSITION HOLD"
    CLOSE_POSITION = "CLOSE POSITION"
    RISK_PAUSE = "RISK PAUSE"
    WAITING = "WAITING"


class Liquidity(StrEnum):
    """Whether a fill took liquidity from the book or gave it."""

    MAKER = "MAKER"
    TAKER = "TAKER"


@dataclass(frozen=True, slots=True)
class Starting:
    """The program begins; `book` is `real` or `modelled`."""

    at: Nanos
    mode: Mode
    version: str
    book: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a start criterion is; `done` of `total`, and whether it is met."""

    at: Nanos
    criterion: str
    done: int
    total: int
    met: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Ingested:
    """The history stands: so many candles, so many of them repaired."""

    at: Nanos
    candles: int
    seconds: float
    repaired: int


@dataclass(frozen=True, slots=True)
class Baselined:
    """What is usual for this market, measured on the history and on the first hundred books.

    Attributes:
        at: when it was complete.
        volatility: of each timeframe's returns, scaled to a day [fraction], shortest first.
        correlation: Pearson's, of the timeframes' returns where both close, a row each.
        spread_bps: mean of the relative spread [basis points].
    """

    at: Nanos
    volatility: tuple[float, ...]
    correlation: tuple[tuple[float, ...], ...]
    spread_bps: float


@dataclass(frozen=True, slots=True)
class Ready:
    """Every start criterion is met; trading may begin. A verified model gives stock's numbers."""

    at: Nanos
    model: str
    model_sha: str
    seconds: float
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Forecasted:
    """The model ran on the candles that closed at `closed_at`."""

    at: Nanos
    took_ms: float
    closed_at: Nanos


@dataclass(frozen=True, slots=True)
class Signalled:
    """The forecasts fused into one signal."""

    at: Nanos
    direction: Direction
    confidence: float
    expected_bps: float
    probability: float
    gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Decided:
    """What the trader does now, and why."""

    at: Nanos
    state: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order went out; `price` is the reference price it was decided on."""

    at: Nanos
    id: str
    side: Side
    quantity: Quantity
    kind: str
    price: Price


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """An order stayed here or came back, and why."""

    at: Nanos
    id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filled:
    """One execution. Slippage is against the mid when the order was sent, positive when it cost."""

    at: Nanos
    order: str
    side: Side
    price: Price
    quantity: Quantity
    fee: Money
    liquidity: Liquidity
    latency_ms: float
    slippage_bps: float


@dataclass(frozen=True, slots=True)
class Funded:
    """Funding was settled; the amount is positive when received."""

    at: Nanos
    rate: Decimal
    amount: Money


@dataclass(frozen=True, slots=True)
class Closed:
    """A position is flat again; `pnl` is after all its costs."""

    at: Nanos
    pnl: Money
    reason: str


@dataclass(frozen=True, slots=True)
class Accounted:
    """The account, marked to market; drawdown is a fraction of the high-water mark.

    The margin ratio is maintenance margin over what backs the position, which is liquidated from 1
    on, at the liquidation price; both are 0 while nothing is open.
    """

    at: Nanos
    balance: Money
    equity: Money
    drawdown: float
    margin_ratio: float = 0.0
    liquidation_price: Price = Price(Decimal(0))  # noqa: RUF009 - a NewType call is the value itself


@dataclass(frozen=True, slots=True)
class FeedDown:
    """Market data stopped coming."""

    at: Nanos
    reason: str


@dataclass(frozen=True, slots=True)
class FeedUp:
    """Market data flows again after so many seconds."""

    at: Nanos
    seconds: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Candles were missing; so many of them could be fetched again."""

    at: Nanos
    timeframe: Timeframe
    missing: int
    repaired: int


@dataclass(frozen=True, slots=True)
class BadMessage:
    """A frame that we could not accept, and why; the last valid value stays."""

    at: Nanos
    stream: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActorRestarted:
    """An actor died of this error and lives again."""

    at: Nanos
    actor: str
    error: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Halted:
    """Trading is stopped until a person says so, or until it is resumed."""

    at: Nanos
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """What had stopped trading is gone, and trading goes on by itself."""

    at: Nanos
    reason: str


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """The state was written under this number."""

    at: Nanos
    sequence: int


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A copy of the state was written to this file."""

    at: Nanos
    file: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something a person should know, in one sentence."""

    at: Nanos
    text: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The program begins to stop."""

    at: Nanos
    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Everything is saved and closed."""

    at: Nanos
    seconds: float


Fact = (
    Starting
    | Progress
    | Ingested
    | Baselined
    | Ready
    | Forecasted
    | Signalled
    | Decided
    | Ordered
    | OrderRefused
    | Filled
    | Funded
    | Closed
    | Accounted
    | FeedDown
    | FeedUp
    | Gap
    | BadMessage
    | ActorRestarted
    | Halted
    | Resumed
    | Checkpointed
    | BackedUp
    | Noted
    | Stopping
    | Stopped
)

EVENTS: dict[type, str] = {
    Starting: "starting",
    Progress: "progress",
    Ingested: "ingested",
    Baselined: "baselines",
    Ready: "ready",
    Forecasted: "forecast",
    Signalled: "signal",
    Decided: "decision",
    Ordered: "order",
    OrderRefused: "refused",
    Filled: "fill",
    Funded: "funding",
    Closed: "closed",
    Accounted: "account",
    FeedDown: "feed_lost",
    FeedUp: "feed_restored",
    Gap: "gap",
    BadMessage: "bad_message",
    ActorRestarted: "actor_restarted",
    Halted: "halted",
    Resumed: "resumed",
    Checkpointed: "checkpoint",
    BackedUp: "backup",
    Noted: "note",
    Stopping: "stopping",
    Stopped: "stopped",
}
"""The name of each event in the log."""
