"""One run of the program, without threads: the house, its supervisor, and a HOME."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from pykka import ActorRef

from actors import threads
from actors.actor import Address
from actors.clock import SteadyClock
from actors.dashboard.view import View
from actors.feed import intake, klines, series
from actors.forecast.actor import Memory
from actors.house import Addresses, Fittings, Room, Spawn, Stores, rooms
from actors.messages import Beat, Begin, Pause, StopRequested, Tick
from actors.supervisor import SILENCE_SECONDS_MAX, Child, Outlets, Patience, SupervisorActor
from actors.supervisor import actor as supervision
from domain.facts import Mode, Noted, Starting
from domain.terms import EAGER
from domain.units import SECOND, Nanos
from persistence import backups, document
from persistence.calibration import CalibrationStore
from persistence.candles import CandleStore
from persistence.checkpoints import CheckpointStore
from persistence.environment import open_environment, tried
from persistence.forecasts import ForecastStore
from persistence.home import Home
from persistence.journal import Journal
from persistence.ledger import LedgerStore
from persistence.recovery import healed, logged
from tests.simulation.disk import Disk, Killed, on
from tests.simulation.exchange import Exchange
from tests.simulation.forecaster import Oracle
from tests.simulation.inboxes import Inboxes, Resident
from tests.simulation.judge import Judge
from tests.simulation.wire import Wire
from tests.simulation.world import World

HISTORY = 200
"""Candles of each timeframe that a feed begins with here: a thousand are most of a life's cost."""

CLEAN = "nothing had to be mended"

OVER = "the life is over"
"""Why a process ends that has lived as long as it should."""

CLOSES_WITHIN = 12
"""How long the end may take before it is asked for again [s]."""


class Shown:
    """A display that passes the lines of facts on."""

    def __init__(self, hear: Callable[[bytes], None]) -> None:
        self._hear = hear

    def open(self) -> None:
        """Nothing to open."""

    def fact(self, line: bytes) -> None:
        """Pass it on."""
        self._hear(line)

    def draw(self, view: Callable[[], View]) -> None:
        """Nobody looks."""

    def close(self) -> None:
        """Nothing to close."""


