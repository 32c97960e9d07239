from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.forecast.corpus import MINUTE_MS, Candles, between, read, read_all, runs
from actors.forecast.windows import HORIZON, SHARES, USUAL, mixture, windows
from domain.errors import SettingsInvalid
from domain.horizons import CONTEXT
from tests.actors.forecast import made

LENGTH = CONTEXT + HORIZON

holes = st.lists(st.integers(1, 60_000), max_size=6, unique=True).map(sorted)


def _with_holes(places: list[int]) -> Candles:
    return made.candles(np.delete(np.arange(60_000), [min(p, 59_998) for p in places]).tolist())


@settings(max_examples=40)
@given(places=holes, until=st.integers(17_000, 59_000), seed=st.integers(0, 99))
def test_no_window_looks_beyond_the_date_or_across_a_hole(
    places: list[int], until: int, seed: int
) -> None:
    past = between(_with_holes(places), 0, made.MIDNIGHT_MS + until * MINUTE_MS)

    blend = mixture([past])

    if blend is not None:
        closes = blend.draw(64, np.random.default_rng(seed)).closes
        assert closes.shape == (64, LENGTH)
        assert closes.max() <= until
        steps = np.diff(closes, axis=1)
        assert (steps == steps[:, :1]).all()
        assert set(steps[:, 0]) <= {1, 3, 5, 15, 30, 60}
        for first, last in zip(closes[:, 0], closes[:, -1], strict=True):
            assert not any(first <= place + 1 <= last for place in places if place < 59_998)


def test_every_timeframe_is_drawn_by_its_share_and_tells_what_is_usual() -> None:
    blend = mixture([made.candles(range(40_000))])
    assert blend is not None

    closes, usual = blend.draw(6_000, np.random.default_rng(0))

    minutes, counts = np.unique(closes[:, 1] - closes[:, 0], return_counts=True)
    assert minutes.tolist() == list(SHARES)
    assert counts / 6_000 == pytest.approx(list(SHARES.values()), abs=0.02)
    assert usual == pytest.approx(USUAL * np.sqrt(closes[:, 1] - closes[:, 0]))


def test_coarse_candles_serve_the_timeframes_that_they_divide() -> None:
    fine = made.candles(range(20_000))
    coarse = Candles("coarse", 5, fine.opened[::5], fine.closes[::5])

    blend = mixture([coarse])

    assert blend is not None
    assert [files[0].every for files in blend.timeframes] == [1, 3, 6, 12]


def test_too_few_candles_make_no_window() -> None:
    assert mixture([made.candles(range(LENGTH - 1))]) is None
    assert mixture([made.candles([])]) is None


def test_one_candle_more_makes_one_window_more() -> None:
    assert len(windows(made.candles(range(LENGTH)), 1)) == 1
    assert len(windows(made.candles(range(3 * LENGTH)), 3)) == 3


def test_aligned_windows_close_with_the_exchanges_own_candles() -> None:
    every = windows(made.candles(range(2_000)), 5, 215)

    closes = every.closes(every.aligned())

    assert (closes[:, 0] % 5 == 0).all()
    assert closes[0, 0] == 5
    assert len(closes) == len(every) // 5


@given(places=holes)
@settings(max_examples=30)
def test_runs_cover_every_candle_once(places: list[int]) -> None:
    candles = _with_holes(places)

    found = runs(candles)

    assert found[0][0] == 0
    assert found[-1][1] == len(candles.opened)
    assert all(left[1] == right[0] for left, right in pairwise(found))


def test_between_keeps_only_candles_that_are_closed() -> None:
    start = made.MIDNIGHT_MS + 10 * MINUTE_MS

    kept = between(made.candles(range(100)), start, start + 5 * MINUTE_MS + 1)

    assert kept.closes.tolist() == [11, 12, 13, 14, 15]


def test_a_candle_file_is_read_in_its_own_price_scale(tmp_path: Path) -> None:
    candles = read(made.candle_file(tmp_path / "made.parquet", days=1))

    assert (candles.name, candles.minutes, len(candles.closes)) == ("made", 1, 1440)
    assert 30_000 < candles.closes[0] < 120_000


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    made.candle_file(tmp_path / "b.parquet", days=1)
    made.candle_file(tmp_path / "a.parquet", days=1)

    assert [candles.name for candles in read_all([tmp_path])] == ["a", "b"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no parquet"):
        read_all([tmp_path])


@pytest.mark.parametrize(
    "columns",
    [
        {"open_time": [1, 2], "price": [1, 2]},
        {"open_time": [2, 1], "close": [1, 2]},
        {"open_time": [1, 2], "close": [1, 0]},
        {"open_time": [1, 2], "close": [1.0, float("nan")]},
        {"open_time": [1], "close": [1]},
    ],
)
def test_candles_that_cannot_be_are_refused(
    columns: dict[str, list[float]], tmp_path: Path
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "bad.parquet")

    with pytest.raises(SettingsInvalid, match=r"bad\.parquet"):
        read(tmp_path / "bad.parquet")
