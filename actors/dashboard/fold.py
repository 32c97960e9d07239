"""Folds messages into a `View`, in any order, without ever failing.

Market data comes hundreds of times a second and is drawn a few times: so the newest values are kept
in place, and become a frozen `View` only when somebody looks.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from actors.dashboard.memory import (
    RATE_LOOKS,
    Calibration,
    Candles,
    Course,
    Looks,
    Paces,
    Rate,
    Recent,
    Tickets,
    appended,
    look,
    per_second,
)
from actors.dashboard.view import (
    Counts,
    Latencies,
    Quote,
    Refused,
    Sample,
    View,
    Worth,
)
from actors.messages import Connected, Fetched, LineVitals, Traffic, Vitals
from domain.account import Marked
from domain.facts import (
    Accounted,
    ActorRestarted,
    BadMessage,
    Checkpointed,
    Closed,
    Decided,
    Fact,
    FeedDown,
    FeedUp,
    Filled,
    Forecasted,
    Gap,
    Halted,
    Ordered,
    OrderRefused,
    Progress,
    Ready,
    Resumed,
    Signalled,
    Starting,
    Stopped,
    Stopping,
)
from domain.horizons import Timeframe
from domain.life import Status
from domain.market import Book, Candle, MarkPrice, Ticker, Trade
from domain.microstructure import MarketQuality
from domain.signals import Direction, Forecast, Signal
from domain.units import MINUTE, SECOND, Nanos, Price

Market = (
    Book
    | Trade
    | Ticker
    | Candle
    | MarketQuality
    | Forecast
    | Signal
    | Marked
    | MarkPrice
    | Fetched
    | Connected
    | Vitals
    | LineVitals
    | Traffic
)
"""What the dashboard hears besides facts."""

TRADE_FRESH = Nanos(5 * SECOND)
"""For so long the last traded price stands before the book's mid takes its place."""

TAIL = 200
CRITERIA = 32
TAPE = 200
REASONS = 32
ENDINGS = 60
TIMES = 240


@dataclass(slots=True)
class Draft:
    """A `View` in the making; the fields say the same as there."""

    now: Nanos | None = None
    starting: Starting | None = None
    progress: dict[str, Progress] = field(default_factory=dict)
    ready: Ready | None = None
    halted: str = ""
    ending: str = ""
    book: Book | None = None
    quote: Quote | None = None
    traded: Nanos | None = None
    minute: deque[Quote] = field(default_factory=lambda: deque(maxlen=64))
    ticker: Ticker | None = None
    quality: MarketQuality | None = None
    candles: Candles = field(default_factory=Candles)
    tape: deque[Trade] = field(default_factory=lambda: deque(maxlen=TAPE))
    samples: Recent[Sample] = field(default_factory=Recent)
    forecast: Forecast | None = None
    signal: Signal | None = None
    direction: Direction | None = None
    decision: Decided | None = None
    marked: Marked | None = None
    accounted: Accounted | None = None
    equity: Course[Worth] = field(default_factory=Course)
    tickets: Tickets = field(default_factory=Tickets)
    refused: dict[str, Refused] = field(default_factory=dict)
    endings: dict[Nanos, str] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    latencies: Latencies = field(default_factory=Latencies)
    rate: Rate = field(default_factory=Rate)
    restarts: dict[str, int] = field(default_factory=dict)
    vitals: Vitals | None = None
    vitals_every: Nanos = SECOND
    paces: Paces = field(default_factory=Paces)
    endpoint: Connected | None = None
    lines: LineVitals | None = None
    traffic: Looks = field(default_factory=lambda: deque(maxlen=RATE_LOOKS))
    mark: MarkPrice | None = None
    fed: Nanos | None = None
    feed_down: FeedDown | None = None
    checkpoint: Checkpointed | None = None
    counts: Counts = field(default_factory=Counts)
    tail: tuple[Fact, ...] = ()

    def price(self, at: Nanos, price: Price) -> None:
        """This is the price; once a second it is kept for a minute."""
        self.quote = Quote(at, price)
        minute = self.minute
        if not minute or abs(at - minute[-1].at) >= SECOND:
            minute.append(self.quote)
            while abs(at - minute[0].at) > MINUTE:
                minute.popleft()

    def view(self) -> View:
        """Everything as it stands."""
        return View(
            now=self.now,
            starting=self.starting,
            progress=tuple(self.progress.values()),
            ready=self.ready,
            halted=self.halted,
            ending=self.ending,
            book=self.book,
            quote=self.quote,
            earlier=self.minute[0].price if self.minute else None,
            ticker=self.ticker,
            quality=self.quality,
            forecast=self.forecast,
            signal=self.signal,
            decision=self.decision,
            marked=self.marked,
            accounted=self.accounted,
            equity=self.equity.points,
            latencies=self.latencies,
            vitals=self.vitals,
            vitals_every=self.vitals_every,
            endpoint=self.endpoint,
            lines=self.lines,
            mark=self.mark,
            fed=self.fed,
            feed_down=self.feed_down,
            checkpoint=self.checkpoint,
            counts=self.counts,
            tail=self.tail,
            **self._kept(),
        )

    def _kept(self) -> dict[str, Any]:
        """What is remembered over time."""
        return {
            "candles": self.candles.held(),
            "tape": tuple(self.tape),
            "samples": tuple(self.samples.points),
            "tickets": self.tickets.newest(),
            "refused": tuple(sorted(self.refused.values(), key=lambda x: -x.count)),
            "endings": dict(self.endings),
            "scores": self.calibration.scores,
            "scored_since": self.calibration.since,
            "heard": self.rate.per_second,
            "received": per_second(self.traffic),
            "counted": self.traffic[-1][0] if self.traffic else None,
            "restarts": tuple(self.restarts.items()),
            "paces": self.paces.held(),
        }


