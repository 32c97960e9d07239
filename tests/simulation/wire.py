"""The line to the exchange: real frames through the real intake, and all that happens to frames."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from actors.actor import Mailbox
from actors.feed.continuity import Continuity
from actors.feed.intake import Intake, Outside
from actors.feed.klines import missing, newest_closed
from actors.feed.live import STREAMS
from actors.feed.minutes import minute_of
from actors.feed.protocol import OpenCandle
from actors.feed.watchdog import SILENCE, Watchdog
from actors.messages import (
    ClocksCompared,
    Connected,
    Disconnected,
    FeedInbox,
    Fetched,
    Noticed,
    Unreachable,
)
from domain.clock_offset import ClockOffset
from domain.horizons import Timeframe
from domain.instrument import BTCUSDT
from domain.market import Book, Candle, MarkPrice, Ticker, Trade
from domain.units import MILLISECOND, SECOND, Nanos
from tests.exchange.market import levels, number
from tests.simulation.exchange import STEADY, Event, Exchange
from tests.simulation.world import World

Wall = Callable[[], Nanos]
"""The trader's clock."""

Told = Book | Trade | Candle | OpenCandle | Ticker
"""What comes on the one stream."""

ASKED_MAX = 5
"""Times that an exchange which does not answer is asked before the start fails."""

AGREED_EVERY, LOOKED_EVERY = 600.0, 5.0
"""Between two looks at the exchange's clock, where it agreed with ours and where not [s]."""

PREFIX = "btcusdt@"

PATIENCE = 5.0
"""The watchdog's unit [s]; thrice that where the exchange speaks seldom."""


