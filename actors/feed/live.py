"""The line to Binance itself: history by REST, the market by one combined stream, both kept alive.

Plain threads block on sockets and only ever tell: one ingests and then follows the stream, one
looks at the futures' mark price once a minute, others come and go to fetch candles that are
missing. Once the line stands, nothing that happens to the network ends it.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from actors.actor import Mailbox
from actors.feed.bodies import read_instrument, read_mark_price
from actors.feed.continuity import Continuity
from actors.feed.endpoints import Endpoints, Patience, first_answer
from actors.feed.frames import Recorder
from actors.feed.klines import Klines, newest_closed
from actors.feed.protocol import Decoded, ServerShutdown, read, unwrap
from actors.feed.rest import Rest, Timing
from actors.feed.sockets import Stream, open_stream
from actors.feed.wire import BadFrame, Frame
from actors.messages import (
    ClocksCompared,
    Connected,
    Disconnected,
    FeedInbox,
    Rejected,
    Unreachable,
)
from domain.errors import FeedLost, VenueUnavailable
from domain.horizons import Timeframe
from domain.market import Book, Candle, Ticker, Trade
from domain.units import Nanos

STREAMS = ("depth5@100ms", "trade", "ticker", "kline_1m")
"""What we listen to, of one symbol."""

CLOSED_WITHIN = 1.8
"""How long closing the line may take [s]."""

WAY_OUT = "check the network, name other addresses with --rest and --ws, or try --demo"


@dataclass(frozen=True, slots=True)
class Venue:
    """Which market, where it is found, and what time it is."""

    endpoints: Endpoints
    clock: Callable[[], Nanos]
    symbol: str = "BTCUSDT"
    timing: Timing = Timing()  # noqa: RUF009 - it is frozen


class LiveLine:
    """The line to Binance; opened again, it begins anew."""

    networked = True

    def __init__(self, venue: Venue, recorder: Recorder | None = None) -> None:
        self._venue = venue
        self._recorder = recorder
        self._session: _Session | None = None

    def open(self, feed: Mailbox[FeedInbox], have: Mapping[Timeframe, Nanos]) -> None:
        """Start delivering; returns at once."""
        self.close()
        self._session = _Session(self._venue, feed, self._recorder)
        self._session.start(have)

    def refetch(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> None:
        """Ask for these candles as a `Fetched`; an empty one where they cannot be had."""
        if self._session is not None:
            self._session.refetch(timeframe, first, last)

    def close(self) -> None:
        """Stop delivering and let go. May be called twice."""
        if self._session is not None:
            self._session.close()
            self._session = None


class _Session:
    """One opening of the line: its threads, its connections, and what it has told so far."""

    def __init__(self, venue: Venue, feed: Mailbox[FeedInbox], recorder: Recorder | None) -> None:
        self._venue = venue
        self._feed = feed
        self._recorder = recorder
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._rest = Rest(venue.endpoints.rest, venue.timing, self._stop)
        self._klines = Klines(self._rest, venue.symbol, venue.clock)
        self._minutes = Continuity(
            self._tell,
            lambda first, last: self._klines.fetch(Timeframe.M1, (first, last)),
            lambda work: self._spawn("feed-candles", work),
        )
        self._names = {f"{venue.symbol.lower()}@{stream}" for stream in STREAMS}
        self._turn = 0

    def start(self, have: Mapping[Timeframe, Nanos]) -> None:
        """Begin to work, in threads."""
        self._spawn("feed-line", lambda: self._run(have))

    def refetch(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> None:
        """Fetch these candles in a thread and tell them."""
        self._spawn(
            "feed-candles", lambda: self._tell(self._klines.fetch(timeframe, (first, last)))
        )

    def close(self) -> None:
        """End all threads; nothing is told from now on."""
        self._stop.set()
        until = perf_counter() + CLOSED_WITHIN
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - perf_counter()))
        self._rest.close()
        if self._recorder is not None:
            self._recorder.close()

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self._lock:
            self._threads = [*(one for one in self._threads if one.is_alive()), thread]
            thread.start()

    def _tell(self, message: FeedInbox) -> None:
        if not self._stop.is_set():
            self._feed.tell(message)

    def _run(self, have: Mapping[Timeframe, Nanos]) -> None:
        try:
            self._ingest(have)
            self._spawn("feed-clock", self._watch_clock)
            if self._venue.endpoints.futures_rest:
                self._spawn("feed-mark-price", self._watch_mark_price)
            stream = self._connect(self._venue.timing.start)
        except (VenueUnavailable, BadFrame) as error:
            self._tell(Unreachable(f"Binance cannot be reached: {error}; {WAY_OUT}"))
        else:
            self._follow(stream)

    def _ingest(self, have: Mapping[Timeframe, Nanos]) -> None:
        """Find the exchange, and fetch what must be known before the first event."""
        self._rest.reach("/api/v3/ping")
        self._compare_clocks()
        symbol = self._venue.symbol
        with suppress(BadFrame):  # then the filters that we know stand
            body = self._rest.get("/api/v3/exchangeInfo", {"symbol": symbol})
            self._tell(read_instrument(body, symbol))
        fetched = self._klines.ingest(have)
        minutes = [c.open_time for c in fetched.candles if c.timeframe is Timeframe.M1]
        known = [*minutes[-1:], *([have[Timeframe.M1]] if Timeframe.M1 in have else [])]
        if known:
            self._minutes.begin(max(known))
        self._tell(fetched)

    def _compare_clocks(self) -> bool:
        offset = self._klines.set_clock()
        self._tell(ClocksCompared(self._venue.clock(), offset))
        return offset.tolerable

    def _watch_clock(self) -> None:
        """Compare clocks now and then; soon again while they do not agree."""
        timing, agreed = self._venue.timing, False
        while not self._stop.wait(timing.clock if agreed else timing.clock_soon):
            with suppress(VenueUnavailable, BadFrame):
                agreed = self._compare_clocks()

    def _connect(self, limit: float) -> Stream:
        """A connection to the first address that takes us, beginning with the last good one."""
        venue = self._venue
        bases = venue.endpoints.ws[self._turn :] + venue.endpoints.ws[: self._turn]
        path = "/stream?streams=" + "/".join(sorted(self._names))
        _, stream = first_answer(
            bases,
            lambda base: open_stream(base, path, venue.timing),
            Patience(venue.timing.stagger, limit, self._stop),
            Stream.close,
        )
        return stream

    def _follow(self, stream: Stream | None) -> None:
        """Listen for ever; connect anew whenever that ends."""
        bases, tries = self._venue.endpoints.ws, 0
        while not self._stop.is_set():
            if stream is not None:
                flowed, endpoint = self._listen(stream), stream.endpoint
                stream = None
                tries = 0 if flowed else tries
                self._turn = (bases.index(endpoint) + (not flowed)) % len(bases)
            tries += 1
            self._stop.wait(self._venue.timing.before_try(tries))
            with suppress(VenueUnavailable):
                stream = self._connect(self._venue.timing.connect)
        if stream is not None:
            stream.close()

    def _listen(self, stream: Stream) -> bool:
        """Take frames until the connection is lost; whether any came."""
        flowed = False
        try:
            while not self._stop.is_set():
                frame = stream.next()
                if frame is None:
                    self._record(None)
                    continue
                if not flowed:
                    flowed = True
                    self._tell(Connected(self._venue.clock(), stream.endpoint))
                    self._minutes.catch_up(newest_closed(Timeframe.M1, self._klines.now))
                self._take(frame)
        except FeedLost as lost:
            self._tell(Disconnected(self._venue.clock(), str(lost)))
        finally:
            stream.close()
        return flowed

    def _take(self, frame: bytes) -> None:
        """Pass one frame on as what it says."""
        arrived = self._venue.clock()
        self._record((arrived, frame))
        try:
            stream, data = unwrap(frame)
            self._pass(self._decoded(stream, data, arrived))
        except BadFrame as error:
            self._tell(Rejected(arrived, error.stream, error.reason))

    def _decoded(self, stream: str, data: Frame, arrived: Nanos) -> Decoded:
        decoded = read(stream, data, arrived)
        if stream not in self._names and not isinstance(decoded, ServerShutdown):
            raise BadFrame(stream, "a stream that we did not ask for")
        return decoded

    def _pass(self, decoded: Decoded) -> None:
        match decoded:
            case Book() | Trade() | Ticker():
                self._tell(decoded)
            case Candle():
                self._minutes.candle(decoded)
            case ServerShutdown():
                raise FeedLost("the exchange is about to shut this connection down")
            case _:
                pass

    def _record(self, taken: tuple[Nanos, bytes] | None) -> None:
        """Keep the frame, or at rest what came before; a full disk ends recording, nothing else."""
        if self._recorder is None:
            return
        try:
            if taken is None:
                self._recorder.flush()
            else:
                self._recorder.write(*taken)
        except OSError as error:
            self._recorder = None
            self._tell(Rejected(self._venue.clock(), "recording", f"it ends here: {error}"))

    def _watch_mark_price(self) -> None:
        """Ask once a minute. Where nobody answers, the last known price and rate stand."""
        rest = Rest(self._venue.endpoints.futures_rest, self._venue.timing, self._stop)
        while not self._stop.is_set():
            with suppress(VenueUnavailable, BadFrame):
                body = rest.get("/fapi/v1/premiumIndex", {"symbol": self._venue.symbol})
                self._tell(read_mark_price(body))
            self._stop.wait(self._venue.timing.poll)
        rest.close()