# What the market, the forecaster and the broker say.


def _take_book(draft: Draft, book: Book) -> None:
    draft.book = book
    draft.fed = book.at
    if draft.traded is None or book.at - draft.traded > TRADE_FRESH:
        draft.price(book.at, book.mid)


def _take_trade(draft: Draft, trade: Trade) -> None:
    draft.fed = draft.traded = trade.at
    draft.tape.append(trade)
    draft.price(trade.at, trade.price)


def _take_ticker(draft: Draft, ticker: Ticker) -> None:
    draft.ticker = ticker
    draft.fed = draft.traded = ticker.at
    draft.price(ticker.at, ticker.last)


def _take_candle(draft: Draft, candle: Candle) -> None:
    draft.candles.take(candle)
    if candle.timeframe is not Timeframe.M1:
        return
    draft.calibration.judge(candle)
    if draft.quote is None or candle.close_time > draft.quote.at:
        draft.price(candle.close_time, candle.close)


def _take_fetched(draft: Draft, fetched: Fetched) -> None:
    draft.candles.take_history(fetched.candles)


def _take_quality(draft: Draft, quality: MarketQuality) -> None:
    draft.quality = quality
    figures = quality.spread_bps, quality.pressure, quality.liquidity
    draft.samples.add(quality.at, Sample(quality.at, *figures))


def _take_forecast(draft: Draft, forecast: Forecast) -> None:
    draft.forecast = forecast
    draft.calibration.expect(forecast)


def _take_signal(draft: Draft, signal: Signal) -> None:
    draft.signal = signal


def _take_marked(draft: Draft, marked: Marked) -> None:
    draft.marked = marked
    worth = Worth(marked.at, float(marked.equity), float(marked.high_water))
    draft.equity.add(marked.at, worth)


def _take_mark(draft: Draft, mark: MarkPrice) -> None:
    draft.mark = mark


def _take_endpoint(draft: Draft, connected: Connected) -> None:
    draft.endpoint = connected


def _take_lines(draft: Draft, lines: LineVitals) -> None:
    draft.lines = lines


def _take_traffic(draft: Draft, traffic: Traffic) -> None:
    look(draft.traffic, traffic.at, traffic.received)


def _take_vitals(draft: Draft, vitals: Vitals) -> None:
    if draft.vitals is not None:
        draft.vitals_every = Nanos(max(0, vitals.at - draft.vitals.at))
    draft.vitals = vitals
    for room in vitals.rooms:
        draft.paces.take(vitals.at, room)


# What happened. Each says whether it is worth a line among the events.


def _on_starting(draft: Draft, fact: Starting) -> bool:
    draft.starting = fact
    return True


def _on_progress(draft: Draft, fact: Progress) -> bool:
    if fact.criterion in draft.progress or len(draft.progress) < CRITERIA:
        draft.progress[fact.criterion] = fact
    return False


def _on_ready(draft: Draft, fact: Ready) -> bool:
    draft.ready = fact
    return True


def _on_signalled(draft: Draft, fact: Signalled) -> bool:
    turned = fact.direction is not draft.direction
    draft.direction = fact.direction
    return turned


def _on_decided(draft: Draft, fact: Decided) -> bool:
    old, draft.decision = draft.decision, fact
    return old is None or old.state is not fact.state


def _on_forecasted(draft: Draft, fact: Forecasted) -> bool:
    latencies = draft.latencies
    times = appended(latencies.inference, fact.took_ms, TIMES)
    draft.latencies = replace(latencies, inference=times)
    return False


def _on_ordered(draft: Draft, fact: Ordered) -> bool:
    draft.tickets.order(fact)
    return True


def _on_filled(draft: Draft, fact: Filled) -> bool:
    draft.tickets.fill(fact)
    latencies = draft.latencies
    draft.latencies = replace(latencies, fills=appended(latencies.fills, fact.latency_ms, TIMES))
    return True


def _on_closed(draft: Draft, fact: Closed) -> bool:
    draft.endings[fact.at] = fact.reason
    if len(draft.endings) > ENDINGS:
        del draft.endings[next(iter(draft.endings))]
    return True


