"""What the dashboard knows at one moment: the newest of everything, with the time it is from.

Nothing here is computed from the trader's inside; a `View` is folded from what everybody is told.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from actors.messages import Connected, LineVitals, Vitals
from domain.account import OPENING_BALANCE, Marked
from domain.drawdown import STOPPED_FROM, HighWater
from domain.facts import (
    Accounted,
    Checkpointed,
    Decided,
    Decision,
    Fact,
    FeedDown,
    Ordered,
    OrderRefused,
    Progress,
    Ready,
    Starting,
)
from domain.freshness import BOOK_AGE_MAX
from domain.horizons import TIMEFRAMES, Timeframe
from domain.life import Status
from domain.market import Book, Candle, MarkPrice, Ticker, Trade
from domain.microstructure import MarketQuality
from domain.signals import Forecast, Signal
from domain.units import BASIS_POINTS, DAY, SECOND, Money, Nanos, Price, Quantity

BOOK_STALE = BOOK_AGE_MAX
"""Oldest book that is shown as current: as old as one that may be traded on."""

MODELLED_STALE = Nanos(90 * SECOND)
"""The same where a book is made from a one-minute candle."""

ACCOUNT_STALE = Nanos(10 * SECOND)
"""The account is valued at each tick; an older one says nothing of now."""

MINUTE_STALE = Nanos(90 * SECOND)
"""Age from which something that comes every minute is late."""

REFERENCE = Timeframe.M15
"""Its candles stand in for the exchange's own 24-hour figure where no ticker comes."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A price, and when it was one."""

    at: Nanos
    price: Price


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something went wrong since the program began."""

    bad_messages: int = 0
    gaps: int = 0
    feed_losses: int = 0
    refusals: int = 0
    restarts: int = 0
    lost_lines: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """How good the book was at one moment: basis points, a ratio, USD."""

    at: Nanos
    spread_bps: float
    pressure: float
    liquidity: float


@dataclass(frozen=True, slots=True)
class Worth:
    """Equity, and the highest there was until then [USDT]."""

    at: Nanos
    equity: float
    high_water: float


@dataclass(frozen=True, slots=True)
class Score:
    """So many forecasts of a timeframe were judged; so many came true in each interval."""

    total: int
    inside: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order with what became of it.

    Attributes:
        at: when something last happened to it.
        order: as it went out.
        filled: how much of it was executed [base].
        paid: what that was worth before fees [quote currency].
        fee: paid for it [quote currency].
        latency_ms: from sending to its newest fill; None before the first.
        refusal: why the rest of it, or all, stays undone; empty where it does not.
        canceled: that was on purpose, as a stop is once the target is reached.
    """

    at: Nanos
    order: Ordered
    filled: Quantity = Quantity(Decimal(0))  # noqa: RUF009 - a NewType call is the value itself
    paid: Money = Money(Decimal(0))  # noqa: RUF009
    fee: Money = Money(Decimal(0))  # noqa: RUF009
    latency_ms: float | None = None
    refusal: str = ""
    canceled: bool = False

    def refused(self, fact: OrderRefused) -> "Ticket":
        """The order after this refusal."""
        canceled = fact.code == Status.CANCELED
        return replace(self, at=fact.at, refusal=fact.reason or fact.code, canceled=canceled)

    @property
    def slippage_bps(self) -> float | None:
        """How much worse than its reference it was filled [basis points]."""
        if self.filled <= 0 or self.order.price <= 0:
            return None
        away = self.paid / self.filled / self.order.price - 1
        return float(away) * self.order.side.sign * BASIS_POINTS


