"""Actors without threads: an inbox each, and chance decides whose turn it is.

`actors.loop.Queue` delivers in the order of telling. Here that is one of two ways; in the other any
actor that has something to do may be next, as between threads, and each may be busy for a while.
"""

from collections import deque
from contextlib import suppress
from typing import Any

from pykka import ActorDeadError, Timeout

from actors.actor import Actor, Leash, Newest
from domain.errors import ForecastInvalid, LedgerMoved
from domain.units import SECOND, Nanos
from persistence.environment import ruined, unwritable
from tests.simulation.forecaster import ModelBroken
from tests.simulation.judge import Judge, Violation
from tests.simulation.world import World

SUPERVISOR = "SupervisorActor"

INJECTED = (MemoryError, LedgerMoved, ForecastInvalid, ModelBroken)


def expected(error: Exception) -> bool:
    """Whether this is what we let go wrong, and no bug of ours."""
    return isinstance(error, INJECTED) or unwritable(error) or ruined(error)


class Inbox(deque[tuple[int, Any]]):
    """What waits for one actor, and when each was told."""

    def qsize(self) -> int:
        """How much that is."""
        return len(self)


class Resident:
    """One incarnation of an actor; stands in for Pykka's reference to it."""

    def __init__(self, name: str, actor: Any, inboxes: "Inboxes") -> None:
        self.name = name
        self.actor = actor
        self.actor_inbox = Inbox()
        self.actor_urn = actor.actor_urn
        self.busy_until = Nanos(0)
        self._inboxes = inboxes
        self._alive = True

    def is_alive(self) -> bool:
        """Whether it can be told anything."""
        return self._alive

    def tell(self, message: Any) -> None:
        """Leave a message."""
        if not self._alive:
            raise ActorDeadError(self.name)
        self.actor_inbox.append((self._inboxes.next_number(), message))

    def stop(self, *, block: bool = True, timeout: float | None = None) -> None:
        """Handle what waits, then end; one that is stuck is left to itself."""
        if not self._alive:
            return
        if not block or self.busy_until > self._inboxes.world.now:
            self._end()
            if block and timeout is not None:
                raise Timeout
            return
        while self.actor_inbox:
            self.handle()  # where it dies of that, nothing waits any more
        if self.is_alive():
            self._end()
            judge = self._inboxes.judge
            before, judge.speaker = judge.speaker, self.name
            with suppress(Exception):  # as Pykka, which only logs it
                self.actor.on_stop()
            judge.speaker = before

    def handle(self) -> None:
        """The next message, to its end or to ours."""
        _, message = self.actor_inbox.popleft()
        if isinstance(message, Leash):
            message._asked = None  # Leash.answer would remember our only thread as the actor's own
            return
        inboxes, judge = self._inboxes, self._inboxes.judge
        before, judge.speaker = judge.speaker, self.name
        try:
            inboxes.before(self.name, message)
            self.actor.on_receive(message)
            inboxes.after(self.name)
        except Exception as error:  # noqa: BLE001 - whatever an actor fails of, it dies of
            self._die(error)
        finally:
            judge.speaker = before

    def _end(self) -> None:
        self._alive = False
        self.actor_inbox.clear()

    def _die(self, error: Exception) -> None:
        self._end()
        if not isinstance(self.actor, Actor) or not expected(error):
            raise Violation(f"{self.name} died of {error!r}") from error
        self.actor.on_failure(type(error), error, error.__traceback__)


class Inboxes:
    """All residents of one process."""

    def __init__(self, world: World, judge: Judge, *, ordered: bool) -> None:
        self.world = world
        self.judge = judge
        self._ordered = ordered
        self._numbers = 0
        self._fuse = 0
        self.residents: list[Resident] = []

    def next_number(self) -> int:
        """Of the next message."""
        self._numbers += 1
        return self._numbers

    def before(self, name: str, message: Any) -> None:
        """Somebody is about to handle a message; it may fail of it, now or at what it tells."""
        value = message._value if isinstance(message, Newest) else message
        if name != SUPERVISOR:
            if self.world.fails("crash", 0.0005, "an actor fails before it begins"):
                if isinstance(message, Newest):
                    message.take()
                raise MemoryError
            if self.world.fails("crash", 0.0005, "an actor fails while it tells"):
                self._fuse = 1 + self.world.number(4)
        self.judge.delivered(name, value)

    def after(self, name: str) -> None:
        """Somebody has handled a message."""
        self._fuse = 0
        if name != SUPERVISOR and self.world.fails(
            "crash", 0.0003, "an actor fails when it is done"
        ):
            raise MemoryError

    def telling(self) -> None:
        """Somebody tells something."""
        if self._fuse:
            self._fuse -= 1
            if not self._fuse:
                raise MemoryError

    def work_off(self) -> None:
        """Deliver until nobody who is not busy has anything to do."""
        while chosen := self._next():
            chosen.handle()
            if chosen.name != SUPERVISOR:
                self._delay(chosen)
        self.residents = [x for x in self.residents if x.is_alive()]

    def _next(self) -> Resident | None:
        """Whose turn it is; None where nobody who is not busy has anything to do."""
        now = self.world.now
        ready = [x for x in self.residents if x.actor_inbox and x.busy_until <= now]
        if not ready:
            return None
        if self._ordered:
            return min(ready, key=lambda x: x.actor_inbox[0][0])
        return ready[0] if len(ready) == 1 else self.world.one_of(ready)

    def _delay(self, chosen: Resident) -> None:
        """It may have been slow, or get stuck."""
        if self.world.fails("stall", 0.004, f"{chosen.name} is slow"):
            span = self.world.about(0.01, 8.0)
        elif self.world.fails("stall", 0.0001, f"{chosen.name} is stuck"):
            span = self.world.about(8.0, 200.0)
        else:
            return
        chosen.busy_until = Nanos(self.world.now + round(span * SECOND))
        self.world.at(chosen.busy_until, self.work_off)
