"""Supervisor: the only actor that may start another one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, assert_never

from pykka import ActorRef, ThreadingActor, Timeout

from actors.actor import Address, Mailbox
from actors.messages import (
    Begin,
    ChildDied,
    CloseAndStop,
    DashboardInbox,
    Flat,
    RiskInbox,
    StopRequested,
    SupervisorInbox,
    Tick,
    TradingHalted,
)
from actors.supervisor.patience import Patience
from domain.facts import ActorRestarted, Fact, Halted, Stopped, Stopping
from domain.units import Nanos

STOP_SECONDS_MAX = 5
"""How long one actor may take to stop [s]."""

CLOSE_SECONDS_MAX = 8
"""How long the end waits for an open position to be closed [s, wall clock]."""

EXIT_GAVE_UP = 5
"""Exit status after too many crashes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    """How to start one actor, and where the others reach it."""

    name: str
    start: Callable[[], ActorRef[Any]]
    address: Address[Any]


@dataclass(frozen=True, slots=True)
class Outlets:
    """Whom the supervisor itself talks to, apart from its children."""

    risk: Mailbox[RiskInbox]
    broker: Mailbox[Any]
    dashboard: Mailbox[DashboardInbox]
    finished: Callable[[int, str], None]
    opening: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """The program is stopping since then, with this status."""

    reason: str
    status: int
    since: float


class SupervisorActor(ThreadingActor):
    """Starts its children in order, restarts the dead, stops all in reverse order."""

    def __init__(
        self,
        children: Sequence[Child],
        patience: Patience,
        outlets: Outlets,
        duration: Nanos | None = None,
    ) -> None:
        super().__init__()
        self._children = {child.name: child for child in children}
        self._patience = patience
        self._outlets = outlets
        self._duration = duration
        self._ends: Nanos | None = None
        self._living: dict[str, ActorRef[Any]] = {}
        self._now = Nanos(0)
        self._ending: Ending | None = None

    def on_receive(self, message: Any) -> None:
        """Hand Pykka's untyped message to our typed handler."""
        self.receive(message)

    def receive(self, message: SupervisorInbox) -> None:
        """Restart the dead while patience lasts; end everything in order."""
        match message:
            case Begin():
                self._open()
            case Tick(now):
                self._pass(now)
            case ChildDied() as death:
                self._bury(death)
            case StopRequested() as wish:
                self._end(wish)
            case Flat():
                if self._ending is not None:
                    self._finish(self._ending)
            case _:
                assert_never(message)

    def _pass(self, now: Nanos) -> None:
        self._now = max(self._now, now)
        if self._duration is not None and self._ends is None:
            self._ends = Nanos(now + self._duration)
        if self._ending is None and self._ends is not None and now >= self._ends:
            self._end(StopRequested("the time given with --for is over"))
        if self._ending is not None and monotonic() - self._ending.since > CLOSE_SECONDS_MAX:
            self._finish(self._ending)

    def _open(self) -> None:
        """Start all in order; the first is the one that hears how it began."""
        first, *others = self._children.values()
        self._start(first)
        for fact in self._outlets.opening:
            self._outlets.dashboard.tell(fact)
        for child in others:
            self._start(child)

    def _start(self, child: Child) -> None:
        ref = child.start()
        self._living[child.name] = ref
        child.address.move_to(ref)
        ref.tell(Begin())

    def _bury(self, death: ChildDied) -> None:
        logger.error("%s died: %s", death.name, death.error)
        if self._ending is not None:
            return
        self._patience = self._patience.after_death(self._now)
        if death.fatal:
            self._halt(f"{death.name}: {death.error}")
            self._end(StopRequested(f"{death.name}: {death.error}", death.status or EXIT_GAVE_UP))
        elif self._patience.exhausted:
            self._halt(f"{death.name}: {death.error}")
            reason = f"too many crashes, the last of {death.name}: {death.error}"
            self._end(StopRequested(reason, EXIT_GAVE_UP))
        else:
            self._restart(death)

    def _restart(self, death: ChildDied) -> None:
        begun = monotonic()
        self._start(self._children[death.name])
        fact = ActorRestarted(self._now, death.name, death.error, monotonic() - begun)
        self._outlets.dashboard.tell(fact)

    def _halt(self, reason: str) -> None:
        self._outlets.risk.tell(TradingHalted(reason))
        self._outlets.dashboard.tell(Halted(self._now, reason))

    def _end(self, wish: StopRequested) -> None:
        """Begin to stop: what is open is closed first; a second request hurries."""
        if self._ending is not None:
            self._finish(self._ending)
            return
        self._ending = Ending(wish.reason, wish.status, monotonic())
        self._outlets.dashboard.tell(Stopping(self._now, wish.reason))
        if not wish.market:
            self._finish(self._ending)
            return
        self._outlets.risk.tell(CloseAndStop(wish.reason))
        self._outlets.broker.tell(CloseAndStop(wish.reason))

    def _finish(self, ending: Ending) -> None:
        """Take the children down last first, so that nobody talks to a dead receiver."""
        self._ending = replace(ending, since=float("inf"))
        names = list(self._living)
        for name in reversed(names[1:]):
            self._take_down(name)
        seconds = monotonic() - ending.since
        self._outlets.dashboard.tell(Stopped(self._now, seconds))
        for name in names[:1]:
            self._take_down(name)
        self._outlets.finished(ending.status, ending.reason)
        self.stop()

    def _take_down(self, name: str) -> None:
        ref = self._living.pop(name, None)
        if ref is None:
            return
        try:
            ref.stop(timeout=STOP_SECONDS_MAX)
        except Timeout:
            logger.warning("%s did not stop within %d s", name, STOP_SECONDS_MAX)
