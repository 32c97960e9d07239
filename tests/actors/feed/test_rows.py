"""Figures and candles of an archive say the same."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.feed.archive import read_candles
from actors.feed.rows import read_rows
from domain.errors import SettingsInvalid
from domain.units import HOUR, MINUTE, Nanos
from tests.actors.backtest.market import BEGIN, walk, written


def test_rows_are_the_candles_one_by_one(tmp_path: Path) -> None:
    keep = np.ones(len(walk(120)), bool)
    keep[-50:-40] = False
    path = written(tmp_path / "MADE-1m.parquet", walk(120), keep)
    first, last = Nanos(BEGIN - HOUR), Nanos(BEGIN + 2 * HOUR)

    rows = read_rows(path, first, last)

    candles = read_candles(path, first, last)
    assert [rows.candle(n) for n in range(len(rows.opened))] == candles
    assert repr(rows.candle(7)) == repr(candles[7])
    assert rows.opened.tolist() == [x.open_time for x in candles]
    for name, figures in zip(("open", "high", "low", "close"), rows.prices, strict=True):
        assert figures.tolist() == [float(getattr(x, name)) for x in candles]


def test_other_archives_are_read_as_candles(tmp_path: Path) -> None:
    name = "BTCUSDT-1m-2025-03-01.csv"
    ends = ",0,0,0,0,0,0"
    opened = BEGIN // 1_000_000
    (tmp_path / name).write_text(
        f"{opened},90000.10,90001,90000,90000.5,1.5{ends}\n"
        f"{opened + 60_000},90000.5,90002,90000,90001,0{ends}\n"
    )

    rows = read_rows(tmp_path, BEGIN, Nanos(BEGIN + HOUR))

    assert rows.opened.tolist() == [BEGIN, BEGIN + MINUTE]
    assert [rows.candle(n) for n in range(2)] == read_candles(tmp_path, BEGIN, Nanos(BEGIN + HOUR))


def test_impossible_candle_is_told_as_ever(tmp_path: Path) -> None:
    path = written(tmp_path / "MADE-1m.parquet", walk(10))
    table = pq.read_table(path)
    low = table["low"].to_numpy().copy()
    low[-3] = 2 * low[-3]
    place = table.column_names.index("low")
    pq.write_table(table.set_column(place, "low", pa.array(low)), path)

    with pytest.raises(SettingsInvalid, match="low is above"):
        read_rows(path, Nanos(BEGIN - HOUR), Nanos(BEGIN + HOUR))


def test_period_without_candles_has_no_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "MADE-1m.parquet", walk(10))

    rows = read_rows(path, Nanos(BEGIN + HOUR), Nanos(BEGIN + 2 * HOUR))

    assert rows.opened.shape == (0,)
    assert rows.prices.shape == (4, 0)
