"""Frames in, market out: decoded, put in order, checked against each other, and never twice.

Used by the one thread that reads the stream; it asks other threads to fetch what is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from actors.actor import Mailbox
from actors.feed.audit import Audit
from actors.feed.order import BookOrder, Disorder, Range, TradeOrder, check_time
from actors.feed.outlet import Outlet
from actors.feed.protocol import Decoded, OpenCandle, ServerShutdown, read, unwrap
from actors.feed.ration import Ration
from actors.feed.watchdog import Believability, Watchdog
from actors.feed.wire import BadFrame, Frame
from actors.messages import FeedInbox, Measured, Rejected, Span
from domain.market import Book, Candle, Ticker, Trade
from domain.tally import DECODE_SECONDS, DELAY_SECONDS, Tally
from domain.units import SECOND, Nanos

BOOKS = "depth5@100ms"
"""The stream whose newest frame is as good as all of them."""

READ_ALL_MAX = 50
"""Of more frames at once, books that are overtaken within them are not even read."""

TOLD_EACH_SECOND = 100
"""Bad frames told one by one within a second; of the rest, their number."""


class Candles(Protocol):
    """Whoever passes closed candles on in order."""

    def candle(self, candle: Candle, *, doubtful: bool = False) -> None:
        """A candle closed."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the intake needs of others.

    Attributes:
        now: the exchange's time, as well as we know it.
        candles: takes closed candles.
        refetch: fetches trades of these numbers and tells them.
    """

    now: Callable[[], Nanos]
    candles: Candles
    refetch: Callable[[Range], None]


class Intake:
    """Everything between the socket and the feed's inbox."""

    def __init__(
        self, symbol: str, streams: Sequence[str], feed: Mailbox[FeedInbox], outside: Outside
    ) -> None:
        prefix = symbol.lower()
        self._names = {f"{prefix}@{stream}" for stream in streams}
        self._books = f'{{"stream":"{prefix}@{BOOKS}"'.encode()
        self._feed = feed
        self._outlet = Outlet(feed)
        self._outside = outside
        self._book_order = BookOrder()
        self._trade_order = TradeOrder()
        self._audit = Audit()
        self._believable = Believability()
        self._bad = Ration(TOLD_EACH_SECOND, 1.0)
        self._delays = Tally(DELAY_SECONDS)
        self._decodes = Tally(DECODE_SECONDS)
        self.shutting_down = False

    def connected(self, now: Nanos) -> None:
        """A connection begins: whatever happened before it, we may have missed."""
        self._audit.lose(now)
        self._believable = Believability()
        self.shutting_down = False

    def take(self, frames: Sequence[bytes], arrived: Nanos, watchdog: Watchdog) -> bool:
        """All that came at once; false where too much of it cannot be believed."""
        moment, present = perf_counter(), self._outside.now()
        newest = self._newest_book(frames)
        bad = 0
        for number, frame in enumerate(frames):
            if number < newest and frame.startswith(self._books):
                continue
            stream = "unknown"
            try:
                stream, data = unwrap(frame)
                if self._pass(self._decoded(stream, data, arrived), present, moment):
                    watchdog.hear(stream, moment)
            except BadFrame as error:
                bad += 1
                self.reject(arrived, error.stream, error.reason)
            except Disorder as error:
                bad += 1
                self.reject(arrived, stream, str(error))
        self._outlet.flush()
        if frames:
            self._decodes.add((perf_counter() - moment) / len(frames), len(frames))
        return not self._believable.count(len(frames) - bad, bad)

    def rest(self) -> None:
        """Nothing came for a moment: see what is overdue."""
        self._outlet.flush()
        if self._trade_order.whole:
            return
        for missing in self._trade_order.overdue(perf_counter()):
            self._audit.lose(self._outside.now())
            self._outside.refetch(missing)

    def measured(self, at: Nanos) -> tuple[Measured, Measured]:
        """How late trades came, and how long a frame took to read, since we began."""
        return (
            Measured(at, Span.DELAY, self._delays.tallied()),
            Measured(at, Span.DECODE, self._decodes.tallied()),
        )

    def reject(self, arrived: Nanos, stream: str, reason: str) -> None:
        """Tell of a bad frame; of a flood of them, only that it is one."""
        now = perf_counter()
        if more := self._bad.kept_back(now):
            reason_of_all = f"{more} more bad frames within a second"
            self._feed.tell(Rejected(arrived, "all", reason_of_all))
        if self._bad.passes(now):
            self._feed.tell(Rejected(arrived, stream, reason))

    def _newest_book(self, frames: Sequence[bytes]) -> int:
        """Where the newest book is, where those before it need not be read; else 0."""
        if len(frames) <= READ_ALL_MAX:
            return 0
        for number in range(len(frames) - 1, 0, -1):
            if frames[number].startswith(self._books):
                return number
        return 0

    def _decoded(self, stream: str, data: Frame, arrived: Nanos) -> Decoded:
        decoded = read(stream, data, arrived)
        if stream not in self._names and not isinstance(decoded, ServerShutdown):
            raise BadFrame(stream, "a stream that we did not ask for")
        return decoded

    def _pass(self, decoded: Decoded, present: Nanos, moment: float) -> bool:
        """Pass it on where it is new; whether its stream is alive."""
        match decoded:
            case Trade():
                check_time(decoded.at, present)
                return self._trade(decoded, present, moment)
            case Book():
                if not self._book_order.new(decoded):
                    return False
                self._outlet.put(decoded)
            case Ticker():
                check_time(decoded.at, present)
                self._outlet.put(decoded)
            case Candle():
                self._candle(decoded, present)
            case OpenCandle():
                check_time(decoded.candle.open_time, present)
            case ServerShutdown():
                self.shutting_down = True
            case _:
                pass
        return True

    def _trade(self, trade: Trade, present: Nanos, moment: float) -> bool:
        if not self._trade_order.new(trade, moment):
            return False
        self._delays.add((present - trade.at) / SECOND)
        self._audit.trade(trade)
        self._outlet.put(trade)
        return True

    def _candle(self, candle: Candle, present: Nanos) -> None:
        check_time(candle.close_time, present)
        doubtful = not (self._trade_order.whole and self._audit.agrees(candle))
        self._outlet.flush()
        self._outside.candles.candle(candle, doubtful=doubtful)
