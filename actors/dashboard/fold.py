"""Folds messages into a `View`, in any order, without ever failing.

Market data comes hundreds of times a second and is drawn a few times: so the newest values are kept
in place, and become a frozen `View` only when somebody looks.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from actors.dashboard.view import Counts, Quote, View
from domain.account import Marked
from domain.facts import (
    Accounted,
    ActorRestarted,
    BadMessage,
    Checkpointed,
    Decided,
    Fact,
    FeedDown,
    FeedUp,
    Forecasted,
    Gap,
    Halted,
    OrderRefused,
    Progress,
    Ready,
    Signalled,
    Starting,
    Stopped,
    Stopping,
)
from domain.horizons import Timeframe
from domain.market import Book, Candle, Ticker, Trade
from domain.microstructure import MarketQuality
from domain.signals import Direction, Forecast, Signal
from domain.units import MINUTE, SECOND, Nanos, Price

Market = Book | Trade | Ticker | Candle | MarketQuality | Forecast | Signal | Marked
"""What the dashboard hears besides facts."""

TRADE_FRESH = Nanos(5 * SECOND)
"""For so long the last traded price stands before the book's mid takes its place."""

TAIL = 200
CANDLES = 240
CRITERIA = 32
EQUITY_POINTS = 512

Item = TypeVar("Item")


def appended(items: tuple[Item, ...], item: Item, limit: int) -> tuple[Item, ...]:
    """The items and one more, the oldest left out where that is more than the limit."""
    return (*items[max(0, len(items) + 1 - limit) :], item)


class Course:
    """A value's course over any time in bounded memory: when full, every other point goes."""

    def __init__(self, limit: int = EQUITY_POINTS, step: Nanos = SECOND) -> None:
        self._limit = limit
        self._step = step
        self._last: Nanos | None = None
        self.points: tuple[float, ...] = ()

    def add(self, at: Nanos, value: float) -> None:
        """Take the value if the last one taken is old enough."""
        if self._last is not None and 0 <= at - self._last < self._step:
            return
        if len(self.points) >= self._limit:
            self.points = self.points[::2]
            self._step = Nanos(self._step * 2)
        self.points = (*self.points, value)
        self._last = at


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
    candles: tuple[Candle, ...] = ()
    forecast: Forecast | None = None
    signal: Signal | None = None
    direction: Direction | None = None
    decision: Decided | None = None
    marked: Marked | None = None
    accounted: Accounted | None = None
    equity: Course = field(default_factory=Course)
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


# What the market, the forecaster and the broker say.


def _take_book(draft: Draft, book: Book) -> None:
    draft.book = book
    draft.fed = book.at
    if draft.traded is None or book.at - draft.traded > TRADE_FRESH:
        draft.price(book.at, book.mid)


def _take_trade(draft: Draft, trade: Trade) -> None:
    draft.fed = draft.traded = trade.at
    draft.price(trade.at, trade.price)


def _take_ticker(draft: Draft, ticker: Ticker) -> None:
    draft.ticker = ticker
    draft.fed = draft.traded = ticker.at
    draft.price(ticker.at, ticker.last)


def _take_candle(draft: Draft, candle: Candle) -> None:
    if candle.timeframe is not Timeframe.M1:
        return
    draft.candles = appended(draft.candles, candle, CANDLES)
    if draft.quote is None or candle.close_time > draft.quote.at:
        draft.price(candle.close_time, candle.close)


def _take_quality(draft: Draft, quality: MarketQuality) -> None:
    draft.quality = quality


def _take_forecast(draft: Draft, forecast: Forecast) -> None:
    draft.forecast = forecast


def _take_signal(draft: Draft, signal: Signal) -> None:
    draft.signal = signal


def _take_marked(draft: Draft, marked: Marked) -> None:
    draft.marked = marked
    draft.equity.add(marked.at, float(marked.equity))


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


def _on_refused(draft: Draft, _fact: OrderRefused) -> bool:
    draft.counts = replace(draft.counts, refusals=draft.counts.refusals + 1)
    return True


def _on_accounted(draft: Draft, fact: Accounted) -> bool:
    draft.accounted = fact
    draft.equity.add(fact.at, float(fact.equity))
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


def _on_restarted(draft: Draft, _fact: ActorRestarted) -> bool:
    draft.counts = replace(draft.counts, restarts=draft.counts.restarts + 1)
    return True


def _on_halted(draft: Draft, fact: Halted) -> bool:
    draft.halted = fact.reason or "halted"
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
}

_FACTS: dict[type, Callable[[Draft, Any], bool]] = {
    Starting: _on_starting,
    Progress: _on_progress,
    Ready: _on_ready,
    Signalled: _on_signalled,
    Decided: _on_decided,
    OrderRefused: _on_refused,
    Accounted: _on_accounted,
    FeedDown: _on_feed_down,
    FeedUp: _on_feed_up,
    Gap: _on_gap,
    BadMessage: _on_bad_message,
    ActorRestarted: _on_restarted,
    Halted: _on_halted,
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

    def lose(self, lines: int) -> None:
        """So many lines of the log are lost by now."""
        if lines != self._draft.counts.lost_lines:
            self._draft.counts = replace(self._draft.counts, lost_lines=lines)

    def market(self, message: Market) -> None:
        """Take in what the market, the forecaster or the broker says."""
        _MARKET[type(message)](self._draft, message)

    def fact(self, fact: Fact) -> None:
        """Take in what happened."""
        draft, kind = self._draft, type(fact)
        if draft.now is None:
            draft.now = fact.at
        worth_a_line = kind is not Forecasted
        if kind in _FACTS:
            worth_a_line = _FACTS[kind](draft, fact)
        if worth_a_line:
            draft.tail = appended(draft.tail, fact, TAIL)

    def view(self) -> View:
        """Everything as it stands."""
        draft = self._draft
        return View(
            now=draft.now,
            starting=draft.starting,
            progress=tuple(draft.progress.values()),
            ready=draft.ready,
            halted=draft.halted,
            ending=draft.ending,
            book=draft.book,
            quote=draft.quote,
            earlier=draft.minute[0].price if draft.minute else None,
            ticker=draft.ticker,
            quality=draft.quality,
            candles=draft.candles,
            forecast=draft.forecast,
            signal=draft.signal,
            decision=draft.decision,
            marked=draft.marked,
            accounted=draft.accounted,
            equity=draft.equity.points,
            fed=draft.fed,
            feed_down=draft.feed_down,
            checkpoint=draft.checkpoint,
            counts=draft.counts,
            tail=draft.tail,
        )
