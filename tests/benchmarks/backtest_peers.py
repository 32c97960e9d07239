"""Our backtest beside NautilusTrader's and freqtrade's: the same minutes, the same signals.

    .venv/bin/python -m tests.benchmarks.backtest_peers --peers VENV

The signals are made beforehand: at each full hour LONG or SHORT, by a seeded coin that knows the
hour to come two times in three, so that no account is stopped by its losses; always in the market.
Each program runs as a process of its own, one after the other; measured are its whole time, from
start to end, and its largest memory. VENV is an environment with the packages of
backtest_peers_requirements.txt in it; give --peers twice where they are in two.

What each does with a signal differs: ours sends orders that travel, meet a book of five levels, are
filled in parts, and protects each position with a stop and a target at the venue; NautilusTrader's
orders travel and meet a book of one level; freqtrade fills at the next minute's open.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import perf_counter

import numpy as np

from domain.units import HOUR, MINUTE, Floats, Ints
from domain.version import VERSION

HERE = Path(__file__).parent
DATA = HERE.parents[1].parent / "shared" / "data" / "klines" / "BTCUSDT-1m.parquet"
RIGHT = 2 / 3
"""How often the coin knows where the coming hour goes."""

SEED = 1

QUOTED = (
    ("NautilusTrader 1.221", "13 s in process", "570 MB"),
    ("freqtrade 2026.9, spot", "21 s", "-"),
    ("freqtrade 2026.9, futures", "33 s", "860 MB"),
)
"""What was measured elsewhere for 2024, for who has no peers here."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a program took.

    Attributes:
        wall: from its start to its end [s].
        cpu: of all its threads, in user and system mode [s].
        memory: largest resident set [MB].
        told: the last line that it printed.
    """

    wall: float
    cpu: float
    memory: float
    told: str


def main() -> int:
    """Print the table."""
    options = _options()
    if not options.data.exists():
        print(f"{options.data} is not on this machine")
        return 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        table = folder / "table.npz"
        minutes, turns = write_table(options.data, options.year, table)
        print(f"{options.year}: {minutes} minutes, {turns} turns; {machine()}\n")
        print("| program | wall | CPU | memory | trades | PnL | fees |")
        print("|---|---|---|---|---|---|---|")
        row(f"ours {VERSION}", ours(table, options.data, folder))
        others(options.peers, table, folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=DATA, help="parquet of one-minute candles")
    parser.add_argument("--year", type=int, default=2024)
    parser.add_argument(
        "--peers", type=Path, action="append", default=[], help="an environment with peers in it"
    )
    return parser.parse_args()


def write_table(data: Path, year: int, path: Path) -> tuple[int, int]:
    """Candles, and the signal at each one's end; returns how many, and how many turns."""
    columns = ("open_time", "open", "high", "low", "close", "volume")
    rows = import_module("pyarrow.parquet").read_table(data, columns=list(columns))
    begin, end = (int(datetime(y, 1, 1, tzinfo=UTC).timestamp()) * 1000 for y in (year, year + 1))
    times = rows["open_time"].to_numpy()
    inside = (times >= begin) & (times < end)
    scale = float(rows.schema.metadata[b"price_scale"])
    prices = {name: rows[name].to_numpy()[inside] / scale for name in columns[1:5]}
    volume = rows["volume"].to_numpy()[inside].astype(np.float64)
    opened = times[inside] * 1_000_000
    sign = signals(opened, prices["close"])
    np.savez(path, opened=opened, sign=sign, volume=volume, **prices)
    return len(opened), int((np.diff(sign) != 0).sum())


def signals(opened: Ints, closes: Floats) -> Ints:
    """+1 or -1 at each minute's end; it changes at full hours only."""
    hours = (opened + MINUTE) // HOUR
    first = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
    ends = np.append(first[1:], len(closes) - 1)
    goes = np.where(closes[ends] >= closes[first], 1, -1)
    knows = np.random.default_rng(SEED).random(len(first)) < RIGHT
    each = np.where(knows, goes, -goes)
    return np.asarray(np.repeat(each, np.diff(np.append(first, len(hours)))), np.int64)


def machine() -> str:
    """What it was measured on."""
    names = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    load = os.getloadavg()[0]
    cores = os.cpu_count()
    return f"{cores} x {model}, Python {platform.python_version()}, load {load:.1f}"


def measured(command: list[str]) -> Measured:
    """Run it to its end."""
    with TemporaryFile("w+") as said, TemporaryFile("w+") as wrong:
        begun = perf_counter()
        child = subprocess.Popen(command, stdout=said, stderr=wrong, text=True)
        _, status, used = os.wait4(child.pid, 0)
        wall = perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        for file in (said, wrong):
            file.seek(0)
        if child.returncode:
            raise SystemExit(
                f"{command[:3]} ended with {child.returncode}:\n{wrong.read()[-2000:]}"
            )
        told = said.read().splitlines()[-1]
    return Measured(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, told)


def row(name: str, found: Measured) -> None:
    """One program's line."""
    told = json.loads(found.told)
    took = f"{found.wall:.1f} s | {found.cpu:.1f} s | {found.memory:.0f} MB"
    money = f"{told['pnl']:+.2f} | {told['fees']:.2f}"
    print(f"| {name} | {took} | {told['trades']} | {money} |", flush=True)


def ours(table: Path, data: Path, folder: Path) -> Measured:
    """Our own actors."""
    command = [sys.executable, "-m", "tests.benchmarks.backtest_ours"]
    return measured([*command, str(table), str(data), str(folder / "home")])


def others(peers: list[Path], table: Path, folder: Path) -> None:
    """Those that are in the environments; says what is missing."""
    found = {
        name: (peer / "bin" / "python", version)
        for peer in peers
        for name, version in versions(peer).items()
    }
    if "nautilus_trader" in found:
        peer, version = found["nautilus_trader"]
        command = [str(peer), str(HERE / "backtest_nautilus.py"), str(table)]
        row(f"NautilusTrader {version}", measured(command))
    if "freqtrade" in found:
        peer, version = found["freqtrade"]
        script = [str(peer), str(HERE / "backtest_freqtrade.py")]
        subprocess.run([*script, "prepare", table, folder / "freqtrade"], check=True)
        for mode in ("spot", "futures"):
            what = measured([*script, mode, str(folder / "freqtrade")])
            row(f"freqtrade {version}, {mode}", what)
    missing = {"nautilus_trader", "freqtrade"} - set(found)
    if missing:
        print(f"\nnot in any --peers: {', '.join(sorted(missing))}; quoted, not measured here:")
        for name, took, memory in QUOTED:
            print(f"- {name}: {took}, {memory}")


def versions(peer: Path) -> dict[str, str]:
    """Which peers an environment has: by its Python, theirs."""
    python = peer / "bin" / "python"
    ask = (
        "import importlib.metadata as m\n"
        "for x in ('nautilus_trader', 'freqtrade'):\n"
        "    try: print(x, m.version(x))\n"
        "    except m.PackageNotFoundError: pass\n"
    )
    said = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout
    return {name: version for name, _, version in (x.partition(" ") for x in said.splitlines())}


if __name__ == "__main__":
    sys.exit(main())
