"""What the exchange knows: any source's market, kept and told in Binance's way."""

import json
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from actors.feed.source import Source
from actors.messages import Rejected
from domain.candles import aggregate, closes_at
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Book, Candle, Level, MarketEvent, MarkPrice, Ticker, Trade
from domain.units import MILLISECOND, MINUTE, SECOND, Nanos, Quantity
from tests.exchange.faults import Faults

OPEN_KLINE_EVERY = 2 * SECOND

TRADES_KEPT = 20_000
"""Trades that can still be asked for by their numbers."""

BEGINS_WITHIN = 30.0
"""How long a source may take to its first event [s]."""

Listener = Callable[[str, bytes], None]


def number(value: Decimal) -> str:
    return f"{value:.8f}"


def millis(at: int) -> int:
    return at // MILLISECOND


def levels(side: tuple[Level, ...]) -> list[list[str]]:
    return [[number(level.price), number(level.quantity)] for level in side]


def row(candle: Candle) -> list[Any]:
    """One row of `/api/v3/klines`."""
    prices = [number(p) for p in (candle.open, candle.high, candle.low, candle.close)]
    turnover = number(candle.volume * candle.close)
    half = number(candle.volume / 2)
    close = millis(candle.close_time) - 1
    volume = number(candle.volume)
    return [millis(candle.open_time), *prices, volume, close, turnover, 60, half, half, "0"]


