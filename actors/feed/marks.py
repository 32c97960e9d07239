"""The futures' mark price and funding rate: each second from their stream, else by REST.

Nothing depends on them but funding and what a position is worth; so where they do not come, the
last known ones stand, and nobody is told that a line is lost.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from actors.feed.bodies import read_mark_price
from actors.feed.connection import Connection
from actors.feed.protocol import read, unwrap
from actors.feed.rest import Rest
from actors.feed.timing import Timing
from actors.feed.wire import BadFrame
from domain.errors import FeedLost, VenueUnavailable
from domain.market import MarkPrice
from domain.units import Nanos

STREAM = "markPrice@1s"

SILENT_AFTER = 2.0
"""How long the stream may be silent [in units of `Timing.silence`]."""


@dataclass(frozen=True, slots=True)
class Futures:
    """Where mark prices are found.

    Attributes:
        symbol: of which market.
        timing: how often to ask.
        rest: asked while the stream says nothing; None where no address is known.
        stream: carries them; likewise.
    """

    symbol: str
    timing: Timing
    rest: Rest | None
    stream: Connection | None


class MarkPrices:
    """Two loops, to be run in a thread each, until they are told to stop."""

    def __init__(
        self,
        futures: Futures,
        stop: threading.Event,
        take: Callable[[bytes], Nanos],
        tell: Callable[[MarkPrice], None],
    ) -> None:
        """`take` is handed each frame as it comes and returns its moment; `tell` hears of it."""
        self._futures = futures
        self._timing = futures.timing
        self._stop = stop
        self._take = take
        self._tell = tell
        self._heard_at = -futures.timing.poll

    def poll(self) -> None:
        """Ask once a minute, where the stream has not said it."""
        rest = self._futures.rest
        while rest is not None and not self._stop.is_set():
            if perf_counter() - self._heard_at >= self._timing.poll:
                with suppress(VenueUnavailable, BadFrame):
                    body = rest.get("/fapi/v1/premiumIndex", {"symbol": self._futures.symbol})
                    self._tell(read_mark_price(body))
            self._stop.wait(self._timing.poll)

    def follow(self) -> None:
        """Listen to the stream for ever; connect anew whenever it ends."""
        stream = self._futures.stream
        while stream is not None and not self._stop.is_set():
            stream.reopen()
            with suppress(FeedLost):
                self._listen(stream)
            stream.fail(hard=False)

    def _listen(self, stream: Connection) -> None:
        last = perf_counter()
        for heard in stream.heard():
            now = perf_counter()
            for frame in heard.messages:
                with suppress(BadFrame):
                    self._hear(frame)
                    stream.flows()
                    last = self._heard_at = now
            if now - last >= SILENT_AFTER * self._timing.silence:
                raise FeedLost(f"no {STREAM}")

    def _hear(self, frame: bytes) -> None:
        name, data = unwrap(frame)
        mark = read(name, data, self._take(frame))
        if not isinstance(mark, MarkPrice):
            raise BadFrame(name, "a stream that we did not ask for")
        self._tell(mark)
