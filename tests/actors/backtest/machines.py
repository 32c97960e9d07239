"""A Dask cluster on loopback: real processes, as on other machines; and work for it."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.program import ROOT

WAIT_MAX = 50.0
"""How long a process may take to come up on a busy machine [s]."""


MORTAL = "MORTAL"
"""Set for a worker that `deadly` kills."""


@dataclass
class Process:
    """A scheduler or a worker, and the file that it logs to."""

    running: subprocess.Popen[bytes]
    log: Path

    def said(self, words: str) -> str:
        """What it has logged after these words, as soon as it has."""
        pause, until = threading.Event(), time.monotonic() + WAIT_MAX
        while (found := re.search(rf"{words}\s+(\S+)", self.log.read_text())) is None:
            assert self.running.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            pause.wait(0.02)
        return found[1]

    def kill(self) -> None:
        """It dies at once."""
        self.running.kill()
        self.running.wait()

    def end(self) -> None:
        """It ends in order, for the sake of its coverage, or else at once."""
        self.running.terminate()
        try:
            self.running.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Machines:
    """A scheduler, and workers of one thread each."""

    folder: Path
    processes: list[Process] = field(default_factory=list)

    def scheduler(self) -> str:
        """Start it; gives its address. It has nothing of ours."""
        here = ("--host", "127.0.0.1", "--port", "0")
        started = self._start("scheduler", {"PYTHONPATH": str(self.folder)}, *here)
        return started.said("Scheduler at:")

    def worker(self, address: str, **environment: str) -> Process:
        """One that has joined the scheduler at this address."""
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(self.folder))
        started = self._start("worker", environment, address, *options)
        started.said("Registered to:")
        return started

    def _start(self, kind: str, environment: dict[str, str], *options: str) -> Process:
        log = self.folder / f"{kind}-{len(self.processes)}.log"
        command = (sys.executable, "-P", "-m", f"distributed.cli.dask_{kind}", "--no-dashboard")
        with log.open("wb") as file:
            running = subprocess.Popen(
                [*command, *options],
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(Process(running, log))
        return self.processes[-1]


@contextmanager
def some_machines(folder: Path) -> Iterator[Machines]:
    """Machines that end with the test, workers before their scheduler."""
    machines = Machines(folder)
    try:
        yield machines
    finally:
        for process in reversed(machines.processes):
            process.end()


def squared(item: int) -> int:
    """Work for anybody."""
    return item * item


def refused(item: int) -> int:
    """Work that fails for one item."""
    if item == 3:
        raise OSError("three is no number")
    return item


def deadly(item: int) -> int:
    """Work that no worker of a cluster survives."""
    if MORTAL in os.environ:
        os._exit(1)
    return item