class Process:
    """From its start to its end, whichever that is.

    Attributes:
        ended: exit status and reason, once it has ended by itself.
        begun: its store is open.
        note: what had to be done to the store before.
    """

    def __init__(self, world: World, exchange: Exchange, judge: Judge, *, live: bool) -> None:
        self._world = world
        self._exchange = exchange
        self._judge = judge
        self._live = live
        self.ended: tuple[int, str] | None = None
        self.begun = False
        self.note = ""
        self._running = True
        ordered = world.happens(0.3)
        self._inboxes = Inboxes(world, judge, ordered=ordered)
        self._disk = Disk(world)
        self._at = Addresses()
        self._now = SteadyClock(lambda: world.wall, lambda: world.now)
        self._every = world.one_of((0.25, 1.0, 1.0, 1.0))

    def run(self, path: Path, until: Nanos) -> None:
        """Live until then and stop in order, or end before.

        Raises:
            Killed: the process was killed.
        """
        with ExitStack() as held:
            home = held.enter_context(Home(path))
            home.enter("simulated")
            self.note = healed(home)
            environment = on(open_environment(home.store), self._disk)
            held.callback(environment.close)
            redo = held.enter_context(closing(logged(home, environment)))
            journal = Journal(home.log)
            held.callback(journal._let_go)
            wire = Wire(self._world, self._exchange, self._now, live=self._live)
            held.callback(wire.close)
            held.callback(self._leave)
            stores = Stores(
                Memory(
                    CandleStore(environment),
                    CalibrationStore(environment),
                    ForecastStore(environment),
                ),
                LedgerStore(environment, redo),
                CheckpointStore(environment, redo),
                backups.StateFile(home, environment).keep,
            )
            fittings = Fittings(
                terms=EAGER,
                line=wire,
                display=Shown(self._judge.shown),
                journal=journal,
                load_model=partial(Oracle, self._world),
                sweep=lambda: None,
                stores=stores,
                stopwatch=lambda: 0.0,
                seed=self._world.seed,
            )
            held.enter_context(self._tapped())
            self._judge.begin(stores.ledger)
            self.begun = self._exchange.attended = True
            self._start(rooms(self._at, fittings), partial(tried, environment))
            self._live_until(until)

    def _leave(self) -> None:
        self._running = self._exchange.attended = False
        self._inboxes.residents.clear()

    @contextmanager
    def _tapped(self) -> Iterator[None]:
        """Hear all that is told, and let the disk be full for files too."""
        names = {
            id(getattr(self._at, name)): name
            for name in ("dashboard", "broker", "risk", "microstructure", "forecast", "feed")
        }
        tell, write = Address.tell, document.write

        def told(address: Any, message: Any, /) -> None:
            self._inboxes.telling()
            self._judge.told(names.get(id(address), "supervisor"), message)
            tell(address, message)

        def written(*arguments: Any, **options: Any) -> None:
            self._disk.refuse()
            write(*arguments, **options)
            self._disk.die("after a document")

        stand_ins = (
            (Address, "tell", told),
            (backups, "write", written),
            (intake, "perf_counter", self._world.perf_counter),
            (supervision, "monotonic", self._world.perf_counter),
            (series, "INGESTION", HISTORY),
            (klines, "INGESTION", HISTORY),
        )
        with ExitStack() as held:
            for place, name, other in stand_ins:
                held.callback(setattr, place, name, getattr(place, name))
                setattr(place, name, other)
            yield

    def _start(self, house: tuple[Room, ...], writable: Callable[[], str]) -> None:
        at, wall = self._at, self._now()
        opening = (
            Starting(wall, Mode.REPLAY, "simulated", "real"),
            Noted(wall, self.note or CLEAN),
        )
        outlets = Outlets(at.risk, at.broker, at.dashboard, self._finish, opening, writable, str)
        patience = Patience(threads.RESTARTS_MAX, threads.RESTARTS_WINDOW)
        children = [self._child(room) for room in house]
        supervisor = SupervisorActor(children, patience, outlets)
        at.supervisor.move_to(self._move_in("SupervisorActor", supervisor))
        at.supervisor.tell(Begin())
        self._inboxes.work_off()
        self._tick()
        self._beat()

    def _child(self, room: Room) -> Child:
        def start() -> ActorRef[Any]:
            if self._world.fails("crash", 0.02, "an actor cannot be constructed"):
                raise MemoryError("injected")
            self._judge.born(room.name)
            spawn: Spawn = lambda kind, *args, **kwargs: kind(*args, **kwargs)  # noqa: E731
            return cast("ActorRef[Any]", self._move_in(room.name, room.build(spawn)))

        silence = threads.SILENCES.get(room.name, SILENCE_SECONDS_MAX)
        return Child(room.name, start, room.address, silence)

    def _move_in(self, name: str, actor: Any) -> Resident:
        resident = Resident(name, actor, self._inboxes)
        self._inboxes.residents.append(resident)
        return resident

    def _finish(self, status: int, reason: str) -> None:
        self.ended = (status, reason)

    def _live_until(self, until: Nanos) -> None:
        world = self._world
        while self.ended is None and world.now < until:
            world.step()
            self._inboxes.work_off()
        hurry = 0
        while self.ended is None:
            if world.now >= until + hurry * CLOSES_WITHIN * SECOND:
                hurry += 1
                self._at.supervisor.tell(StopRequested(OVER))
                self._inboxes.work_off()
                continue
            world.step()
            self._inboxes.work_off()

    def _tick(self) -> None:
        """The clock on the wall ticks for everybody; somebody may set it."""
        if not self._running:
            return
        world = self._world
        if world.fails("clock", 0.002, "the clock is set wrongly"):
            world.skew = Nanos(round(world.one_of((-1, 1)) * world.about(0.1, 4000.0) * SECOND))
        elif world.skew and (world.calm or world.happens(0.02)):
            world.skew = Nanos(0)
        now = Tick(self._now())
        for address in (*self._at.rooms, self._at.supervisor):
            address.tell(now)
        world.later(self._every, self._tick)

    def _beat(self) -> None:
        """A second has gone by; the process may be killed, and a person may want something."""
        if not self._running:
            return
        world = self._world
        self._at.supervisor.tell(Beat(world.now))
        if world.fails("person", 0.005, "somebody pauses or goes on"):
            self._at.risk.tell(Pause(world.happens(0.5)))
        if world.fails("person", 0.001, "somebody stops the program"):
            self._at.supervisor.tell(StopRequested("SIGINT"))
        if world.fails("end", 0.005, "killed at rest"):
            raise Killed("at rest")
        world.later(1.0, self._beat)
