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
from actors.feed.bodies import read_instrument
from actors.feed.connection import Connection, Route
from actors.feed.continuity import Continuity
from actors.feed.endpoints import Endpoints
from actors.feed.frames import Recorder
from actors.feed.framing import Heard
from actors.feed.intake import Intake, Outside
from actors.feed.klines import Klines, newest_closed
from actors.feed.marks import STREAM, Futures, MarkPrices
from actors.feed.minutes import minute_of
from actors.feed.order import Range
from actors.feed.rest import Rest
from actors.feed.timing import Timing
from actors.feed.trades import LostTrades
from actors.feed.watchdog import SILENCE, Watchdog
from actors.feed.wire import BadFrame
from actors.messages import (
    ClocksCompared,
    Connected,
    Disconnected,
    EndpointVitals,
    FeedInbox,
    Fetched,
    LineVitals,
    Noticed,
    Rejected,
    Traffic,
    Unreachable,
)
from domain.errors import FeedLost, VenueUnavailable
from domain.horizons import Timeframe
from domain.units import Nanos

STREAMS = tuple(SILENCE)
"""What we listen to, of one symbol."""

CLOSED_WITHIN = 1.8
"""How long closing the line may take [s]."""

LOOKED_EVERY = 0.05
"""How often we look whether a stream has fallen silent [s]."""

SHOWN_EVERY = 1.0
"""How often we look whether an address has become due for another try [s]."""

WAY_OUT = "check the network, name other addresses with --rest and --ws, or try --demo"


@dataclass(frozen=True, slots=True)
class Venue:
    """Which market, where it is found, and what time it is."""

    endpoints: Endpoints
    clock: Callable[[], Nanos]
    symbol: str = "BTCUSDT"
    timing: Timing = Timing()  # noqa: RUF009 - it is frozen


class Incredible(FeedLost):
    """The connection stands, but what comes on it is not the market."""


