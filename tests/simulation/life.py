"""One short life of the whole system, from its seed."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from domain.errors import StoreBusy
from domain.units import MINUTE, SECOND, Nanos
from persistence.copies import examine
from persistence.tool import dumped, restore, verified
from tests.simulation.disk import Killed
from tests.simulation.exchange import BEGINNINGS, Exchange
from tests.simulation.judge import Judge, Violation
from tests.simulation.process import Process
from tests.simulation.world import World

FAST = Path("/dev/shm")  # noqa: S108 - where the operating system has one
"""A file system in memory, so that a life waits for no disk."""

CALM = Nanos(3 * MINUTE)
"""How long nothing goes wrong at the end of a life: by then all must be well."""


class Broken(AssertionError):  # noqa: N818 - it names what a life is then
    """An invariant broke in the life of this seed."""


@dataclass(frozen=True)
class Report:
    """What one life was.

    Attributes:
        seconds: how long it was [market time].
        processes: how often the program was started.
        faults: what went wrong, how often.
        events: what was told, how often.
        refusals: codes of orders that came back.
        digest: of all lines that were shown.
    """

    seconds: float
    processes: int
    faults: Counter[str]
    events: Counter[str]
    refusals: Counter[str]
    digest: str


def place() -> Path:
    """A new empty folder, in memory where there is one."""
    return Path(mkdtemp(prefix="life-", dir=FAST if FAST.is_dir() else None))


@cache
def template(start: Nanos) -> Path:
    """A HOME that has the history and a calibration, as any but the first start finds."""
    folder = place()
    world = World(0, start, calm=True)
    process = Process(world, Exchange(world, start, live=False), Judge(world), live=False)
    process.run(folder, Nanos(start + 20 * SECOND))
    shutil.rmtree(folder / "backups")
    (folder / "ledger.redo").unlink()
    return folder


class Life:
    """A HOME, the processes that live on it one after the other, and who judges them."""

    def __init__(self, seed: int, folder: Path, keep: Callable[[bytes], None] | None) -> None:
        probe = World(seed, Nanos(0))
        self._start = probe.one_of(BEGINNINGS)
        self._world = World(seed, self._start)
        self._path = folder / "home"
        self._live = self._world.happens(0.15)
        self._exchange = Exchange(self._world, self._start, live=self._live)
        self._judge = Judge(self._world, keep)
        self._processes = 0

    def run(self) -> Report:
        """From its beginning to its end."""
        world = self._world
        shutil.copytree(template(self._start), self._path)
        ends = Nanos(self._start + round(world.about(0.5, 10.0) * MINUTE))
        while world.now < ends:
            self._process(min(ends, Nanos(world.now + round(world.about(5, 1200) * SECOND))))
            self._rest(world.about(0.1, 100.0))
            self._damage()
        if world.happens(0.5):
            world.calm = True
            self._process(Nanos(world.now + CALM))
        self._check_end()
        judge = self._judge
        span = (world.now - self._start) / SECOND
        return Report(
            span,
            self._processes,
            world.faults,
            judge.events,
            judge.refusals,
            judge.digest.hexdigest(),
        )

    def _process(self, until: Nanos) -> None:
        self._processes += 1
        process = Process(self._world, self._exchange, self._judge, live=self._live)
        try:
            with self._judge.looking():
                process.run(self._path, until)
        except Killed:
            return
        except StoreBusy:
            assert process.begun is False, "the store was refused in the middle of a run"
            return
        assert process.ended is not None
        assert process.ended[0] in {0, 3, 5}, process.ended

    def _rest(self, seconds: float) -> None:
        """Nobody trades for a while."""
        until = self._world.now + seconds * SECOND
        while self._world.now < until:
            self._world.step()

    def _damage(self) -> None:
        """What may happen to a HOME while nobody uses it."""

    def _check_end(self) -> None:
        examine(self._path / "store")
        lines, status = verified(self._path)
        assert status == 0, lines
        first = dumped(self._path)
        document = self._path / "dumped.json"
        document.write_text(first)
        restore(self._path, document)
        assert dumped(self._path) == first, "dump, restore, dump are not the same"


def lived(seed: int, keep: Callable[[bytes], None] | None = None) -> Report:
    """The life of this seed.

    Raises:
        Broken: something was not as it must always be.
    """
    folder = place()
    try:
        return Life(seed, folder, keep).run()
    except (Exception, Violation) as error:
        raise Broken(f"seed {seed}: {type(error).__name__}: {error}") from error
    finally:
        shutil.rmtree(folder)
