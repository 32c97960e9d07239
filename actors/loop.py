"""The deterministic way to run the house: one thread, one queue, a virtual clock.

Each event is delivered and everything it sets off is worked off, in the order it was told, before
the next event comes. So the same input gives the same messages, whatever the machine does.
"""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from types import FrameType
from typing import Any

from actors.feed.source import Source
from actors.feed.timeline import COARSE_TICK_EVERY, TICK_EVERY, Item, moment, timeline
from actors.house import Addresses, Room
from actors.messages import (
    Beat,
    Begin,
    ChildDied,
    CloseAndStop,
    Exhausted,
    Flat,
    StopRequested,
    SupervisorInbox,
    Tick,
)
from domain.facts import Fact, Mode, Stopped, Stopping
from domain.units import SECOND, Nanos

CLOSE_WITHIN = Nanos(10 * SECOND)
"""Market time that an open position is given to be closed at the end."""


class Queue:
    """All messages that wait, in the order they were told."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[Any], None], Any]] = deque()

    def mailbox(self, receive: Callable[[Any], None]) -> "Slot":
        """A mailbox whose messages wait here."""
        return Slot(self._waiting, receive)

    def work_off(self) -> None:
        """Deliver until nothing waits."""
        waiting = self._waiting
        while waiting:
            receive, message = waiting.popleft()
            receive(message)


class Slot:
    """One actor's place in the queue."""

    def __init__(
        self,
        waiting: deque[tuple[Callable[[Any], None], Any]],
        receive: Callable[[Any], None],
    ) -> None:
        self._waiting = waiting
        self._receive = receive

    def tell(self, message: Any, /) -> None:
        """Wait for the turn."""
        self._waiting.append((self._receive, message))


@dataclass(slots=True)
class Wishes:
    """What the actors told the supervisor that a loop has no use for, but must not miss."""

    stop: StopRequested | None = None
    flat: bool = False

    def hear(self, message: SupervisorInbox) -> None:
        """Take note."""
        match message:
            case StopRequested():
                self.stop = self.stop or message
            case Flat():
                self.flat = True
            case Begin() | Tick() | Beat() | ChildDied():
                pass


class Loop:
    """Runs the rooms on one source to its end, or until somebody wants to stop."""

    def __init__(self, rooms: tuple[Room, ...], addresses: Addresses) -> None:
        self._queue = Queue()
        self._addresses = addresses
        self._wishes = Wishes()
        self._actors = []
        for room in rooms:
            actor = room.build(lambda kind, *args, **kwargs: kind(*args, **kwargs))
            room.address.move_to(self._queue.mailbox(actor.on_receive))
            self._actors.append(actor)
        addresses.supervisor.move_to(self._queue.mailbox(self._wishes.hear))

    def note_signal(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler: stop at the next event."""
        self._wishes.stop = self._wishes.stop or StopRequested(signal.Signals(number).name)

    def run(self, source: Source, duration: Nanos | None, opening: Sequence[Fact]) -> StopRequested:
        """Deliver everything; returns why it ended, with the exit status."""
        for address in self._addresses.rooms:
            address.tell(Begin())
        for fact in opening:
            self._addresses.dashboard.tell(fact)
        self._queue.work_off()
        ends = None if duration is None else Nanos(source.start + duration)
        archive = source.modelled and source.mode is Mode.REPLAY
        every = COARSE_TICK_EVERY if archive else TICK_EVERY
        items = timeline(source.events(), source.start, every)
        now = self._deliver(items, source.start, ends)
        if self._wishes.stop is None:
            self._addresses.feed.tell(Exhausted(now, source.summary()))
            self._queue.work_off()
        begun = monotonic()
        stop = self._wishes.stop or StopRequested("the source has no more data", market=False)
        self._addresses.dashboard.tell(Stopping(now, stop.reason))
        now = self._close(items, now, stop)
        for actor in reversed(self._actors[1:]):
            actor.release()
        self._queue.work_off()
        self._addresses.dashboard.tell(Stopped(now, monotonic() - begun))
        self._queue.work_off()
        self._actors[0].release()
        return stop

    def _deliver(self, items: Iterable[Item], now: Nanos, ends: Nanos | None) -> Nanos:
        """Events until the end, a wish to stop, or the time given."""
        wishes = self._wishes
        if wishes.stop is not None:
            return now
        for item in items:
            if ends is not None and moment(item) > ends:
                wishes.stop = StopRequested("the time given with --for is over")
                return now
            now = max(now, moment(item))
            self._hand_over(item)
            if wishes.stop is not None:
                return now
        return now

    def _close(self, items: Iterable[Item], now: Nanos, stop: StopRequested) -> Nanos:
        """Let an open position be closed, as long as there is a market to close it in."""
        if not stop.market:
            return now
        leave = CloseAndStop(stop.reason)
        self._addresses.risk.tell(leave)
        self._addresses.broker.tell(leave)
        self._queue.work_off()
        last = Nanos(now + CLOSE_WITHIN)
        for item in () if self._wishes.flat else items:
            now = max(now, moment(item))
            self._hand_over(item)
            if self._wishes.flat or now > last:
                break
        return now

    def _hand_over(self, item: Item) -> None:
        if isinstance(item, Tick):
            for address in self._addresses.rooms:
                address.tell(item)
        else:
            self._addresses.feed.tell(item)
        self._queue.work_off()