class LiveLine:
    """The line to Binance; opened again, it begins anew."""

    networked = True
    streamed = True

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
        self._keeping = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._rest = self._requests("rest", venue.endpoints.rest)
        self._futures = self._find_futures()
        self._klines = Klines(self._rest, venue.symbol, venue.clock)
        self._trades = LostTrades(self._rest, venue.symbol, self._tell)
        self._minutes = Continuity(
            self._tell, self._fetch_minutes, lambda work: self._spawn("feed-candles", work)
        )
        outside = Outside(lambda: self._klines.now, self._minutes, self._refetch_trades)
        self._intake = Intake(venue.symbol, STREAMS, feed, outside)
        names = sorted(f"{venue.symbol.lower()}@{stream}" for stream in STREAMS)
        route = Route(venue.endpoints.ws, "/stream?streams=" + "/".join(names), venue.timing)
        self._connection = Connection(route, self._stop, self._spawn, self._hear_news)
        self._watchdog = Watchdog(
            {name: SILENCE[name.partition("@")[2]] * venue.timing.silence for name in names}
        )
        self._lost_at: Nanos | None = None
        self._shown: tuple[EndpointVitals, ...] = ()
        self._look_again_at = 0.0
        self._show_again_at = 0.0
        self._received = 0
        self._arrived = Nanos(0)

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
        if self._futures.rest is not None:
            self._futures.rest.close()
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

    def _requests(self, kind: str, addresses: tuple[str, ...]) -> Rest:
        return Rest(addresses, self._venue.timing, self._stop, kind, self._hear_news)

    def _find_futures(self) -> Futures:
        venue, timing = self._venue, self._venue.timing
        rest, addresses = venue.endpoints.futures_rest, venue.endpoints.futures_ws
        path = f"/stream?streams={venue.symbol.lower()}@{STREAM}"
        route = Route(addresses, path, timing, "futures ws")
        return Futures(
            venue.symbol,
            timing,
            self._requests("futures rest", rest) if rest else None,
            Connection(route, self._stop, self._spawn, self._hear_news) if addresses else None,
        )

    def _hear_news(self, text: str) -> None:
        """Something has changed about an address."""
        if text:
            self._tell(Noticed(self._venue.clock(), text))
        self._show_health()

    def _show_health(self) -> None:
        """Tell how it stands with all addresses, where that has changed."""
        kinds = (self._connection, self._rest, self._futures.stream, self._futures.rest)
        found = tuple(one for kind in kinds if kind is not None for one in kind.health.vitals())
        with self._lock:
            news, self._shown = found != self._shown, found
        if news:
            self._tell(LineVitals(self._venue.clock(), found))

    def _run(self, have: Mapping[Timeframe, Nanos]) -> None:
        try:
            self._ingest(have)
            self._spawn("feed-clock", self._watch_clock)
            marks = MarkPrices(self._futures, self._stop, self._keep, self._tell)
            self._spawn("feed-mark-price", marks.poll)
            self._spawn("feed-mark-stream", marks.follow)
            self._connection.use(self._connection.open(self._venue.timing.start))
        except (VenueUnavailable, BadFrame) as error:
            self._tell(Unreachable(f"Binance cannot be reached: {error}; {WAY_OUT}"))
        else:
            self._follow()

    def _ingest(self, have: Mapping[Timeframe, Nanos]) -> None:
        """Find the exchange, and fetch what must be known before the first event."""
        self._rest.reach("/api/v3/ping")
        self._compare_clocks()
        symbol = self._venue.symbol
        with suppress(BadFrame):  # then the filters that we know stand
            body = self._rest.get("/api/v3/exchangeInfo", {"symbol": symbol})
            self._tell(read_instrument(body, symbol))
        fetched = self._klines.ingest(have, self._tell)
        minutes = [c.open_time for c in fetched.candles if c.timeframe is Timeframe.M1]
        known = [*minutes[-1:], *([have[Timeframe.M1]] if Timeframe.M1 in have else [])]
        if known:
            self._minutes.begin(max(known))
        self._tell(fetched)

    def _compare_clocks(self) -> bool:
        offset = self._klines.set_clock()
        self._tell(ClocksCompared(self._venue.clock(), offset))
        return offset.tolerable

    def _compare_again(self) -> None:
        """A clock that was set makes all that comes incredible: that may be why the line broke."""
        with suppress(VenueUnavailable, BadFrame):
            self._compare_clocks()

    def _watch_clock(self) -> None:
        """Compare clocks now and then; soon again while they do not agree."""
        timing, agreed = self._venue.timing, False
        while not self._stop.wait(timing.clock if agreed else timing.clock_soon):
            with suppress(VenueUnavailable, BadFrame):
                agreed = self._compare_clocks()

    def _follow(self) -> None:
        """Listen for ever; connect anew whenever that ends."""
        while not self._stop.is_set():
            try:
                self._listen()
            except FeedLost as lost:
                if self._lost_at is None:
                    self._lost_at = self._klines.now
                self._tell(Disconnected(self._venue.clock(), str(lost)))
                self._connection.fail(hard=isinstance(lost, Incredible))
                self._connection.reopen()
                self._spawn("feed-clock-again", self._compare_again)
        self._connection.close()

    def _listen(self) -> None:
        """Take what comes until the connection is lost."""
        self._watchdog.begin(perf_counter())
        self._intake.connected(self._klines.now)
        reading = None
        for heard in self._connection.heard():
            if heard.messages:
                if self._connection.opened != reading:
                    self._begin_to_flow(anew=reading is None)
                    reading = self._connection.opened
                self._take(heard)
            self._reject_oversized(heard)
            self._intake.rest()
            self._look_around(perf_counter())
            if not heard.messages:
                with self._keeping:
                    self._record(None)

    def _look_around(self, now: float) -> None:
        """See whether a stream has fallen silent and, once a second, whether a pause is over."""
        if now < self._look_again_at:
            return
        self._look_again_at = now + LOOKED_EVERY
        silent = self._watchdog.silent(now)
        if silent:
            raise FeedLost(silent)
        if now >= self._show_again_at:
            self._show_again_at = now + SHOWN_EVERY
            self._show_health()
            told = self._venue.clock()
            for news in (Traffic(told, self._received), *self._intake.measured(told)):
                self._tell(news)

    def _begin_to_flow(self, *, anew: bool) -> None:
        """The first data of a connection; after a break, fetch what happened while there was none.

        A connection that took over from another without a break has missed nothing.
        """
        if anew:
            self._connection.flows()
        self._tell(Connected(self._venue.clock(), self._connection.endpoint))
        if not anew:
            return
        doubted = None if self._lost_at is None else minute_of(self._lost_at)
        self._lost_at = None
        self._minutes.catch_up(newest_closed(Timeframe.M1, self._klines.now), doubted)

    def _take(self, heard: Heard) -> None:
        """All that came at once; a recording knows it by its moment, so no two lots share one."""
        arrived = self._venue.clock()
        if arrived == self._arrived:
            arrived = Nanos(arrived + 1)
        self._arrived = arrived
        with self._keeping:
            for frame in heard.messages:
                self._received += len(frame)
                self._record((arrived, frame))
        if not self._intake.take(heard.messages, arrived, self._watchdog):
            raise Incredible("too many frames that cannot be believed")
        if self._intake.shutting_down:
            self._intake.shutting_down = False
            self._connection.replace()

    def _reject_oversized(self, heard: Heard) -> None:
        for length in heard.oversized:
            self._intake.reject(self._venue.clock(), "unknown", f"a frame of {length:,} bytes")

    def _fetch_minutes(self, first: Nanos, last: Nanos) -> Fetched:
        """Candles whose last trades the exchange has had time to count in."""
        self._stop.wait(self._venue.timing.settle)
        return self._klines.fetch(Timeframe.M1, (first, last))

    def _refetch_trades(self, missing: Range) -> None:
        self._spawn("feed-trades", lambda: self._trades.fetch(missing, self._venue.clock()))

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

    def _keep(self, frame: bytes) -> Nanos:
        """Record a frame of another connection; its moment."""
        arrived = self._venue.clock()
        with self._keeping:
            self._received += len(frame)
            self._record((arrived, frame))
        return arrived
