"""How long a start takes and what it holds: the screen, the first forecast, imports, memory.

    python -m tests.benchmarks.startup [--rounds 7] [--model FOLDER]

Each start is a process of its own on the demo market, its files in the page cache. The wall clock
tells what a person waits for on this machine under its load; the processor's time, of all processes
until then, hardly depends on the load.
"""

import argparse
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic

from actors.validation.meter import sample
from tests.actors.dashboard.session import Session
from tests.program import ROOT, children

TITLE = b"PlasmaTrader v3.0"
END_FRAME = b"\x1b[?2026l"

TRADER = (sys.executable, "-P", "-m", "actors", "--demo")
GUARDED = (str(ROOT / "bin" / "plasmatrader"), "--demo")

DEAR = 10_000
"""Imports that take longer are listed [us]."""

SETTLED_SECONDS = 20.0
"""After so long at 60 times real time twenty minutes have been forecast."""

MEGA = 1e6
IMPORT = re.compile(r"import time: +(\d+) \| +(\d+) \| ( *)(\S+)")


@dataclass(frozen=True)
class Took:
    """How long it took: by the clock, and of the processor, both in seconds."""

    wall: float
    processor: float


def first_screen(command: Sequence[str], home: Path) -> Took:
    """From the start of the process to the end of the first frame that shows the box."""
    begun = monotonic()
    session = Session((*command, "--home", str(home)), PYTHONPATH=str(ROOT))
    try:
        session.until(lambda: END_FRAME in session.sent.partition(TITLE)[2])
        took = Took(monotonic() - begun, _processor(session.pid))
        session.sees("System: ●DEMO")
        os.kill(session.pid, signal.SIGTERM)
        session.ends()
    finally:
        session.close()
    return took


def first_forecast(command: Sequence[str], home: Path, *, until: str = "forecast") -> Took:
    """From the start of the process to the event."""
    begun = monotonic()
    with _headless((*command, "--home", str(home))) as process:
        _hear(process, until)
        took = Took(monotonic() - begun, _processor(process.pid))
        _stop(process)
    return took


def memory(home: Path, *arguments: str) -> tuple[float, float]:
    """Resident and private memory of guardian and trader after some twenty forecasts [MB]."""
    command = (*GUARDED, "--speed", "60", *arguments, "--home", str(home))
    with _headless(command) as process:
        _hear(process, "ready")
        Event().wait(SETTLED_SECONDS)
        found = sample(0.0, process.pid, *children(process.pid))
        _stop(process)
    assert found is not None
    return found.resident / MEGA, found.private / MEGA


def imports(module: str) -> list[tuple[int, int, str]]:
    """What importing it takes, in microseconds: with all that it imports, alone, its name."""
    command = (sys.executable, "-P", "-X", "importtime", "-c", f"import {module}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    return [(int(m[2]), int(m[1]), m[4]) for m in IMPORT.finditer(done.stderr)]


def _headless(command: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*command, "--headless"], env=environment, stdout=subprocess.PIPE)


def _hear(process: subprocess.Popen[bytes], name: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == name:
            return
    raise SystemExit(f"it ended before {name}: status {process.wait()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    for _ in process.stdout:
        pass
    process.wait(60)


def _processor(process: int) -> float:
    """What it and its child have taken so far [s]."""
    found = sample(0.0, process, next(iter(children(process)), None))
    assert found is not None
    return found.processor


def told(what: str, took: Sequence[Took], limit: str) -> None:
    walls = sorted(one.wall for one in took)
    processor = statistics.median(one.processor for one in took)
    print(
        f"{what:<44} median {statistics.median(walls):5.2f} s, least {walls[0]:5.2f}, "
        f"most {walls[-1]:5.2f}; {processor:5.2f} s of the processor   goal: {limit}",
        flush=True,
    )


def dear(module: str) -> None:
    """Print which imports are dear, with all that they import."""
    found = min((imports(module) for _ in range(3)), key=lambda rows: sum(x[1] for x in rows))
    print(f"import {module}: {sum(own for _, own, _ in found) / 1000:.0f} ms, of which")
    for whole, own, name in found:
        if whole > DEAR and ("." not in name or name.startswith(("actors", "domain", "persist"))):
            print(f"  {name:<36} {whole / 1000:6.1f} ms, itself {own / 1000:5.1f}")


def main() -> None:
    """Print all figures, and where they were measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--model", type=Path, help="a checkpoint of chronos-bolt-small's size")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # no user has that; the first start writes it
    print(f"{platform.platform()}, Python {platform.python_version()}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, medians of {options.rounds}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        first_forecast(TRADER, home)  # fills the caches
        times = range(options.rounds)
        sys.stdout.flush()
        told("bin/plasmatrader to the screen", [first_screen(GUARDED, home) for _ in times], ".3 s")
        told("the trader alone to the screen", [first_screen(TRADER, home) for _ in times], ".3 s")
        told("to the first forecast", [first_forecast(GUARDED, home) for _ in times], "3 s")
        print("memory, resident and private: {:.0f} and {:.0f} MB".format(*memory(home)))
        if options.model is not None:
            for start in ("first start, which verifies it", "later starts"):
                found = memory(Path(folder, "other"), "--model", str(options.model))
                print("with {}, {}: {:.0f} and {:.0f} MB".format(options.model.name, start, *found))
    for module in ("actors.guardian", "actors.dashboard.screen", "actors.system"):
        dear(module)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
