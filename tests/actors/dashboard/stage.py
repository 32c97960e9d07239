"""A program that plays one scene on the real screen, for tests and for the eye.

    python -m tests.actors.dashboard.stage SCENE [FOLDER]

It ends with `q`, with Ctrl+C, or by itself in the scenes `crash` and `torn`.
"""

import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from threading import Event

from pykka import ActorDeadError, ActorRef

from actors.actor import launch
from actors.dashboard import DashboardActor
from actors.dashboard.fold import Fold
from actors.dashboard.screen import Canvas, Screen
from actors.dashboard.view import View
from actors.messages import Begin, ChildDied, Tick
from domain.facts import Decided, Decision, Halted, Mode
from persistence.journal import Journal
from tests.actors.dashboard.scenes import (
    a_book,
    a_fold,
    a_quality,
    a_trade,
    a_trader,
    after,
    starting,
)


class Told:
    """A mailbox that says when it was told something."""

    def __init__(self) -> None:
        self.event = Event()
        self.messages: list[object] = []

    def tell(self, message: object, /) -> None:
        self.messages.append(message)
        self.event.set()


class Patient(Told):
    """A mailbox that makes nothing of a death."""

    def tell(self, message: object, /) -> None:
        if not isinstance(message, ChildDied):
            super().tell(message)


class Stage(Screen):
    """A screen that says when it gave the terminal back."""

    def __init__(self, risk: Told, supervisor: Told, reports: Path) -> None:
        super().__init__(risk, supervisor, reports=reports)
        self.released = Event()

    def close(self) -> None:
        super().close()
        self.released.set()


class Broken(Stage):
    """A screen that fails after a few frames."""

    left = 9

    def draw(self, view: Callable[[], View]) -> None:
        super().draw(view)
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("the screen is broken")


class Torn(Stage):
    """A screen whose own thread fails after a few frames."""

    left = 9

    def _paint(self, canvas: Canvas) -> None:
        super()._paint(canvas)
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("the painter is broken")


SCREENS = {"crash": Broken, "torn": Torn, "again": Broken}


def scene(name: str) -> Fold:
    match name:
        case "start":
            return a_fold(*starting())
        case "replay":
            return a_trader(Mode.REPLAY, modelled=True)
        case "halted":
            fold = a_trader(Mode.LIVE)
            fold.fact(Halted(after(-10), "LedgerUnbalanced('2 cents are missing')"))
            fold.fact(Decided(after(-9), Decision.RISK_PAUSE, "LedgerUnbalanced"))
            return fold
        case "stale":
            return a_trader(now=37)
        case _:
            return a_trader()


def trade(actor: ActorRef[DashboardActor], tick: int) -> None:
    """A quarter of a second of a moving market."""
    now = after(0.5 + tick / 4)
    price = f"{43247.82 + tick % 7 * 0.37:.2f}"
    for message in (a_book(now, price), a_trade(now, price), a_quality(now), Tick(now)):
        actor.tell(message)


def show(actor: ActorRef[DashboardActor], name: str, tick: int) -> None:
    """Let the scene go on; an actor that is dead sees nothing of it."""
    with suppress(ActorDeadError):
        if name == "trading":
            trade(actor, tick)
        else:
            actor.tell(Tick(after(37 if name == "stale" else 0.5)))


def main() -> None:
    with suppress(OSError):
        # Ctrl+C comes from the terminal that a session leader controls.
        ioctl(0, termios.TIOCSCTTY, 0)
    name = sys.argv[1]
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else mkdtemp())
    risk, supervisor = Told(), Patient() if name == "again" else Told()
    screen = SCREENS.get(name, Stage)(risk, supervisor, folder / "reports")
    fold, journal = scene(name), Journal(folder)

    def begin() -> ActorRef[DashboardActor]:
        actor = launch(DashboardActor, screen, journal, supervisor=supervisor, fold=fold)
        actor.tell(Begin())
        return actor

    ended, actor = "stopped", begin()
    try:
        for tick in count():
            if name == "again" and screen.released.is_set():
                screen.released.clear()
                actor = begin()
            show(actor, name, tick)
            if supervisor.event.wait(0.1):
                break
    except KeyboardInterrupt:
        ended = "interrupted"
    if actor.is_alive():
        actor.stop()
    screen.released.wait(10)
    print(ended, *supervisor.messages, *risk.messages, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