def _on_refused(draft: Draft, fact: OrderRefused) -> bool:
    draft.tickets.refuse(fact)
    if fact.code == Status.CANCELED:
        return True
    before = draft.refused.get(fact.code)
    if before is not None or len(draft.refused) < REASONS:
        count = 1 if before is None else before.count + 1
        draft.refused[fact.code] = Refused(fact.at, fact.code, fact.reason, count)
    draft.counts = replace(draft.counts, refusals=draft.counts.refusals + 1)
    return True


def _on_accounted(draft: Draft, fact: Accounted) -> bool:
    draft.accounted = fact
    if draft.marked is None:
        best = fact.equity / Decimal(1 - fact.drawdown) if 0 <= fact.drawdown < 1 else fact.equity
        draft.equity.add(fact.at, Worth(fact.at, float(fact.equity), float(best)))
    return False


def _on_feed_down(draft: Draft, fact: FeedDown) -> bool:
    draft.feed_down = fact
    draft.counts = replace(draft.counts, feed_losses=draft.counts.feed_losses + 1)
    return True


def _on_feed_up(draft: Draft, _fact: FeedUp) -> bool:
    draft.feed_down = None
    return True


def _on_gap(draft: Draft, _fact: Gap) -> bool:
    draft.counts = replace(draft.counts, gaps=draft.counts.gaps + 1)
    return True


def _on_bad_message(draft: Draft, _fact: BadMessage) -> bool:
    draft.counts = replace(draft.counts, bad_messages=draft.counts.bad_messages + 1)
    return True


def _on_restarted(draft: Draft, fact: ActorRestarted) -> bool:
    if fact.actor in draft.restarts or len(draft.restarts) < REASONS:
        draft.restarts[fact.actor] = draft.restarts.get(fact.actor, 0) + 1
    draft.counts = replace(draft.counts, restarts=draft.counts.restarts + 1)
    return True


def _on_halted(draft: Draft, fact: Halted) -> bool:
    draft.halted = fact.reason or "halted"
    return True


def _on_resumed(draft: Draft, _fact: Resumed) -> bool:
    draft.halted = ""
    return True


def _on_checkpointed(draft: Draft, fact: Checkpointed) -> bool:
    draft.checkpoint = fact
    return False


def _on_stopping(draft: Draft, fact: Stopping) -> bool:
    draft.ending = fact.reason or "asked to"
    return True


def _on_stopped(draft: Draft, _fact: Stopped) -> bool:
    draft.ending = draft.ending or "asked to"
    return True


_MARKET: dict[type, Callable[[Draft, Any], None]] = {
    Book: _take_book,
    Trade: _take_trade,
    Ticker: _take_ticker,
    Candle: _take_candle,
    MarketQuality: _take_quality,
    Forecast: _take_forecast,
    Signal: _take_signal,
    Marked: _take_marked,
    MarkPrice: _take_mark,
    Fetched: _take_fetched,
    Connected: _take_endpoint,
    Vitals: _take_vitals,
    LineVitals: _take_lines,
    Traffic: _take_traffic,
}

_FACTS: dict[type, Callable[[Draft, Any], bool]] = {
    Starting: _on_starting,
    Progress: _on_progress,
    Ready: _on_ready,
    Forecasted: _on_forecasted,
    Signalled: _on_signalled,
    Decided: _on_decided,
    Ordered: _on_ordered,
    Filled: _on_filled,
    Closed: _on_closed,
    OrderRefused: _on_refused,
    Accounted: _on_accounted,
    FeedDown: _on_feed_down,
    FeedUp: _on_feed_up,
    Gap: _on_gap,
    BadMessage: _on_bad_message,
    ActorRestarted: _on_restarted,
    Halted: _on_halted,
    Resumed: _on_resumed,
    Checkpointed: _on_checkpointed,
    Stopping: _on_stopping,
    Stopped: _on_stopped,
}
"""The facts that change more than the list of events."""


class Fold:
    """Takes in every message; gives a `View` whenever one is wanted."""

    def __init__(self) -> None:
        self._draft = Draft()

    def tick(self, now: Nanos) -> None:
        """It is this late now."""
        self._draft.now = now
        self._draft.rate.tick(now)

    def lose(self, lines: int) -> None:
        """So many lines of the log are lost by now."""
        if lines != self._draft.counts.lost_lines:
            self._draft.counts = replace(self._draft.counts, lost_lines=lines)

    def market(self, message: Market) -> None:
        """Take in what the market, the forecaster or the broker says."""
        self._draft.rate.count += 1
        _MARKET[type(message)](self._draft, message)

    def fact(self, fact: Fact) -> None:
        """Take in what happened."""
        draft, kind = self._draft, type(fact)
        if draft.now is None:
            draft.now = fact.at
        draft.rate.count += 1
        if kind not in _FACTS or _FACTS[kind](draft, fact):
            draft.tail = appended(draft.tail, fact, TAIL)

    def view(self) -> View:
        """Everything as it stands."""
        return self._draft.view()
