"""One connection to the streams at a time, and always one: lost, silent or old, another follows.

A connection that is lost is opened anew, with growing pauses until data flows again. One that will
end (it is nearly a day old, the exchange announces its end, or a better address is well again) is
replaced before: the new one must deliver before the old one is closed, and what both delivered is
told apart by its numbers.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from numpy.random import Generator, default_rng

from actors.feed.endpoints import Patience, first_answer
from actors.feed.framing import Heard
from actors.feed.health import Health, News
from actors.feed.sockets import Stream, open_stream
from actors.feed.timing import Timing
from domain.errors import FeedLost, VenueUnavailable

ROTATION_RETRIED_AFTER = 60.0
"""Until another connection is tried to replace this one, where the first try failed [s]."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where to, and what for; `kind` is what the addresses are called on the screen."""

    addresses: Sequence[str]
    path: str
    timing: Timing
    kind: str = "ws"


class Connection:
    """Keeps one connection; what comes on it is read by one thread."""

    def __init__(
        self,
        route: Route,
        stop: threading.Event,
        spawn: Callable[[str, Callable[[], None]], None],
        news: News,
    ) -> None:
        self._route = route
        self._stop = stop
        self._spawn = spawn
        self._news = news
        self.health = Health(route.kind, route.addresses, route.timing.circuit, news)
        self._luck: Generator = default_rng()
        self._successor: queue.SimpleQueue[tuple[Stream, Heard]] = queue.SimpleQueue()
        self._tries = 0
        self._replacing = False
        self._replace_at = 0.0
        self._stream: Stream | None = None
        self._dense = False

    @property
    def endpoint(self) -> str:
        """The address that we are connected to, or were last."""
        return self.health.current

    @property
    def opened(self) -> float:
        """When the connection that is read was opened, by a clock that only goes forward [s]."""
        return -1.0 if self._stream is None else self._stream.opened

    def open(self, limit: float, *, home: bool = False) -> Stream:
        """A connection to the first address that takes us, those that are well first.

        Raises:
            VenueUnavailable: none does; says which and why.
        """
        timing = self._route.timing
        _, stream = first_answer(
            self.health.order(home=home),
            self._attempt,
            Patience(timing.stagger, limit, self._stop),
            Stream.close,
        )
        return stream

    def use(self, stream: Stream) -> None:
        """Read this one from now on."""
        timing = self._route.timing
        self._stream = stream
        at_home = stream.endpoint == self.health.preferred
        self._replace_at = stream.opened + (timing.rotate if at_home else timing.back)

    def reopen(self) -> None:
        """Try for ever, with growing pauses, until a connection stands or the line is closed."""
        timing = self._route.timing
        while not self._stop.is_set():
            self._tries += 1
            if self._stop.wait(timing.before_try(self._tries, self._luck.random())):
                return
            with suppress(VenueUnavailable):
                self.use(self.open(timing.connect))
                return

    def heard(self) -> Iterator[Heard]:
        """What comes, until the connection is lost; from its successor, without a break.

        Raises:
            FeedLost: why it was lost.
        """
        while not self._stop.is_set() and self._stream is not None:
            if not self._successor.empty():
                yield self._succeed(*self._successor.get_nowait())
            if perf_counter() >= self._replace_at:
                self.replace()
            yield self._gathered(self._stream)

    def _gathered(self, stream: Stream) -> Heard:
        """What comes next; where frame follows frame, all of the next few milliseconds at once.

        To wake up costs several times what a frame does, and nobody here needs it that soon.
        """
        pause = self._route.timing.gather
        if self._dense:
            self._stop.wait(pause)
        begun = perf_counter()
        heard = stream.take()
        soon = perf_counter() - begun < pause
        self._dense = soon and bool(heard.messages) and not stream.more
        return heard

    def replace(self) -> None:
        """Look for a successor; go on with what we have until it delivers."""
        self._replace_at = perf_counter() + ROTATION_RETRIED_AFTER
        if not self._replacing:
            self._replacing = True
            self._spawn("feed-successor", self._find_successor)

    def flows(self) -> None:
        """Data has come: the address is well, and the next loss is the first."""
        self._tries = 0
        if self._stream is not None:
            self.health.succeed(self._stream.endpoint)

    def fail(self, *, hard: bool) -> None:
        """The connection was lost; `hard`: what it delivered cannot be believed."""
        if self._stream is not None:
            self.health.fail(self._stream.endpoint, hard=hard)
        self.close()

    def close(self) -> None:
        """Let go of the connection and of a successor that has come too late."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        with suppress(queue.Empty):
            while True:
                self._successor.get_nowait()[0].close()

    def _attempt(self, base: str) -> Stream:
        try:
            return open_stream(base, self._route.path, self._route.timing)
        except VenueUnavailable:
            self.health.fail(base)
            raise

    def _find_successor(self) -> None:
        """Connect, and wait for data; in a thread of its own."""
        timing = self._route.timing
        try:
            stream = self.open(timing.connect, home=True)
        except VenueUnavailable:
            self._replacing = False
            return
        until = perf_counter() + timing.silence
        try:
            heard = stream.take()
            while not heard.messages and perf_counter() < until and not self._stop.is_set():
                heard = stream.take()
        except FeedLost:
            heard = Heard()
        if heard.messages and not self._stop.is_set():
            self._successor.put((stream, heard))
        else:
            stream.close()
            self._replacing = False

    def _succeed(self, stream: Stream, heard: Heard) -> Heard:
        """From now on read the successor, which has begun to deliver."""
        if self._stream is not None:
            self._stream.close()
        self.use(stream)
        self._replacing = False
        self.flows()
        self._news(f"the connection to {stream.endpoint} follows the one before, without a break")
        return heard
