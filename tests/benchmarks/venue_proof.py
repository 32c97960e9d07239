"""Replays with every invariant of the venue and the ledger checked at each step, and verifies them.

A week of candles with the shipped model, and the recorded sessions with one that sees every price
rise (so that there is something to check); then what `bin/pt-state verify` says of each.

    .venv/bin/python -m tests.benchmarks.venue_proof [--days 7 | --demo 20m]

With `--demo` it runs the demo market alone, which needs no data.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from actors.settings import parse
from actors.system import trade
from persistence.tool import verified
from tests.invariants import Count, watched
from tests.models import opinionated

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CANDLES = DATA / "klines" / "BTCUSDT-1m.parquet"
SESSIONS = ("spot_2024-08-08", "usdm_2024-08-08", "spot_2026-06-07")
BORROWED = {"spot_2026-06-07": (datetime(2026, 6, 7, 19, 47, tzinfo=UTC), 61_222)}
"""Sessions later than our candles: when they begin, and at what price [USDT]."""

BORROWED_ROWS = 60_000
"""So many minutes of history: a thousand hours."""

FIRST = datetime(2025, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one replay: exit status, what was checked, and what verify says of its HOME."""

    status: int
    count: Count
    verdict: str
    seconds: float


def main() -> int:
    """A row for each replay; the exit status says whether all of them hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--demo", metavar="DURATION")
    options = parser.parse_args()
    if options.demo is None and not CANDLES.exists():
        print("shared/data is not on this machine")
        return 0
    print("| replay | status | steps | fills | entries | seconds | pt-state verify |")
    print("|---|---|---|---|---|---|---|")
    clean = True
    with TemporaryDirectory() as folder:
        model = str(opinionated(Path(folder) / "model", shift=0.3))
        demo = [("demo", ["--demo", "--for", str(options.demo), "--eager", "--model", model])]
        chosen = replays(Path(folder), options.days, model) if options.demo is None else demo
        for name, arguments in chosen:
            found = proved([*arguments, "--home", str(Path(folder) / name.replace(" ", "-"))])
            done = found.count
            print(
                f"| {name} | {found.status} | {done.steps} | {done.fills} | {done.entries} "
                f"| {found.seconds:.1f} | {found.verdict} |",
                flush=True,
            )
            clean = clean and found.status == 0 and found.verdict == "clean"
    return 0 if clean else 1


def replays(folder: Path, days: int, model: str) -> Iterator[tuple[str, list[str]]]:
    """Each replay: its name, and the arguments of `bin/plasmatrader` for it."""
    last = FIRST + timedelta(days=days)
    span = ["--from", f"{FIRST:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}"]
    yield f"{days} days of March 2025", ["--replay", str(CANDLES), *span, "--model", "embedded"]
    for session in SESSIONS:
        history = CANDLES
        if session in BORROWED:
            history = folder / f"{session}.parquet"
            borrow(history, *BORROWED[session])
        recorded = ["--replay", str(DATA / "streams" / session), "--history", str(history)]
        yield session, [*recorded, "--eager", "--model", model]


def borrow(path: Path, ends: datetime, price: int) -> None:
    """The newest candles there are, moved in time and price to where a session begins.

    It is for the model to have something to read; nothing is filled at these prices.
    """
    parquet, arrow = import_module("pyarrow.parquet"), import_module("pyarrow")
    table = parquet.read_table(CANDLES)
    table = table.slice(table.num_rows - BORROWED_ROWS)
    last, scale = table["close"][-1].as_py(), int(table.schema.metadata[b"price_scale"])
    times = arrow.array(
        [int(ends.timestamp() - 60 * n) * 1000 for n in range(BORROWED_ROWS, 0, -1)]
    )
    table = table.set_column(table.schema.get_field_index("open_time"), "open_time", times)
    for name in ("open", "high", "low", "close"):
        moved = arrow.array([x.as_py() * price * scale // last for x in table[name]])
        table = table.set_column(table.schema.get_field_index(name), name, moved)
    parquet.write_table(table, path)


def proved(arguments: list[str]) -> Result:
    """Run the program in this process, all looked at; an invariant that breaks raises."""
    settings, began = parse([*arguments, "--speed", "max", "--headless"]), process_time()
    with watched() as count, Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
        status = trade(settings)
    lines, broken = verified(settings.home)
    return Result(status, count, "clean" if not broken else lines, process_time() - began)


if __name__ == "__main__":
    sys.exit(main())
