"""The real program, killed at random instants and robbed of its disk: it loses nothing.

Twenty kills come with all tests. The long form, which also prints how long recovery took:
`PLASMATRADER_KILLS=200 python -m pytest -s tests/test_chaos.py -k killed`.
"""

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, Queue
from statistics import median
from threading import Thread
from time import monotonic
from typing import Any

import numpy as np
import pytest

from domain.ledger import Cause
from persistence.copies import examine
from persistence.environment import open_environment, open_to_read
from persistence.ledger import LedgerStore
from tests.models import opinionated
from tests.program import started

KILLS = int(os.environ.get("PLASMATRADER_KILLS", "8"))
MANY = 30

pytestmark = pytest.mark.timeout(300 if KILLS < MANY else 0)

LIFE_SECONDS_MAX = 1.5 if KILLS < MANY else 4.0
"""How long a trader lives at most before it is killed, from its first word [s]."""

SOON = 90.0
"""How long we wait for what must come [s]."""

RECOVERED_SECONDS_MAX = 60.0
"""The promise: trading again, this long after a crash [s]."""

Fill = tuple[str, str, str]


class Trader:
    """A started program, and all that it has said."""

    def __init__(self, home: Path, model: Path, module: str = "actors") -> None:
        self.begun = monotonic()
        self.ready: float | None = None
        self.said: list[dict[str, Any]] = []
        self._lines: Queue[str] = Queue()
        self.process = started(
            *("--demo", "--headless", "--speed", "120", "--model", model, "--home", home),
            module=module,
        )
        Thread(target=self._listen, daemon=True).start()

    def hear(self, name: str, words: str = "") -> dict[str, Any]:
        """The next event of this name that has these words."""
        while True:
            event = self._next(SOON)
            assert event is not None, f"no {name} within {SOON} s"
            if event["event"] == name and words in json.dumps(event):
                return event

    def live(self, seconds: float) -> None:
        """Let it work for so long after its first word."""
        self.hear("starting")
        due = monotonic() + seconds
        while (left := due - monotonic()) > 0:
            self._next(left)

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.kill()
        self._end()

    def interrupt(self) -> int:
        """Ctrl+C; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        self._end()
        return self.process.returncode

    @property
    def fills(self) -> Counter[Fill]:
        """The fills that it has told of."""
        return Counter(
            (event["order"], event["price"], event["quantity"])
            for event in self.said
            if event["event"] == "fill"
        )

    def _end(self) -> None:
        assert self.process.wait(SOON) is not None
        while self._next(SOON) is not None:
            pass
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _next(self, seconds: float) -> dict[str, Any] | None:
        """The next event; None where none comes in time, or none at all any more."""
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            return None
        if not line.endswith("\n"):
            return None  # torn by the kill, or the end
        event: dict[str, Any] = json.loads(line)
        self.said.append(event)
        if event["event"] == "ready":
            self.ready = monotonic() - self.begun
        return event

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")


def booked(home: Path) -> Counter[Fill]:
    """The fills in the ledger, which must add up and have no hole."""
    examine(home / "store")
    with closing(open_to_read(home / "store")) as environment:
        entries = LedgerStore(environment).since(0)
    return Counter(
        (entry.order, f"{entry.movement.price:f}", f"{entry.movement.quantity:f}")
        for entry in entries
        if entry.cause is Cause.FILL and entry.movement is not None
    )


def test_trader_killed_at_any_moment_has_every_fill_it_told_of_exactly_once(
    tmp_path: Path,
) -> None:
    model, home = opinionated(tmp_path / "model", shift=0.3), tmp_path / "home"
    generator = np.random.default_rng(7)
    told: Counter[Fill] = Counter()
    recoveries = []

    for _ in range(KILLS):
        trader = Trader(home, model)
        trader.live(LIFE_SECONDS_MAX * generator.random())
        trader.kill()
        told += trader.fills
        recoveries += [] if trader.ready is None else [trader.ready]
        assert told <= booked(home) if told else True

    last = Trader(home, model)
    last.hear("ready")
    last.hear("closed" if KILLS < MANY else "decision")  # many lives spend the day's probes
    assert last.interrupt() == 0
    told += last.fills
    assert told <= booked(home)
    recoveries.append(last.ready or SOON)
    assert max(recoveries) < RECOVERED_SECONDS_MAX
    worst = f"median {median(recoveries):.1f} s, worst {max(recoveries):.1f} s"
    print(f"{KILLS} kills, {told.total()} fills told, recovery {worst}")  # noqa: T201


@contextmanager
def small_disk(path: Path) -> Iterator[Path]:
    """A file system of its own with little room; skips where we may not mount one."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)  # noqa: S607


def test_full_disk_pauses_trading_until_there_is_room_again(tmp_path: Path) -> None:
    model = opinionated(tmp_path / "model", shift=0.3)
    with small_disk(tmp_path / "disk") as disk:
        trader = Trader(disk / "home", model)
        trader.hear("fill")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    break

        assert "cannot be written" in trader.hear("halted")["reason"]
        trader.hear("decision", "cannot be written")
        filler.unlink()
        trader.hear("resumed", "can be written again")
        trader.hear("actor_restarted")
        trader.hear("fill")

        assert trader.interrupt() == 0
        assert trader.fills <= booked(disk / "home")


@pytest.mark.parametrize("fault", ["deleted", "cut short", "damaged"])
def test_store_that_is_ruined_under_a_guarded_trader_costs_seconds(
    tmp_path: Path, fault: str
) -> None:
    model, home = opinionated(tmp_path / "model", shift=0.3), tmp_path / "home"
    trader = Trader(home, model, "actors.guardian")
    trader.hear("fill")  # a damaged record is found by the first copy, when that is closed

    if fault == "deleted":
        shutil.rmtree(home / "store")
    elif fault == "damaged":
        with closing(open_environment(home / "store")) as environment:
            trips = environment.open_db(b"trips")
            with environment.begin(trips, write=True) as transaction:
                transaction.put(b"no key of ours", b"\xc1")
    else:
        os.truncate(home / "store" / "data.mdb", 2 * 4096)

    trader.hear("note", "the trader before this one died")
    trader.hear("ready")
    assert trader.interrupt() == 0
    assert trader.fills <= booked(home)
