"""One short life of the whole system, from its seed."""

import json
import os
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
from persistence.home import Home
from persistence.recovery import healed
from persistence.tool import dumped, restore, verified
from tests.simulation.disk import Killed
from tests.simulation.exchange import BEGINNINGS, Exchange
from tests.simulation.judge import Judge, Violation
from tests.simulation.process import OVER, Process
from tests.simulation.world import World

FAST = Path("/dev/shm")  # noqa: S108 - where the operating system has one
"""A file system in memory, so that a life waits for no disk."""

CALM = Nanos(4 * MINUTE)
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
        self._damaged = False

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
            self._recover()
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

    def _process(self, until: Nanos) -> Process:
        self._processes += 1
        process = Process(self._world, self._exchange, self._judge, live=self._live)
        try:
            with self._judge.looking():
                process.run(self._path, until)
        except Killed:
            return process
        except StoreBusy:
            assert not process.begun, "the store was refused in the middle of a run"
            return process
        finally:
            assert self._damaged or "went" not in process.note, process.note
            self._damaged = False
        assert process.ended is not None
        assert process.ended[0] in {0, 3, 5}, process.ended
        return process

    def _rest(self, seconds: float) -> None:
        """Nobody trades for a while."""
        until = self._world.now + seconds * SECOND
        while self._world.now < until:
            self._world.step()

    def _recover(self) -> None:
        """Nothing goes wrong any more, at some moment of a run; a while later all must be well."""
        world = self._world
        calm = Nanos(world.now + round(world.about(1.0, 200.0) * SECOND))
        world.at(calm, self._calm)
        while True:
            until = Nanos(max(calm, world.now) + CALM)
            process = self._process(until)
            if process.ended is not None and world.now >= until:
                break
            self._rest(1.0)
        assert process.ended == (0, OVER), process.ended
        self._judge.check_health()

    def _calm(self) -> None:
        self._world.calm = True

    def _damage(self) -> None:
        """What may happen to a HOME while nobody uses it."""
        world, store, log = self._world, self._path / "store", self._path / "ledger.redo"
        if world.fails("person", 0.1, "a document is restored"):
            self._restore()
        elif world.fails("store", 0.02, "the store is deleted"):
            shutil.rmtree(store)
            self._damaged = True
        elif world.fails("store", 0.05, "the store is cut short"):
            size = (store / "data.mdb").stat().st_size
            os.truncate(store / "data.mdb", world.number(size // 4096) * 4096)
            self._damaged = True
        elif world.fails("store", 0.05, "the log is deleted"):
            log.unlink(missing_ok=True)
        elif log.exists() and world.fails("store", 0.1, "the log ends in a torn line"):
            with log.open("ab") as file:
                file.write(b'0123abcd B {"entry":{"seq'[: 1 + world.number(25)])

    def _restore(self) -> None:
        """A person goes back to a document, as it was or with other figures."""
        world, path = self._world, self._path / "restored.json"
        document = json.loads(dumped(self._path))
        if world.happens(0.7):
            document["risk_metrics"]["current_drawdown"] = round(world.between(0.0, 0.09), 6)
        if world.happens(0.3):
            document["wallet_balance"] = round(world.about(1.0, 20_000.0), 8)
        path.write_text(json.dumps(document))
        restore(self._path, path)
        again = json.loads(dumped(self._path))
        for name in ("wallet_balance", "positions", "trades", "total_pnl"):
            assert again[name] == document[name], f"{name} was restored as {again[name]}"
        self._judge.forget()

    def _check_end(self) -> None:
        with Home(self._path) as home:
            healed(home)
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