@dataclass(frozen=True, slots=True)
class Refused:
    """How often orders were refused for one reason, and when last."""

    at: Nanos
    code: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long the newest of each took [ms]: inference, and orders from sending to fill."""

    inference: tuple[float, ...] = ()
    fills: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Pace:
    """How one actor works.

    Attributes:
        per_second: messages it handles in a second of market time; None where nobody knows.
        waited_ms: how long messages waited for it, newest last.
    """

    per_second: float | None = None
    waited_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """Everything that a panel may show.

    Attributes:
        now: market time; None before the first message that has one.
        starting: what the program said of itself when it began.
        progress: newest state of each start criterion, in the order they were first heard of.
        ready: what the model is; None until trading may begin.
        halted: why trading is stopped until a person says so; empty where it is not.
        ending: why the program ends; empty while it does not.
        book: newest book.
        quote: newest price of a trade, else of a ticker, else the book's mid, else a close.
        earlier: price a minute ago.
        ticker: newest 24-hour figures.
        quality: newest measure of the book.
        candles: of each timeframe, those that we were told, oldest first.
        tape: newest trades of others, oldest first.
        samples: the book's figures over the last minutes, oldest first.
        forecast: newest forecasts.
        signal: newest fused signal.
        decision: newest decision.
        marked: newest state of the account.
        accounted: newest account fact, for as long as nothing better is known.
        equity: its course since the program began, at even steps, oldest first.
        tickets: our newest orders, newest first.
        refused: why orders were refused, the most frequent first.
        endings: why positions were closed, by the moment of their end.
        scores: how often what happened fell inside the intervals, by timeframe.
        scored_since: since when that is counted.
        latencies: how long things took.
        heard: messages that the dashboard hears in a second.
        received: what comes from the venue [bytes a second]; None where nobody says.
        counted: when that was counted last.
        restarts: of each actor that died.
        vitals: how the actors do; None where nobody says.
        vitals_every: market time between the last two of them.
        paces: how each actor works, by its name.
        endpoint: which line delivers; None where nobody says.
        lines: how it stands with the venue's addresses; None where nobody says.
        mark: newest mark price; None where nobody says.
        fed: when market data last came.
        feed_down: why no market data comes; None where it does.
        checkpoint: newest saved state.
        counts: what went wrong.
        tail: newest events, oldest first.
    """

    now: Nanos | None
    starting: Starting | None
    progress: tuple[Progress, ...]
    ready: Ready | None
    halted: str
    ending: str
    book: Book | None
    quote: Quote | None
    earlier: Price | None
    ticker: Ticker | None
    quality: MarketQuality | None
    candles: tuple[tuple[Candle, ...], ...]
    tape: tuple[Trade, ...]
    samples: tuple[Sample, ...]
    forecast: Forecast | None
    signal: Signal | None
    decision: Decided | None
    marked: Marked | None
    accounted: Accounted | None
    equity: tuple[Worth, ...]
    tickets: tuple[Ticket, ...]
    refused: tuple[Refused, ...]
    endings: dict[Nanos, str]
    scores: tuple[Score, ...]
    scored_since: Nanos | None
    latencies: Latencies
    heard: float | None
    received: float | None
    counted: Nanos | None
    restarts: tuple[tuple[str, int], ...]
    vitals: Vitals | None
    vitals_every: Nanos
    paces: dict[str, Pace]
    endpoint: Connected | None
    lines: LineVitals | None
    mark: MarkPrice | None
    fed: Nanos | None
    feed_down: FeedDown | None
    checkpoint: Checkpointed | None
    counts: Counts
    tail: tuple[Fact, ...]

    @property
    def modelled(self) -> bool:
        """Whether the book is made from candles, not seen at a venue."""
        if self.book is not None:
            return self.book.modelled
        return self.starting is not None and self.starting.book == "modelled"

    @property
    def starting_up(self) -> bool:
        """Whether trading has not begun yet."""
        decided = self.decision is not None and self.decision.state is not Decision.ANALYZING
        return self.ready is None and not decided

    @property
    def stale_after(self) -> Nanos:
        """Age from which prices and books are no longer current."""
        return MODELLED_STALE if self.modelled else BOOK_STALE

    @property
    def account_stale(self) -> Nanos:
        """Age from which the account is no longer current."""
        return max(ACCOUNT_STALE, self.stale_after)

    @property
    def account_late(self) -> bool:
        """Whether what is known of the account is no longer current."""
        return self.age(self.account_at) > self.account_stale

    @property
    def account_at(self) -> Nanos | None:
        """As of when the account is known; a position is worth what the market last said."""
        if self.marked is None:
            return None
        valued = self.valued_at if self.holding else None
        return self.marked.at if valued is None else min(self.marked.at, valued)

    def age(self, at: Nanos | None) -> Nanos:
        """How long ago that was; what was said to come later is from now [ns]."""
        if self.now is None or at is None:
            return Nanos(0)
        return Nanos(max(0, self.now - at))

    @property
    def change(self) -> float | None:
        """Price against 24 hours ago [fraction], None where neither source knows."""
        if self.ticker is not None and self.age(self.ticker.at) < MINUTE_STALE:
            return self.ticker.change
        if self.quote is None or self.forecast is None:
            return None
        closes = self.forecast.closes[TIMEFRAMES.index(REFERENCE)]
        yesterday = float(closes[-1 - DAY // REFERENCE.span])
        return float(self.quote.price) / yesterday - 1 if yesterday > 0 else None

    @property
    def drift(self) -> int:
        """Where the price went within the last minute: up +1, nowhere 0, down -1."""
        if self.quote is None or self.earlier is None:
            return 0
        return (self.quote.price > self.earlier) - (self.quote.price < self.earlier)

    @property
    def unrealised(self) -> Money | None:
        """What the position would bring if it closed here without costs; None when flat.

        What it has cost until now and what parts of it have brought already are counted. The venue
        values at its mark price, which may come but once a minute; the book is of this moment.
        """
        if self.marked is None or (position := self.marked.account.position) is None:
            return None
        price, book = self.marked.price, self.book
        if book is not None and (price is None or self.age(book.at) <= self.stale_after):
            price = book.mid
        if price is None:
            return None
        return Money(position.gain(price) + position.gained - position.costs)

    @property
    def valued_at(self) -> Nanos | None:
        """When the price was one at which the position is valued; None where nobody knows.

        The account is added up at each tick, also where the market's prices have stopped coming.
        """
        known = [x.at for x in (self.book, self.mark) if x is not None]
        return max(known) if known else None if self.marked is None else self.marked.at

    @property
    def holding(self) -> bool:
        """Whether a position is open, as far as we know."""
        return self.marked is not None and self.marked.account.position is not None

    @property
    def high_water(self) -> HighWater | None:
        """The account's best and what is known since; None before the account is."""
        known = self.marked
        return None if known is None else known.mark

    @property
    def drawdown_used(self) -> float | None:
        """Share of the drawdown limit that is used [fraction]."""
        known = self.marked or self.accounted
        return None if known is None else known.drawdown / STOPPED_FROM


def of_opening(amount: Decimal) -> float:
    """An amount against what the wallet began with [fraction], as the mission's screen has it."""
    return float(amount / OPENING_BALANCE)
