"""A made-up market in a file, and backtests of it."""

import io
import json
import os
from multiprocessing import parent_process
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.backtest.run import Wanted, lived
from actors.backtest.work import Here, Processes
from actors.forecast.engine import Forecaster
from actors.forecast.engines import Choice
from actors.forecast.sources import Located
from domain.modelled import Flags
from domain.terms import EAGER
from domain.units import MINUTE, SECOND, Nanos
from tests.program import WALL_CLOCK, Event

Ints = NDArray[np.int64]

BEGIN = Nanos(1_740_787_200 * SECOND)
"""2025-03-01, a midnight."""

HISTORY_MINUTES = 1000 * 60
"""So many minutes lie before it."""


def walk(minutes: int, seed: int = 1) -> Ints:
    """Closes of a random walk [cents], with this many minutes after BEGIN."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 5e-4, HISTORY_MINUTES + minutes)
    return np.asarray(np.rint(8_000_000 * np.exp(moves.cumsum())), np.int64)


def written(path: Path, closes: Ints, keep: Flags | None = None) -> Path:
    """The archive of a market with these closes, or with those minutes of them that are kept."""
    opens = np.concatenate((closes[:1], closes[:-1]))
    first = BEGIN // MINUTE - HISTORY_MINUTES
    columns = {
        "open_time": (first + np.arange(len(closes), dtype=np.int64)) * 60_000,
        "open": opens,
        "high": np.maximum(opens, closes) + 500,
        "low": np.minimum(opens, closes) - 500,
        "close": closes,
        "volume": np.full(len(closes), 20, np.float32),
    }
    if keep is not None:
        columns = {name: values[keep] for name, values in columns.items()}
    table = pa.table(columns).replace_schema_metadata({"price_scale": "100"})
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table, path, row_group_size=5000)
    return path


def a_choice(folder: Path) -> Choice:
    return Choice("exact", Located(folder, folder.name))


def dead_in_a_worker(model: Forecaster) -> Forecaster:
    """A model that ends every process that a pool has started."""
    if parent_process() is not None:
        os._exit(1)
    return model


def some_wanted(data: Path, out: Path, *, minutes: int = 30, workers: int = 1) -> Wanted:
    end = Nanos(BEGIN + minutes * MINUTE)
    workforce = Here() if workers == 1 else Processes(workers, print)
    return Wanted((data,), BEGIN, end, out, out.parent / "cache", workforce, seed=1, terms=EAGER)


def ran_through(wanted: Wanted, choice: Choice) -> tuple[list[Event], str]:
    """The event lines of a backtest, and what it said meanwhile."""
    said = io.StringIO()
    assert lived(wanted, choice, said) == ""
    return events(wanted.out / "home"), said.getvalue()


def events(home: Path) -> list[Event]:
    """What a run logged, without the fields that a clock on the wall fills."""
    lines = [
        line for file in sorted(home.glob("log/*.jsonl")) for line in file.read_text().splitlines()
    ]
    found: list[Event] = [json.loads(line) for line in lines]
    return [{k: v for k, v in event.items() if k not in WALL_CLOCK} for event in found]
