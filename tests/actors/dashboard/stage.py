"""A program that plays one scene on the real screen, for tests and for the eye.

    python -m tests.actors.dashboard.stage SCENE [FOLDER]

It ends with `q`, with Ctrl+C, or by itself in the scene `crash`.
"""

import sys
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from threading import Event

from actors.actor import launch
from actors.dashboard import DashboardActor
from actors.dashboard.fold import Fold
from actors.dashboard.screen import Screen
from actors.dashboard.view import View
from actors.messages import Begin, Tick
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


class Broken(Screen):
    """A screen that fails after a few frames."""

    left = 3

    def draw(self, view: View) -> None:
        super().draw(view)
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("the screen is broken")


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


def main() -> None:
    name = sys.argv[1]
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else mkdtemp())
    risk, supervisor = Told(), Told()
    screen = (Broken if name == "crash" else Screen)(risk, supervisor)
    fold = scene(name)
    actor = launch(DashboardActor, screen, Journal(folder), supervisor=supervisor, fold=fold)
    ended = "stopped"
    try:
        actor.tell(Begin())
        for tick in count():
            seconds = 0.5 + tick / 4
            if name == "trading":
                price = 43247.82 + (tick % 7) * 0.37
                actor.tell(a_book(after(seconds), f"{price:.2f}"))
                actor.tell(a_trade(after(seconds), f"{price:.2f}"))
                actor.tell(a_quality(after(seconds)))
            actor.tell(Tick(after(seconds) if name == "trading" else after(0.5)))
            if supervisor.event.wait(0.1):
                break
    except KeyboardInterrupt:
        ended = "interrupted"
    if actor.is_alive():
        actor.stop()
    print(ended, *supervisor.messages, *risk.messages, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
