"""Supervisor: the only actor that may start another one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, assert_never

from pykka import ActorRegistry, ThreadingActor, Timeout

from actors.actor import Leash, Mailbox
from actors.messages import (
    Beat,
    Begin,
    ChildDied,
    CloseAndStop,
    DashboardInbox,
    Flat,
    RiskInbox,
    RoomVitals,
    StopRequested,
    SupervisorInbox,
    Suspended,
    Tick,
    TradingHalted,
    Vitals,
)
from actors.supervisor.child import STOP_SECONDS_MAX, Child, Life, Strategy
from actors.supervisor.patience import Patience
from domain.errors import StoreCorrupt
from domain.facts import ActorRestarted, Fact, Halted, Resumed, Stopped, Stopping
from domain.units import SECOND, Nanos

CLOSE_SECONDS_MAX = 8
"""How long the end waits for an open position to be closed [s, wall clock]."""

ASLEEP = Nanos(5 * SECOND)
"""Beats that come so far apart mean that the whole process was suspended."""

BACK_MAX = Nanos(10 * SECOND)
"""A clock that is set back by less is waited for; beyond, only a new process knows the time."""

EXIT_GAVE_UP = 5
"""Exit status after too many crashes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outlets:
    """Whom the supervisor itself talks to, apart from its children.

    Attributes:
        risk, broker, dashboard: told of halts and of the end.
        finished: hears the exit status and the reason.
        opening: told to the dashboard first.
        writable: why the disk takes nothing; '' where it does.
        lost: why what we write is lost, whatever the disk says; '' where it is not.
        ends: hears when the program is to end, and says when it was to end already before a crash.
    """

    risk: Mailbox[RiskInbox]
    broker: Mailbox[Any]
    dashboard: Mailbox[DashboardInbox]
    finished: Callable[[int, str], None]
    opening: tuple[Fact, ...] = ()
    writable: Callable[[], str] = str
    lost: Callable[[], str] = str
    ends: Callable[[Nanos], Nanos] = lambda ends: ends


@dataclass(frozen=True, slots=True)
class Ending:
    """The program is stopping since then, with this status."""

    reason: str
    status: int
    since: float


