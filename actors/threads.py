"""The live way to run the house: each actor a thread, a supervisor over them, a clock beside."""

import signal
import threading
from collections import deque
from collections.abc import Sequence
from functools import partial
from math import inf
from time import monotonic
from types import FrameType

from pykka import ActorRef, ActorRegistry

from actors.actor import launch
from actors.house import Addresses, Room
from actors.messages import Begin, StopRequested
from actors.supervisor import EXIT_GAVE_UP, Child, Outlets, Patience, SupervisorActor
from domain.facts import Fact
from domain.units import MINUTE, Nanos

RESTARTS_MAX = 5
RESTARTS_WINDOW = MINUTE
"""More crashes than that within this time are no accident any more."""

STOP_SECONDS_MAX = 25.0
"""After a wish to stop, the process ends within this time, whatever hangs [s]."""

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

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler: remember which one it was."""
        self._names.append(signal.Signals(number).name)

    def take(self) -> str:
        """The oldest wish not yet passed on, '' where there is none."""
        return self._names.popleft() if self._names else ""


def run(
    rooms: Sequence[Room], addresses: Addresses, duration: Nanos | None, opening: Sequence[Fact]
) -> Ended:
    """Start everybody, wait for the end, leave nobody behind. To be called in the main thread."""
    ended, wish = Ended(), Wish()
    outlets = Outlets(
        addresses.risk, addresses.broker, addresses.dashboard, ended.set, tuple(opening)
    )
    children = [Child(room.name, partial(room.build, launch), room.address) for room in rooms]
    patience = Patience(RESTARTS_MAX, RESTARTS_WINDOW)
    supervisor = launch(SupervisorActor, children, patience, outlets, duration)
    addresses.supervisor.move_to(supervisor)
    for number in SIGNALS:
        signal.signal(number, wish.note)
    supervisor.tell(Begin())
    _wait(supervisor, ended, wish)
    ActorRegistry.stop_all(block=False)
    return ended


def _wait(supervisor: ActorRef[SupervisorActor], ended: Ended, wish: Wish) -> None:
    """Until the end; a supervisor that died or hangs does not keep us."""
    patience = inf
    while not ended.wait(LOOK_EVERY):
        if name := wish.take():
            patience = min(patience, monotonic() + STOP_SECONDS_MAX)
            supervisor.tell(StopRequested(name))
        if not supervisor.is_alive():
            ended.set(EXIT_GAVE_UP, "the supervisor died")
        elif monotonic() > patience:
            ended.set(EXIT_GAVE_UP, f"stopping took longer than {STOP_SECONDS_MAX:.0f} s")
