"""The whole house on a fast demo market: each two of its actors fail, the others go on."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import cycle, permutations, product
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from typing import Any

import pytest

from actors.dashboard import Display
from actors.feed.demo import DemoSource
from actors.house import Room, Spawn, rooms
from actors.messages import StopRequested
from actors.settings import parse
from actors.system import _Run
from actors.threads import SIGNALS, Ended, Terms, run
from domain.units import Nanos
from persistence.copies import examined
from persistence.environment import open_environment
from persistence.home import Home
from persistence.recovery import logged
from tests.fakes import Quiet

pytestmark = pytest.mark.timeout(240)

NAMES = (
    *("DashboardActor", "BrokerActor", "RiskActor"),
    *("MicrostructureActor", "ForecastActor", "FeedActor"),
)

FAULTS = tuple(product(("exception", "hang", "construction"), repeat=2))

PROOFS = "PLASMATRADER_PROOFS" in os.environ

PAIRS = tuple(permutations(NAMES, 2))[:: 1 if PROOFS else 7]
"""All pairs, in both orders, take a minute while coverage is measured; some come with all tests."""

SOON = 30.0
"""How long an actor may stay dead before the test fails [s]."""


class Listened(Quiet):
    """A display that one can wait on."""

    def hear(self, word: bytes) -> None:
        """Wait for a fact that has this word and is told from now on."""
        while not self.lines.empty():
            self.lines.get_nowait()
        while word not in self.lines.get(timeout=SOON):
            pass


def hanging(over: threading.Event) -> object:
    """A message that nobody finds out the kind of before the event is set."""

    def kind(_message: object) -> type:
        over.wait()
        return object

    return type("Hanging", (), {"__class__": property(kind)})()


class House:
    """The program's own rooms, with a way to break them."""

    def __init__(
        self, folder: Path, held: ExitStack, display: Display, *options: str, speed: str = "60"
    ) -> None:
        arguments = ("--demo", "--headless", "--speed", speed, "--home", str(folder), *options)
        home = held.enter_context(Home(folder))
        began = _Run(parse(arguments), home, DemoSource(), monotonic)
        self.environment = held.enter_context(closing(open_environment(home.store)))
        redo = held.enter_context(closing(logged(home, self.environment)))
        line = began._line(held)
        fittings = replace(began._fittings(self.environment, line, redo), display=display)
        self.at = began._at
        self.terms = Terms(None, (), str, str, began._pulse)
        self.unbuildable: list[str] = []
        self.over = threading.Event()
        self.rooms = {room.name: self._breakable(room) for room in rooms(self.at, fittings)}

    def run(self) -> Ended:
        return run(tuple(self.rooms.values()), self.at, self.terms)

    def fail(self, name: str, fault: str) -> Callable[[], bool]:
        """Break an actor; returns whether another one has taken its place."""
        address = self.rooms[name].address
        before = address._resident
        if fault == "construction":
            self.unbuildable.append(name)
        address.tell(hanging(self.over) if fault == "hang" else object())
        return lambda: address._resident not in {None, before}

    def _breakable(self, room: Room) -> Room:
        def build(spawn: Spawn) -> Any:
            if room.name in self.unbuildable:
                self.unbuildable.remove(room.name)
                raise MemoryError
            return room.build(spawn)

        return Room(room.name, build, room.address)


@pytest.fixture
def quiet() -> Listened:
    return Listened()


@pytest.fixture
def house(tmp_path: Path, quiet: Listened, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """With a supervisor that looks five times a second and never loses its patience."""
    monkeypatch.setattr("actors.threads.BEAT_EVERY", 0.2)
    monkeypatch.setattr("actors.threads.RESTARTS_WINDOW", Nanos(1))
    monkeypatch.setattr("actors.threads.SILENCES", dict.fromkeys(NAMES, 1.5))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    with ExitStack() as held:
        yield House(tmp_path, held, quiet)
    for number, handler in before.items():
        signal.signal(number, handler)


def break_in_pairs(house: House, quiet: Listened, failed: Queue[str]) -> None:
    """Break two actors at once, in both orders, and wait until both live again."""
    pace = threading.Event()
    try:
        quiet.hear(b'"ready"')
        for pair, faults in zip(PAIRS, cycle(FAULTS), strict=False):
            replaced = [house.fail(*one) for one in zip(pair, faults, strict=True)]
            due = monotonic() + SOON
            while not all(done() for done in replaced):
                if monotonic() > due:
                    failed.put(f"{pair} did not recover from {faults}")
                    return
                pace.wait(0.01)
        quiet.hear(b'"forecast"')
        quiet.hear(b'"decision"')
    except Empty:
        failed.put("the house fell silent")
    finally:
        house.at.supervisor.tell(StopRequested("enough", status=0 if failed.empty() else 1))


def test_any_two_actors_may_fail_together_in_any_way_and_the_house_goes_on(
    house: House, quiet: Listened
) -> None:
    failed: Queue[str] = Queue()
    breaker = threading.Thread(target=break_in_pairs, args=(house, quiet, failed))
    breaker.start()

    ended = house.run()
    breaker.join()
    house.over.set()

    assert list(failed.queue) == []
    assert (ended.status, ended.reason) == (0, "enough")
    assert examined(house.environment).wallet > 0
