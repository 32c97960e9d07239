"""The live way to run the house: each actor a thread, a supervisor over them, a clock beside."""

import signal
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from time import monotonic, monotonic_ns
from types import FrameType

from pykka import ActorDeadError, ActorRef, ActorRegistry

from actors.actor import AbandonedError, Leash, launch
from actors.house import Addresses, Room
from actors.messages import Beat, Begin, ChildDied, StopRequested
from actors.pulse import Pulse
from actors.supervisor import (
    EXIT_GAVE_UP,
    SILENCE_SECONDS_MAX,
    Child,
    Outlets,
    Patience,
    Strategy,
    SupervisorActor,
)
from actors.terminal import heeded
from domain.facts import Fact
from domain.units import MINUTE, Nanos

RESTARTS_MAX = 5
RESTARTS_WINDOW = MINUTE
"""More crashes than that within this time are no accident any more."""

END_SECONDS_MAX = 25.0
"""After a wish to stop, the process ends within this time, whatever hangs [s]."""

BEAT_EVERY = 1.0
"""How often the supervisor looks after everybody [s]."""

SUPERVISOR_SILENCE_SECONDS_MAX = 45.0
"""A supervisor that is silent for so long is stuck; ending everybody takes it 30 s at most."""

SILENCES = {"DashboardActor": inf, "BrokerActor": 60.0, "ForecastActor": 120.0}
"""How long one message may take an actor, where it is not what is usual [s].

A model is loaded and runs on a busy machine; a disk may take its time to sync. A dashboard waits
for whoever reads: a terminal that was halted with Ctrl+S is no reason to trade no more, nor to
start a second one that waits too.
"""

STRATEGIES: dict[str, Strategy] = {}
"""Who takes others along when it dies: nobody, since what stands is told again to whoever begins,
and a book, a candle or an account that is missed comes again by itself."""

ONE_WISH_SECONDS = 1.0
"""Signals that come so close together are one: a terminal and a guardian both pass it on."""

LOOK_EVERY = 0.1
"""How often the main thread looks for signals [s]."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended:
    """The end of the program: waits for it, and knows the exit status."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.status = 0
        self.reason = ""

    def set(self, status: int, reason: str) -> None:
        """It is over."""
        self.status, self.reason = status, reason
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Whether it is over within this time."""
        return self._event.wait(seconds)


class Wish:
    """What signals ask for; a handler only takes note, the waiting thread passes it on."""

    def __init__(self) -> None:
        self._names: deque[str] = deque()
        self._noted = -inf

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler: remember which one it was."""
        if monotonic() - self._noted > ONE_WISH_SECONDS:
            self._names.append(signal.Signals(number).name)
            self._noted = monotonic()

    def take(self) -> str:
        """The oldest wish not yet passed on, '' where there is none."""
        return self._names.popleft() if self._names else ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is given besides its rooms.

    Attributes:
        duration: market time after which it ends by itself.
        opening: what the dashboard is told first.
        writable: why the disk takes nothing; '' where it does.
        lost: why what is written is lost all the same; '' where it is not.
        pulse: by which the guardian knows that we live.
    """

    duration: Nanos | None
    opening: tuple[Fact, ...]
    writable: Callable[[], str]
    lost: Callable[[], str]
    pulse: Pulse


def run(rooms: Sequence[Room], addresses: Addresses, terms: Terms) -> Ended:
    """Start everybody, wait for the end, leave nobody behind. To be called in the main thread."""
    ended, wish = Ended(), Wish()
    outlets = Outlets(
        addresses.risk,
        addresses.broker,
        addresses.dashboard,
        ended.set,
        terms.opening,
        terms.writable,
        terms.lost,
        terms.pulse.ends,
    )
    patience = Patience(RESTARTS_MAX, RESTARTS_WINDOW)
    supervisor = launch(SupervisorActor, _children(rooms), patience, outlets, terms.duration)
    addresses.supervisor.move_to(supervisor)
    threading.excepthook = partial(_report, supervisor)
    for number in heeded(SIGNALS):
        signal.signal(number, wish.note)
    supervisor.tell(Begin())
    _wait(supervisor, ended, wish, terms.pulse)
    ActorRegistry.stop_all(block=False)
    return ended


def _children(rooms: Sequence[Room]) -> list[Child]:
    return [
        Child(
            room.name,
            partial(room.build, launch),
            room.address,
            SILENCES.get(room.name, SILENCE_SECONDS_MAX),
            strategy=STRATEGIES.get(room.name, Strategy.ONE_FOR_ONE),
        )
        for room in rooms
    ]


def _report(supervisor: ActorRef[SupervisorActor], died: threading.ExceptHookArgs) -> None:
    """A thread of ours that is no actor died of a bug: only a new process has one again."""
    if died.exc_type is AbandonedError:
        return
    name = "a thread" if died.thread is None else f"thread {died.thread.name}"
    with suppress(ActorDeadError):
        supervisor.tell(ChildDied(name, repr(died.exc_value), fatal=True, status=EXIT_GAVE_UP))


def _wait(supervisor: ActorRef[SupervisorActor], ended: Ended, wish: Wish, pulse: Pulse) -> None:
    """Until the end; a supervisor that died or hangs does not keep us."""
    patience, beaten, leash = inf, -inf, Leash()
    while not ended.wait(LOOK_EVERY):
        if name := wish.take():
            patience = min(patience, monotonic() + END_SECONDS_MAX)
            _tell(supervisor, StopRequested(name))
        if not supervisor.is_alive():
            ended.set(EXIT_GAVE_UP, "the supervisor died")
        elif monotonic() > patience:
            ended.set(EXIT_GAVE_UP, f"stopping took longer than {END_SECONDS_MAX:.0f} s")
        elif monotonic() - beaten > BEAT_EVERY:
            beaten = monotonic()
            _beat(supervisor, leash, pulse)


def _beat(supervisor: ActorRef[SupervisorActor], leash: Leash, pulse: Pulse) -> None:
    """Look after the supervisor, let it look after the others, and be looked after."""
    now = Nanos(monotonic_ns())
    _tell(supervisor, Beat(now))
    leash.ask(supervisor, now)
    if leash.silence(now) < SUPERVISOR_SILENCE_SECONDS_MAX:
        pulse.beat()
    if pulse.alone:
        pulse.alone = False
        _tell(supervisor, StopRequested("the guardian is gone"))


def _tell(supervisor: ActorRef[SupervisorActor], message: Beat | StopRequested) -> None:
    with suppress(ActorDeadError):
        supervisor.tell(message)
