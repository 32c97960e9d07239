"""Runs the program as its user does: a process of its own, with a HOME of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

SECONDS_MAX = 120
"""How long a run may take before a test gives up on it [s]."""

WALL_CLOCK = {"seconds", "took_ms", "version"}
"""Fields in which two deterministic runs may differ."""

COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""By this variable coverage follows into a program that a test starts."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """How a program ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[Event]:
        """The event lines on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def names(self) -> list[str]:
        """The events' names, in order."""
        return [event["event"] for event in self.events]

    def of(self, name: str) -> list[Event]:
        """The events of one name."""
        return [event for event in self.events if event["event"] == name]


def started(
    *arguments: str | Path, module: str = "actors", measured: bool = False
) -> subprocess.Popen[str]:
    """The program with these arguments, running; where coverage is not measured, at full speed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if not measured:
        environment.pop(COVERAGE, None)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(*arguments: str | Path, module: str = "actors", measured: bool = False) -> Run:
    """The program with these arguments, run to its end."""
    with started(*arguments, module=module, measured=measured) as process:
        return ended(process)


def ended(process: subprocess.Popen[str], said: Sequence[str] = ()) -> Run:
    """Waits for the end; `said` is what was read of its output before."""
    try:
        out, err = process.communicate(timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Run(process.returncode, "".join(said) + out, err)


@contextmanager
def running(
    *arguments: str | Path, until: str, module: str = "actors", measured: bool = False
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The program, once it has said an event of this name, with what it has said so far."""
    with started(*arguments, module=module, measured=measured) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if json.loads(line)["event"] == until:
                break
        try:
            yield process, said
        finally:
            process.kill()


def interrupted(process: subprocess.Popen[str], said: Sequence[str]) -> Run:
    """Ctrl+C, and wait for the end."""
    process.send_signal(signal.SIGINT)
    return ended(process, said)


def children(process: int) -> list[int]:
    """The processes that this one has started."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = (line.split() for line in listed.stdout.splitlines())
    return [int(pid) for pid, parent in pairs if int(parent) == process]


def comparable(out: str) -> str:
    """The event lines without what may differ between two deterministic runs."""
    fields = "|".join(sorted(WALL_CLOCK))
    return re.sub(rf'"({fields})":("[^"]*"|[-0-9.e]+)', r'"\1":_', out)