class Wire:
    """A `Line`; opened again, it begins anew."""

    def __init__(self, world: World, exchange: Exchange, wall: Wall, *, live: bool) -> None:
        """`live`: the clocks must agree and the stream be steady before anybody trades."""
        self.networked = self.streamed = live
        self._world = world
        self._exchange = exchange
        self._wall = wall
        self._session: _Session | None = None

    def open(self, feed: Mailbox[FeedInbox], have: Mapping[Timeframe, Nanos]) -> None:
        """Start delivering."""
        self.close()
        self._session = _Session(self._world, self._exchange, self._wall, feed)
        self._session.ingest(dict(have), ASKED_MAX)

    def refetch(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> None:
        """Ask for candles."""
        session = self._session
        if session is not None:
            session.soon(lambda: session.tell(session.fetched(timeframe, first, last)))

    def close(self) -> None:
        """Stop delivering."""
        if self._session is not None:
            self._session.close()
            self._session = None


class _Session:
    """One opening of the line."""

    def __init__(
        self, world: World, exchange: Exchange, wall: Wall, feed: Mailbox[FeedInbox]
    ) -> None:
        self._world = world
        self._wall = wall
        self._exchange = exchange
        self._feed = feed
        self._open = True
        self._offset = Nanos(0)
        self._minutes = Continuity(
            self.tell,
            lambda first, last: self.fetched(Timeframe.M1, first, last),
            self.soon,
        )
        outside = Outside(lambda: self._now, self._minutes, lambda _missing: None)
        self._intake = Intake("BTCUSDT", STREAMS, feed, outside)
        patience = PATIENCE if exchange.cadence >= STEADY else 3 * PATIENCE
        self._watchdog = Watchdog(
            {PREFIX + stream: SILENCE[stream] * patience for stream in STREAMS}
        )
        self._flows = False
        self._lost_at: Nanos | None = None
        self._deaf_until = Nanos(0)

    @property
    def _now(self) -> Nanos:
        """The exchange's time, as well as we know it."""
        return Nanos(self._wall() + self._offset)

    def tell(self, message: Any) -> None:
        """Tell the feed, while the line is open."""
        if self._open:
            self._feed.tell(message)

    def soon(self, work: Callable[[], None]) -> None:
        """Do this after as long as a request takes."""
        self._world.later(self._world.about(0.05, 3.0), lambda: work() if self._open else None)

    def close(self) -> None:
        """Tell nothing any more."""
        self._open = False
        self._exchange.listener = None

    def ingest(self, have: dict[Timeframe, Nanos], tries: int) -> None:
        """Fetch what must be known before the first event."""
        if not self._answers():
            if tries:
                self.soon(lambda: self.ingest(have, tries - 1))
            else:
                self.tell(Unreachable("nobody answers"))
            return
        self._compare_clocks()
        self.tell(BTCUSDT)
        candles = [
            candle
            for timeframe, (first, last) in missing(have, self._now).items()
            for candle in self._exchange.rows(timeframe, first, last)
        ]
        known = [x.open_time for x in candles if x.timeframe is Timeframe.M1]
        self._minutes.begin(max([*known, *[have.get(Timeframe.M1, Nanos(0))]]))
        self.tell(Fetched(self._now, tuple(candles), len(candles), 0.0))
        self.soon(self._connect)

    def fetched(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> Fetched:
        """The candles of these open times; none where the exchange does not answer."""
        rows = self._exchange.rows(timeframe, first, last) if self._answers() else ()
        if len(rows) > 1 and self._world.fails("rest", 0.1, "an answer lacks candles"):
            rows = rows[:: 1 + self._world.number(3)][1:]
        wanted = max(0, (last - first) // timeframe.span + 1)
        return Fetched(self._now, rows, wanted, 0.0)

    def _answers(self) -> bool:
        return not self._world.fails("rest", 0.2, "the exchange does not answer")

    def _compare_clocks(self, *, again: bool = True) -> None:
        if not self._open:
            return
        agreed = False
        if self._answers():
            self._offset = Nanos(self._world.now - self._wall())
            offset = ClockOffset(self._offset, Nanos(10 * MILLISECOND))
            self.tell(ClocksCompared(self._wall(), offset))
            agreed = offset.tolerable
        if again:
            self._world.later(AGREED_EVERY if agreed else LOOKED_EVERY, self._compare_clocks)

    def _connect(self) -> None:
        """A connection begins."""
        if not self._open:
            return
        self._watchdog.begin(self._world.perf_counter())
        self._intake.connected(self._now)
        self._flows = False
        self._exchange.listener = self._hear
        self._world.later(1.0, self._look_around)

    def _look_around(self) -> None:
        if not self._open or self._exchange.listener is None:
            return
        self._intake.rest()
        if silent := self._watchdog.silent(self._world.perf_counter()):
            self._lose(silent)
        else:
            self._world.later(1.0, self._look_around)

    def _lose(self, reason: str) -> None:
        self._exchange.listener = None
        if self._lost_at is None:
            self._lost_at = self._now
        self.tell(Disconnected(self._wall(), reason))
        self._world.later(self._world.about(0.2, 30.0), self._reconnect)

    def _reconnect(self) -> None:
        self._compare_clocks(again=False)
        self._connect()

    def _begin_to_flow(self) -> None:
        self._flows = True
        self.tell(Connected(self._wall(), "the exchange"))
        doubted = None if self._lost_at is None else minute_of(self._lost_at)
        self._lost_at = None
        self._minutes.catch_up(newest_closed(Timeframe.M1, self._now), doubted)

    def _hear(self, event: Event) -> None:
        """Something happens at the exchange; its frame comes, or what becomes of it."""
        world = self._world
        if world.now < self._deaf_until:
            return
        if world.fails("feed", 0.002, "silence"):
            self._deaf_until = Nanos(world.now + round(world.about(0.5, 60.0) * SECOND))
        if world.fails("feed", 0.001, "the connection breaks"):
            self._lose("the connection broke")
            return
        if isinstance(event, MarkPrice):
            self.tell(event)
            return
        rare = 10.0 if isinstance(event, Candle) else 1.0
        if world.fails("feed", 0.01 * rare, "a frame is lost"):
            return
        frame = self._framed(event)
        self._come(frame)
        if world.fails("feed", 0.01 * rare, "a frame comes twice"):
            self._come(frame)

    def _framed(self, event: Told) -> bytes:
        world = self._world
        stream, data = encoded(event)
        if isinstance(event, Book) and world.fails("feed", 0.01, "a book is crossed"):
            data["bids"], data["asks"] = data["asks"], data["bids"]
        if world.fails("feed", 0.01, "a number is none"):
            key = world.one_of(sorted(data))
            data[key] = world.one_of(("NaN", "-1", "0", "1e999", None, [], 10**30, "Infinity"))
        if "E" in data and world.fails("feed", 0.005, "an event is dated wrongly"):
            for key in ("E", "T"):
                if isinstance(data.get(key), int) and data.get("e") != "kline":
                    data[key] += round(world.normal() * 100_000)
        frame = json.dumps({"stream": PREFIX + stream, "data": data}).encode()
        if world.fails("feed", 0.01, "a frame is garbled"):
            at = world.number(len(frame))
            frame = frame[:at] + bytes([world.number(256)]) * world.number(3) + frame[at + 1 :]
        return frame

    def _come(self, frame: bytes) -> None:
        delay = self._world.between(0.001, 0.05)
        if self._world.fails("feed", 0.01, "a frame comes late"):
            delay = self._world.about(0.1, 90.0)
        self._world.later(delay, lambda: self._take(frame))

    def _take(self, frame: bytes) -> None:
        if not self._open or self._exchange.listener is None:
            return
        if not self._flows:
            self._begin_to_flow()
        if not self._intake.take((frame,), self._wall(), self._watchdog):
            self.tell(Noticed(self._wall(), "too much that cannot be believed"))
            self._lose("too many frames that cannot be believed")


def encoded(event: Told) -> tuple[str, dict[str, Any]]:
    """The stream that an event comes on, and what Binance writes."""
    match event:
        case Book():
            data = {"bids": levels(event.bids), "asks": levels(event.asks)}
            return "depth5@100ms", {"lastUpdateId": event.update_id, **data}
        case Trade():
            at, maker = event.at // MILLISECOND, event.buyer_is_maker
            what = {"t": event.trade_id, "p": number(event.price), "q": number(event.quantity)}
            return "trade", {"e": "trade", "E": at, "s": "BTCUSDT", **what, "T": at, "m": maker}
        case Ticker():
            last = {"c": number(event.last), "P": f"{event.change * 100:.3f}"}
            return "ticker", {"e": "24hrTicker", "E": event.at // MILLISECOND, **last}
        case Candle():
            return "kline_1m", {
                "e": "kline",
                "E": event.close_time // MILLISECOND,
                "k": span(event),
            }
        case OpenCandle(candle):
            at, data = candle.open_time // MILLISECOND, span(candle, closed=False)
            return "kline_1m", {"e": "kline", "E": at, "k": data}


def span(candle: Candle, *, closed: bool = True) -> dict[str, Any]:
    """The candle within a kline event."""
    prices = zip("ohlc", (candle.open, candle.high, candle.low, candle.close), strict=True)
    return {
        "t": candle.open_time // MILLISECOND,
        "T": candle.close_time // MILLISECOND - 1,
        "i": candle.timeframe.value,
        **{name: number(price) for name, price in prices},
        "v": number(candle.volume),
        "x": closed,
    }