class SupervisorActor(ThreadingActor):
    """Starts its children in order, restarts the dead, stops all in reverse order.

    Market time begins with the opening, comes with Tick, and dates what is told. Everything that
    guards the actors goes by Beat, a second of wall time: a market that stands still must not stop
    the watch.
    """

    use_daemon_thread = True

    def __init__(
        self,
        children: Sequence[Child],
        patience: Patience,
        outlets: Outlets,
        duration: Nanos | None = None,
    ) -> None:
        super().__init__()
        fresh = replace(patience, restarts_max=0)
        self._lives = {child.name: Life(child, fresh) for child in children}
        self._patience = patience
        self._outlets = outlets
        self._duration = duration
        self._ends: Nanos | None = None
        self._now = max((fact.at for fact in outlets.opening), default=Nanos(0))
        self._beat = Nanos(0)
        self._unwritable = ""
        self._ending: Ending | None = None

    def on_receive(self, message: Any) -> None:
        """Hand Pykka's untyped message to our typed handler."""
        if isinstance(message, Leash):
            message.answer()
        else:
            self.receive(message)

    def receive(self, message: SupervisorInbox) -> None:
        """Restart the dead while patience lasts; end everything in order."""
        match message:
            case Begin():
                self._open()
            case Tick(now):
                self._pass(now)
            case Beat(now):
                self._wake(now)
                self._look()
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
        back = self._now - now
        if back > BACK_MAX and self._ending is None:
            # Whoever has seen a later time would take all that comes for old until then.
            self._escalate(f"the clock was set back by {back / SECOND:.0f} s", EXIT_GAVE_UP)
            return
        self._now = max(self._now, now)
        if self._duration is not None and self._ends is None:
            self._ends = self._outlets.ends(Nanos(now + self._duration))
        if self._ending is None and self._ends is not None and now >= self._ends:
            self._end(StopRequested("the time given with --for is over"))

    def _wake(self, now: Nanos) -> None:
        """Let wall time pass; where we were asleep, so was everybody else."""
        asleep = now - self._beat > ASLEEP
        self._beat = now
        if asleep:
            for life in self._lives.values():
                life.leash.forgive(now)

    def _look(self) -> None:
        """Once a second: who is dead, who hangs, whose time has come to live again."""
        if self._ending is not None:
            if monotonic() - self._ending.since > CLOSE_SECONDS_MAX:
                self._finish(self._ending)
            return
        if reason := self._outlets.lost():
            self._escalate(reason, EXIT_GAVE_UP)
            return
        for life in self._lives.values():
            self._look_after(life)
            if self._ending is not None:
                return
        self._tell_vitals()

    def _look_after(self, life: Life) -> None:
        if fault := life.fault(self._beat):
            self._give_up(life)
            self._bury(ChildDied(life.child.name, fault, fatal=False))
        elif life.due is not None and life.due <= self._beat:
            self._restart(life)
        elif life.ref is not None:
            life.leash.ask(life.ref, self._beat)

    def _tell_vitals(self) -> None:
        rooms = tuple(
            RoomVitals(name, life.restarts, at.waiting, at.skipped, at.dropped, *life.pace)
            for name, life in self._lives.items()
            for at in (life.child.address,)
        )
        self._outlets.dashboard.tell(Vitals(self._now, rooms))

    def _open(self) -> None:
        """Start all in order; the first is the one that hears how it began."""
        for number, life in enumerate(self._lives.values()):
            self._start(life)
            if number == 0:
                for fact in self._outlets.opening:
                    self._outlets.dashboard.tell(fact)

    def _start(self, life: Life) -> bool:
        """Begin a life; true when it has begun. One that cannot even be constructed has died."""
        life.due, life.missed, life.leash = None, False, Leash()
        try:
            life.ref = life.child.start()
        except Exception as error:  # outermost edge: whatever it is, it is this actor's death
            logger.exception("%s cannot be constructed", life.child.name)
            life.ref = None
            self._bury(ChildDied(life.child.name, f"not constructed: {error!r}", fatal=False))
            return False
        life.child.address.move_to(life.ref)
        life.leash.ask(life.ref, self._beat)
        life.ref.tell(Begin())
        life.child.address.remind()
        return True

    def _give_up(self, life: Life) -> None:
        """Leave a stuck incarnation to itself; from now on nobody hears it."""
        life.leash.cut()
        if life.ref is not None and life.ref.is_alive():
            life.ref.stop(block=False)
            ActorRegistry.unregister(life.ref)

    def _bury(self, death: ChildDied) -> None:
        logger.error("%s died: %s", death.name, death.error)
        life = self._lives.get(death.name)
        if self._ending is not None or (life is not None and not life.is_life(death.urn)):
            return
        if life is not None:
            life.ref = None
            life.child.address.vacate()
        if death.fatal or life is None:
            self._escalate(f"{death.name}: {death.error}", _status(death))
        elif death.unwritable:
            self._wait_for_disk(life, death.error)
        else:
            self._forgive(life, death.error)

    def _forgive(self, life: Life, error: str) -> None:
        """Let it live again, soon; unless that was one death too many."""
        self._patience = self._patience.after_death(self._beat)
        if self._patience.exhausted:
            reason = f"too many crashes, the last of {life.child.name}: {error}"
            self._escalate(reason, EXIT_GAVE_UP)
            return
        life.patience = life.patience.after_death(self._beat)
        life.death, life.died = error, self._beat
        life.due = Nanos(self._beat + life.patience.delay)
        if life.due <= self._beat:
            self._restart(life)

    def _wait_for_disk(self, life: Life, error: str) -> None:
        """Nobody's fault: trading rests until the disk takes what we write, then goes on."""
        if not self._unwritable:
            self._unwritable = f"the state cannot be written: {error}"
            self._outlets.risk.tell(Suspended(self._unwritable))
            self._outlets.dashboard.tell(Halted(self._now, self._unwritable))
        life.death, life.died = error, self._beat
        life.patience = life.patience.after_death(self._beat)
        life.due = Nanos(self._beat + max(life.patience.delay, SECOND))

    def _restart(self, life: Life) -> None:
        if self._unwritable and not self._cured(life):
            return
        rest = self._rest(life)
        for other in reversed(rest):
            self._take_down(other)
            other.child.address.vacate()
            other.death, other.died = f"{life.child.name} died", self._beat
        for one in (life, *rest):
            self._revive(one)

    def _rest(self, life: Life) -> list[Life]:
        """Who begins anew together with this one, in the order of starting."""
        if life.child.strategy is Strategy.ONE_FOR_ONE:
            return []
        lives = list(self._lives.values())
        return lives[lives.index(life) + 1 :]

    def _revive(self, life: Life) -> None:
        begun = monotonic()
        if not self._start(life):
            return
        life.restarts += 1
        seconds = (self._beat - life.died) / SECOND + monotonic() - begun
        fact = ActorRestarted(self._now, life.child.name, life.death, seconds)
        self._outlets.dashboard.tell(fact)

    def _cured(self, life: Life) -> bool:
        """Whether the disk takes what we write again; then trading may go on."""
        if self._outlets.writable():
            life.due = Nanos(self._beat + SECOND)
            return False
        self._unwritable = ""
        self._outlets.risk.tell(Suspended(""))
        self._outlets.dashboard.tell(Resumed(self._now, "the state can be written again"))
        return True

    def _escalate(self, reason: str, status: int) -> None:
        """What no restart of an actor cures ends this process; its guardian starts the next one."""
        self._halt(reason)
        self._end(StopRequested(reason, status))

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
        if ending.since == float("inf"):
            return
        self._ending = replace(ending, since=float("inf"))
        first, *others = self._lives.values()
        for life in reversed(others):
            self._take_down(life)
        seconds = monotonic() - ending.since
        self._outlets.dashboard.tell(Stopped(self._now, seconds))
        self._take_down(first)
        self._outlets.finished(ending.status, ending.reason)
        self.stop()

    def _take_down(self, life: Life) -> None:
        ref, life.ref = life.ref, None
        if ref is None:
            return
        try:
            ref.stop(timeout=STOP_SECONDS_MAX)
        except Timeout:
            life.leash.cut()
            logger.warning("%s did not stop in time", life.child.name)


def _status(death: ChildDied) -> int:
    """What to end with: a state that was ruined under us is mended by the next start."""
    return EXIT_GAVE_UP if death.status in {0, StoreCorrupt.status} else death.status
