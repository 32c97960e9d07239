"""Closes to learn from: read once from candle files, cut into unbroken runs and by date."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import SettingsInvalid
from domain.units import Floats, Ints

MINUTE_MS = 60_000
"""Milliseconds in a minute."""


@dataclass(frozen=True, slots=True)
class Candles:
    """The closes of one symbol, sorted by time; holes are allowed between them."""

    name: str
    minutes: int
    """Length of one candle [minutes]."""
    opened: Ints
    """Open times [ms since 1970-01-01 UTC], strictly increasing, shape (n,)."""
    closes: Floats
    """Close prices [quote], shape (n,)."""


def read(path: Path) -> Candles:
    """The candles of one parquet file with the columns `open_time` [ms] and `close`.

    Integer closes are divided by the file's metadata key `price_scale` (1 if it has none).

    Raises:
        SettingsInvalid: no such file, not such a file, or prices that cannot be.
    """
    try:
        table = pq.read_table(path, columns=["open_time", "close"])
        opened = table["open_time"].to_numpy().astype(np.int64)
        scale = float((table.schema.metadata or {}).get(b"price_scale", b"1"))
        closes = table["close"].to_numpy().astype(np.float64) / scale
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SettingsInvalid(f"cannot read candles from {path}: {reason}") from error
    steps = np.diff(opened)
    if len(steps) == 0 or steps.min() <= 0 or not np.isfinite(closes).all() or closes.min() <= 0:
        raise SettingsInvalid(f"{path} holds no sorted candles with positive prices")
    return Candles(path.stem, int(steps.min()) // MINUTE_MS, opened, _fixed(closes))


def between(candles: Candles, start_ms: int, end_ms: int) -> Candles:
    """Those candles that open at `start_ms` or later and are closed by `end_ms`."""
    closed = candles.opened + candles.minutes * MINUTE_MS
    first = int(np.searchsorted(candles.opened, start_ms))
    last = max(first, int(np.searchsorted(closed, end_ms, side="right")))
    return Candles(
        candles.name, candles.minutes, candles.opened[first:last], candles.closes[first:last]
    )


def runs(candles: Candles) -> tuple[tuple[int, int], ...]:
    """Index ranges [first, last) without a missing candle inside."""
    if len(candles.opened) == 0:
        return ()
    breaks = np.flatnonzero(np.diff(candles.opened) != candles.minutes * MINUTE_MS) + 1
    return tuple(pairwise([0, *(int(place) for place in breaks), len(candles.opened)]))


def read_all(paths: Sequence[Path]) -> tuple[Candles, ...]:
    """The candles of every file, a folder standing for the parquet files in it.

    Raises:
        SettingsInvalid: a file cannot be read, or a folder has none.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not found:
            raise SettingsInvalid(f"{path} holds no parquet file")
        files += found
    return tuple(read(file) for file in files)


def _fixed(values: Floats) -> Floats:
    values.flags.writeable = False
    return values
