"""Carries a recording, an archive or the demo to the feed at a steady pace, in a plain thread."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from actors.actor import Mailbox
from actors.feed.source import Source
from actors.feed.timeline import Item, moment, timeline
from actors.messages import Connected, Exhausted, FeedInbox, Fetched, Tick, Unreachable
from domain.errors import PlasmaError
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.units import SECOND, Nanos

WAITING_MAX = 2000
"""Messages that may wait in the fullest inbox before the pace is held back."""

HELD_BACK_SECONDS = 0.01


def begin(source: Source, feed: Mailbox[FeedInbox]) -> None:
    """Hand the feed the history that stands at the source's start."""
    begun = monotonic()
    history = tuple(source.history())
    wanted = INGESTION * len(TIMEFRAMES)
    feed.tell(Fetched(source.start, history, wanted, monotonic() - begun))
    feed.tell(Connected(source.start, source.identity))


class LoopLine:
    """A `Line` without a thread: the deterministic loop reads the source itself."""

    networked = False

    def __init__(self, source: Source) -> None:
        self._source = source
        self.streamed = source.streamed
        self._feed: Mailbox[FeedInbox] | None = None

    def open(self, feed: Mailbox[FeedInbox], _have: Mapping[Timeframe, Nanos]) -> None:
        """Deliver the history."""
        self._feed = feed
        begin(self._source, feed)

    def refetch(self, _timeframe: Timeframe, _first: Nanos, last: Nanos) -> None:
        """A replay has no second source: what it lacks stays a hole."""
        if self._feed is not None:
            self._feed.tell(Fetched(last, (), 0, 0.0))

    def close(self) -> None:
        """Nothing to let go of."""


class PacedLine:
    """A `Line` that reads a source `speed` times as fast as its time went by.

    It is also the clock of such a run: it tells everybody the time. A feed that is restarted opens
    it again: the market has gone on, and the minutes that nobody heard are told once more. Where
    the actors cannot keep up, it waits for them; and it begins when the model is loaded, so that no
    minute goes by unseen.
    """

    networked = False

    def __init__(
        self,
        source: Source,
        speed: float,
        everyone: Sequence[Mailbox[Any]],
        backlog: Callable[[], int],
        loaded: threading.Event,
    ) -> None:
        self._source = source
        self.streamed = source.streamed
        self._speed = speed
        self._everyone = everyone
        self._backlog = backlog
        self._loaded = loaded
        self._feed: Mailbox[FeedInbox] | None = None
        self._minutes: deque[Candle] = deque(maxlen=INGESTION)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pace", daemon=True)

    def open(self, feed: Mailbox[FeedInbox], have: Mapping[Timeframe, Nanos]) -> None:
        """Deliver the history and begin; opened again, deliver what was told meanwhile."""
        again, self._feed = self._feed is not None, feed
        if not again:
            self._thread.start()
            return
        known = have.get(Timeframe.M1)
        told = tuple(one for one in tuple(self._minutes) if known is None or one.open_time > known)
        history = () if set(have) == set(TIMEFRAMES) else tuple(self._source.history())
        now = told[-1].close_time if told else self._source.start
        feed.tell(Fetched(now, history + told, len(history) + len(told), 0.0))
        feed.tell(Connected(now, self._source.identity))

    def refetch(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> None:
        """Those that were told before; what a replay itself lacks stays a hole."""
        if self._feed is None:
            return
        told = (one for one in tuple(self._minutes) if one.timeframe is timeframe)
        found = tuple(one for one in told if first <= one.open_time <= last)
        self._feed.tell(Fetched(last, found, len(found), 0.0))

    def close(self) -> None:
        """Nothing: one feed's end is not the end of the market. `stop` ends it."""

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        try:
            self._deliver()
        except PlasmaError as error:
            if self._feed is not None:
                self._feed.tell(Unreachable(str(error), error.status))

    def _deliver(self) -> None:
        assert self._feed is not None
        source = self._source
        begin(source, self._feed)
        while not self._loaded.wait(HELD_BACK_SECONDS):
            if self._stopped.is_set():
                return
        begun, now = monotonic(), source.start
        for item in timeline(source.events(), source.start):
            now = max(now, moment(item))
            if self._wait_until(begun + (now - source.start) / SECOND / self._speed):
                return
            self._tell(item)
        self._feed.tell(Exhausted(now, source.summary()))

    def _wait_until(self, due: float) -> bool:
        """Wait for the time, and for actors that have not kept up; true when we are to stop."""
        while self._backlog() > WAITING_MAX:
            if self._stopped.wait(HELD_BACK_SECONDS):
                return True
        wait = due - monotonic()
        return self._stopped.wait(wait) if wait > 0 else self._stopped.is_set()

    def _tell(self, item: Item) -> None:
        if isinstance(item, Tick):
            for mailbox in self._everyone:
                mailbox.tell(item)
            return
        if isinstance(item, Candle):
            self._minutes.append(item)
        if self._feed is not None:
            self._feed.tell(item)
