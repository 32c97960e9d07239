"""How long the real program takes from each fault to trading again.

    python -m tests.benchmarks.faults [--fault NAME]

Each fault hits the program under its guardian, on the demo market at 120 times real time with a
model that trades. The full disk needs the right to mount one.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from tests.damage import RUINS, fill_up, ruin, small_disk
from tests.fills import booked
from tests.models import opinionated
from tests.program import children
from tests.trader import Trader

Fault = Callable[[Trader, Path], float]
"""Does the damage and waits; returns how long it took until the program traded again [s]."""


def killed(number: signal.Signals) -> Fault:
    """A signal ends the trader."""

    def fault(trader: Trader, _home: Path) -> float:
        return _again(trader, lambda: os.kill(_child(trader), number))

    return fault


def ruined(how: str) -> Fault:
    """The store is damaged under the trader."""

    def fault(trader: Trader, home: Path) -> float:
        if how != "damaged":  # that is found by the first copy
            trader.hear("closed")
            trader.hear("backup")
        return _again(trader, lambda: ruin(home, how))

    return fault


def full(trader: Trader, home: Path) -> float:
    """The disk is full; the time counts from when there is room again."""
    filler = fill_up(home.parent)
    trader.hear("halted")
    trader.hear("decision", "cannot be written")
    begun = monotonic()
    filler.unlink()
    trader.hear("resumed")
    trader.hear("actor_restarted")
    return monotonic() - begun


FAULTS: dict[str, Fault] = {
    "killed (SIGKILL)": killed(signal.SIGKILL),
    "segfault (SIGSEGV)": killed(signal.SIGSEGV),
    "stuck (SIGSTOP)": killed(signal.SIGSTOP),
    **{f"store {how}": ruined(how) for how in RUINS},
    "disk full": full,
}


def main() -> int:
    """Print a row for each fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fault", choices=tuple(FAULTS))
    chosen = parser.parse_args().fault
    print("| fault | trading again after [s] | fills told | of them booked |\n|---|---|---|---|")
    for name, fault in FAULTS.items():
        if chosen in {None, name}:
            print(f"| {name} | {_measured(fault)} |", flush=True)
    return 0


def _measured(fault: Fault) -> str:
    with tempfile.TemporaryDirectory() as folder:
        model = opinionated(Path(folder) / "model", shift=0.3)
        if fault is not full:
            return _run(fault, Path(folder) / "home", model)
        with small_disk(Path(folder) / "disk") as disk:
            return _run(fault, disk / "home", model)


def _run(fault: Fault, home: Path, model: Path) -> str:
    trader = Trader(home, model, "actors.guardian")
    trader.hear("fill")
    seconds = fault(trader, home)
    trader.hear("fill")
    status = trader.interrupt()
    told = trader.fills
    kept = sum((told & booked(home)).values())
    assert status == 0
    return f"{seconds:.1f} | {told.total()} | {kept}"


def _again(trader: Trader, damage: Callable[[], None]) -> float:
    begun = monotonic()
    damage()
    trader.hear("note", "the trader before this one died")
    trader.hear("ready")
    return monotonic() - begun


def _child(trader: Trader) -> int:
    (process,) = children(trader.process.pid)
    return process


if __name__ == "__main__":
    sys.exit(main())
