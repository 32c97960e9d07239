"""One-minute candles of a recording: those it holds, else those that its trades add up to.

A candle that the exchange published goes before all others. Else a minute whose every trade was
recorded is aggregated from them (numbers of trades are consecutive, so a lost one shows), and
marked DERIVED; a minute without a trade is one of no volume at the last price, as the exchange has
it. Of a minute that was recorded in part we know nothing: the candle archive has it, or it is a
hole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from domain.horizons import INGESTION, Timeframe
from domain.market import Candle, Origin, Trade
from domain.units import HOUR, MINUTE, SECOND, Nanos, Price, Quantity

GRACE = Nanos(5 * SECOND)
"""How long after its end a minute waits for its last trades and its published candle."""

HOLE_MAX = Nanos(INGESTION * HOUR)
"""Of a longer hole in a recording only the end is looked at: further back nobody looks."""

Archive = Callable[[Nanos], Candle | None]


def minute_of(at: int) -> Nanos:
    """When the minute began that this moment lies in."""
    return Nanos(at - at % MINUTE)


@dataclass(slots=True)
class _Bar:
    """The trades of one minute so far."""

    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity

    def add(self, trade: Trade) -> None:
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.close = trade.price
        self.volume = Quantity(self.volume + trade.quantity)


class Minutes:
    """Closes one minute after the other as trades, candles and time pass by."""

    def __init__(self, begin: Nanos, archive: Archive, *, published: bool) -> None:
        """Begin at this time; `published` where the recording holds the exchange's candles."""
        self._next = minute_of(begin)
        self._known_from = Nanos(self._next + MINUTE)
        self._archive = archive
        self._published = published
        self._bars: dict[Nanos, _Bar] = {}
        self._last_id: int | None = None
        self._last_price: Price | None = None

    def trade(self, trade: Trade) -> Iterator[Candle]:
        """Count this trade in; the first of a new minute closes the one before."""
        if self._last_id is not None and trade.trade_id <= self._last_id:
            return
        minute = minute_of(trade.at)
        if self._last_id is not None and trade.trade_id > self._last_id + 1:
            self.lose(trade.at)
        self._last_id = trade.trade_id
        if not self._published:
            yield from self._close_before(minute)
        self._add(minute, trade)

    def candle(self, candle: Candle) -> Iterator[Candle]:
        """Take over a candle that the exchange published."""
        self._published = True
        if candle.open_time >= self._next:
            yield from self._close_before(candle.open_time)
            self._bars.pop(candle.open_time, None)
            self._next = candle.close_time
            self._last_price = candle.close
            yield candle

    def pass_time(self, now: Nanos) -> Iterator[Candle]:
        """Close what nothing more will come for."""
        if now - GRACE >= self._next + MINUTE:
            yield from self._close_before(minute_of(now - GRACE))

    def lose(self, until: Nanos) -> None:
        """Something may have happened until now that was not recorded."""
        self._known_from = max(self._known_from, Nanos(minute_of(until) + MINUTE))

    def _add(self, minute: Nanos, trade: Trade) -> None:
        bar = self._bars.get(minute)
        if bar is not None:
            bar.add(trade)
        elif minute >= self._next:
            price = trade.price
            self._bars[minute] = _Bar(price, price, price, price, trade.quantity)

    def _close_before(self, minute: Nanos) -> Iterator[Candle]:
        if minute - self._next > HOLE_MAX:
            self._next = Nanos(minute - HOLE_MAX)
            self._bars.clear()
            self._known_from = max(self._known_from, minute)
        while self._next < minute:
            open_time, self._next = self._next, Nanos(self._next + MINUTE)
            candle = self._closed(open_time)
            if candle is not None:
                self._last_price = candle.close
                yield candle

    def _closed(self, open_time: Nanos) -> Candle | None:
        bar = self._bars.pop(open_time, None)
        if open_time < self._known_from:
            self._last_price = None if bar is None else bar.close
            return self._archive(open_time)
        if bar is None and self._last_price is not None:
            price = self._last_price
            bar = _Bar(price, price, price, price, Quantity(price - price))
        if bar is None:
            return None
        prices = (bar.open, bar.high, bar.low, bar.close)
        return Candle(Timeframe.M1, open_time, *prices, bar.volume, Origin.DERIVED)
