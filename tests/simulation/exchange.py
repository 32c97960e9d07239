"""The exchange: a market that may do anything, and what its REST API knows of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from itertools import count, groupby

from actors.feed.demo import DemoSource
from actors.feed.protocol import OpenCandle
from domain.candles import aggregate, closes_at
from domain.funding import next_settlement
from domain.horizons import TIMEFRAMES, Timeframe
from domain.instrument import BTCUSDT
from domain.market import Book, Candle, Level, MarkPrice, Origin, Ticker, Trade
from domain.modelled import minute
from domain.units import HOUR, MINUTE, SECOND, Nanos, Price, Quantity
from tests.simulation.world import World

BEGINNINGS = tuple(
    Nanos(1_771_000_000 * SECOND // HOUR * HOUR + hours * HOUR - minutes * MINUTE)
    for hours, minutes in ((24, 3), (30, 11), (35, 29))
)
"""When lives begin: minutes before an hour ends, one of them before funding is settled."""

STEADY = 120
"""Books a minute with which a line is as steady as a live one has to be."""

Event = Book | Trade | Candle | OpenCandle | Ticker | MarkPrice
Listener = Callable[[Event], None]


KNOWN = (240, 481)
"""Candles of each timeframe, and of the longest, that are known: no more than anybody reads."""


@cache
def history(start: Nanos) -> tuple[Candle, ...]:
    """What is known of the market when a life begins; the same for all that begin there."""
    return tuple(
        candle
        for timeframe, found in groupby(DemoSource(start=start).history(), lambda x: x.timeframe)
        for candle in tuple(found)[-KNOWN[timeframe is TIMEFRAMES[-1]] :]
    )


class Exchange:
    """Makes the market minute by minute, tells it to who listens, and remembers its candles.

    Attributes:
        listener: who hears of each event.
        attended: somebody may want to; else nothing happens within a minute.
        cadence: books a minute.
    """

    def __init__(self, world: World, start: Nanos, *, live: bool) -> None:
        self._world = world
        self.listener: Listener | None = None
        self.attended = False
        self.candles: dict[Timeframe, list[Candle]] = {timeframe: [] for timeframe in TIMEFRAMES}
        for candle in history(start):
            self.candles[candle.timeframe].append(candle)
        self.cadence = STEADY if live else world.one_of((12, 24))
        self._volatility = world.about(1e-4, 4e-3)
        self._drift = world.normal() * self._volatility / 2
        self._rate = round(world.normal() * 1e-4, 8)
        self._numbers = count(1)
        self.answers = True
        world.at(self._last.close_time, self._begin_minute)

    @property
    def _last(self) -> Candle:
        return self.candles[Timeframe.M1][-1]

    def rows(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> tuple[Candle, ...]:
        """What `/api/v3/klines` answers for these open times, both included."""
        found = self.candles[timeframe]
        begin = max(0, (first - found[0].open_time) // timeframe.span)
        end = max(0, (last - found[0].open_time) // timeframe.span + 1)
        return tuple(found[begin:end])

    def _begin_minute(self) -> None:
        """Make the next minute; its candle is known when it has closed."""
        world, candle = self._world, self._next_candle()
        if self.attended:
            for at, event in self._events(candle):
                world.at(at, partial(self._tell, event))
        world.at(candle.close_time, lambda: self._close(candle))

    def _close(self, candle: Candle) -> None:
        minutes = self.candles[Timeframe.M1]
        minutes.append(candle)
        for timeframe in TIMEFRAMES[1:]:
            if closes_at(timeframe, candle.close_time):
                made = aggregate(minutes[-timeframe.minutes :], timeframe)
                self.candles[timeframe] += [replace(x, kind=Origin.REAL) for x in made]
        self._tell(candle)
        self._begin_minute()

    def _tell(self, event: Event) -> None:
        if self.listener is not None:
            self.listener(event)

    def _next_candle(self) -> Candle:
        world, last = self._world, self._last
        move = self._drift + world.normal() * self._volatility
        if world.fails("market", 0.05, "the price jumps"):
            move += world.one_of((-1, 1)) * world.about(0.01, 0.9)
        opened = last.close
        closed = _priced(float(opened) * min(max(1 + move, 0.1), 3.0))
        wick = 1 + abs(world.normal()) * self._volatility / 2
        high = max(opened, closed, _priced(float(max(opened, closed)) * wick))
        low = min(opened, closed, _priced(float(min(opened, closed)) / wick))
        lots = 0 if world.fails("market", 0.03, "nobody trades") else int(world.about(1e4, 1e6))
        volume = Quantity(lots * BTCUSDT.lot)
        return Candle(Timeframe.M1, last.close_time, opened, high, low, closed, volume)

    def _events(self, candle: Candle) -> Iterator[tuple[Nanos, Event]]:
        """What happens within this minute, and when."""
        for event in minute(candle, self._world.seed, self.cadence, modelled=False):
            if isinstance(event, Book):
                yield event.at, self._shaped(event)
            else:
                yield event.at, replace(event, trade_id=next(self._numbers))
        start = candle.open_time
        for at in range(start, candle.close_time, SECOND if self.cadence >= STEADY else 5 * SECOND):
            yield Nanos(at), Ticker(Nanos(at), candle.open, 0.0)
        for at in range(start, candle.close_time, 20 * SECOND):
            yield Nanos(at), self._mark(Nanos(at), candle.open)
            yield Nanos(at), OpenCandle(candle)

    def _mark(self, at: Nanos, price: Price) -> MarkPrice:
        rate = Decimal(f"{self._rate:.8f}")
        return MarkPrice(at, price, rate, next_settlement(at))

    def _shaped(self, book: Book) -> Book:
        """The book with its number; wider or thinner than usual where the market is wild."""
        world, (bids, asks) = self._world, (book.bids, book.asks)
        if world.fails("market", 0.05, "the spread is wide"):
            away = _priced(float(book.best_ask) * world.about(1e-4, 0.05))
            asks = tuple(Level(Price(x.price + away), x.quantity) for x in asks)
        if world.fails("market", 0.05, "the book is thin"):
            kept = 1 + world.number(5)
            bids, asks = (
                tuple(Level(x.price, BTCUSDT.lot) for x in side[:kept]) for side in (bids, asks)
            )
        return replace(book, bids=bids, asks=asks, update_id=next(self._numbers))


def _priced(number: float) -> Price:
    """A price on the tick, above zero."""
    return Price(max(1, round(number / float(BTCUSDT.tick))) * BTCUSDT.tick)
