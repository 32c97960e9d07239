"""What the made markets and the archive cost: `.venv/bin/python -m tests.benchmarks.sources`.

Medians of several runs; the archive's line needs `shared/data` beside the repository.
"""

import platform
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from timeit import repeat

import numpy as np

from actors.feed.archive import read_candles
from actors.feed.demo import DemoSource
from domain.demo import days
from domain.modelled import minute
from domain.units import DAY, MINUTE, Nanos

ARCHIVE = Path(__file__).parents[2].parent / "shared" / "data" / "klines" / "BTCUSDT-1m.parquet"
WEEK = Nanos(1_740_787_200 * 10**9)
EVENTS = 5000


def report(what: str, run: Callable[[], object], unit: float, name: str) -> None:
    took = median(repeat(run, number=1, repeat=7))
    sys.stdout.write(f"{what:<52}{took / unit * 1000:10.3f} ms {name}\n")


def main() -> None:
    sys.stdout.write(f"{platform.processor() or platform.machine()}, ")
    sys.stdout.write(f"Python {platform.python_version()}, numpy {np.__version__}\n")
    source = DemoSource()
    candle = source.history()[0]
    for cadence in (12, 120):
        report(
            f"books and trades around a candle, {cadence} a minute",
            lambda cadence=cadence: [minute(candle, 1, cadence) for _ in range(50)],  # type: ignore[misc]
            50,
            "a minute",
        )
    report("the demo's candles", lambda: list(islice(days(1), 42)), 42, "a day")
    report("the demo's events", lambda: list(islice(source.events(), EVENTS)), EVENTS, "an event")
    if ARCHIVE.exists():
        end = Nanos(WEEK + 7 * DAY - MINUTE)
        report("a week out of the archive", lambda: read_candles(ARCHIVE, WEEK, end), 1, "a week")
    else:
        sys.stdout.write("a week out of the archive: shared/data is not on this machine\n")


if __name__ == "__main__":
    main()