def past(trade: Trade) -> dict[str, Any]:
    """One trade of `/api/v3/historicalTrades`."""
    return {
        "id": trade.trade_id,
        "price": number(trade.price),
        "qty": number(trade.quantity),
        "quoteQty": number(trade.price * trade.quantity),
        "time": millis(trade.at),
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


class Market:
    """Plays a source at a pace, and answers what a REST request or a new listener may ask."""

    symbol = "BTCUSDT"

    def __init__(self, source: Source, speed: float, *, waits: bool = False) -> None:
        """At this speed; one that waits stands still until it is told to go."""
        self._begun = time.monotonic()
        self._go = threading.Event()
        if not waits:
            self._go.set()
        self._source = source
        self._speed = speed
        self._stop, self._playing = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._candles: dict[Timeframe, list[Candle]] = {timeframe: [] for timeframe in TIMEFRAMES}
        for candle in source.history():
            self._candles[candle.timeframe].append(candle)
        self._running: Candle | None = None
        self._kline_at = Nanos(0)
        self.now = source.start
        self.book: Book | None = None
        self.updates = 1000
        self.mark: MarkPrice | None = None
        self.faults = Faults()
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.listeners: set[Listener] = set()
        self._thread = threading.Thread(target=self._play, name="exchange-market", daemon=True)

    def start(self) -> None:
        """Begin, and return when the market tells the time; making the history took some already.

        So a source that starts at this machine's time goes on by this machine's clock.
        """
        self._thread.start()
        if self._go.is_set():
            self._playing.wait(BEGINS_WITHIN)

    def go(self) -> None:
        """Stand still no more."""
        self._begun = time.monotonic()
        self._go.set()

    def stop(self) -> None:
        self._stop.set()
        self._go.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def candles(self, timeframe: Timeframe) -> list[Candle]:
        """All candles, the running one included, as Binance answers."""
        with self._lock:
            running = [] if self._running is None else [self._running]
            return self._candles[timeframe] + (running if timeframe is Timeframe.M1 else [])

    def _play(self) -> None:
        self._go.wait()
        for event in self._source.events():
            self._playing.set()
            if isinstance(event, Rejected):
                continue
            at = event.close_time if isinstance(event, Candle) else event.at
            due = self._begun + (at - self._source.start) / SECOND / self._speed
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            with self._lock:
                self.now = max(self.now, at)
                self._learn(event)
            for stream, data in self._words(event):
                self._broadcast(stream, data)

    def _learn(self, event: MarketEvent) -> None:
        match event:
            case Book():
                self.book = event
                self.updates += 1
            case Trade():
                self._running = _grown(self._running, event)
                self.trades.append(event)
            case Candle():
                self._close(event)
            case MarkPrice():
                self.mark = event
            case Ticker():
                pass

    def _close(self, candle: Candle) -> None:
        self._running = None
        minutes = self._candles[Timeframe.M1]
        minutes.append(candle)
        for timeframe in TIMEFRAMES[1:]:
            if closes_at(timeframe, candle.close_time):
                first = Nanos(candle.close_time - timeframe.span)
                group = minutes[bisect_left(minutes, first, key=lambda one: one.open_time) :]
                self._candles[timeframe].extend(aggregate(group, timeframe))

    def _words(self, event: MarketEvent) -> list[tuple[str, dict[str, Any]]]:
        """What each stream says about an event."""
        match event:
            case Book():
                bids, asks = levels(event.bids), levels(event.asks)
                partial = {"lastUpdateId": self.updates, "bids": bids, "asks": asks}
                return [("depth5@100ms", partial)]
            case Trade():
                return [("trade", _trade(event)), *self._open_kline(event)]
            case Candle():
                return [("kline_1m", _kline(event, event.close_time, closed=True))]
            case Ticker():
                return [("ticker", _ticker(event)), *self._mark_price(event.at)]
            case MarkPrice():
                return []

    def _open_kline(self, trade: Trade) -> list[tuple[str, dict[str, Any]]]:
        if self._running is None or trade.at - self._kline_at < OPEN_KLINE_EVERY:
            return []
        self._kline_at = trade.at
        return [("kline_1m", _kline(self._running, trade.at, closed=False))]

    def _mark_price(self, at: Nanos) -> list[tuple[str, dict[str, Any]]]:
        """What the futures say each second."""
        mark = self.mark
        if mark is None:
            return []
        told = {"e": "markPriceUpdate", "E": millis(at), "s": self.symbol, "p": number(mark.mark)}
        told |= {"r": number(mark.rate), "T": millis(mark.settles), "i": number(mark.mark)}
        return [("markPrice@1s", told)]

    def _broadcast(self, stream: str, data: dict[str, Any]) -> None:
        altered = self.faults.altered(stream, data)
        if altered is None or not self.listeners:
            return
        name = f"{self.symbol.lower()}@{stream}"
        text = json.dumps(altered, separators=(",", ":")).encode()
        for one in self.faults.delivered(stream, text):
            for listener in list(self.listeners):
                listener(name, one)


def _grown(candle: Candle | None, trade: Trade) -> Candle:
    price, opened = trade.price, Nanos(trade.at - trade.at % MINUTE)
    if candle is None or candle.open_time != opened:
        return Candle(Timeframe.M1, opened, price, price, price, price, trade.quantity)
    high, low = max(candle.high, price), min(candle.low, price)
    volume = Quantity(candle.volume + trade.quantity)
    return Candle(Timeframe.M1, opened, candle.open, high, low, price, volume)


def _trade(trade: Trade) -> dict[str, Any]:
    return {
        "e": "trade",
        "E": millis(trade.at),
        "s": Market.symbol,
        "t": trade.trade_id,
        "p": number(trade.price),
        "q": number(trade.quantity),
        "T": millis(trade.at),
        "m": trade.buyer_is_maker,
        "M": True,
    }


def _ticker(ticker: Ticker) -> dict[str, Any]:
    return {
        "e": "24hrTicker",
        "E": millis(ticker.at),
        "s": Market.symbol,
        "P": f"{ticker.change * 100:.3f}",
        "c": number(ticker.last),
    }


def _kline(candle: Candle, at: int, *, closed: bool) -> dict[str, Any]:
    span = {
        "t": millis(candle.open_time),
        "T": millis(candle.close_time) - 1,
        "s": Market.symbol,
        "i": candle.timeframe.value,
        "o": number(candle.open),
        "c": number(candle.close),
        "h": number(candle.high),
        "l": number(candle.low),
        "v": number(candle.volume),
        "x": closed,
    }
    return {"e": "kline", "E": millis(at), "s": Market.symbol, "k": span}
