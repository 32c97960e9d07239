import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from actors.backtest.cache import Cache, filled, opened
from actors.backtest.progress import Progress
from actors.backtest.remembered import Remembered
from actors.backtest.windows import Part
from actors.backtest.work import Here, Processes
from actors.forecast.engine import Forecaster
from actors.forecast.exact import ExactBolt
from actors.forecast.sources import EMBEDDED
from actors.forecast.tiles import tiling
from domain.horizons import LEVELS, STEPS, Timeframe
from domain.units import Floats
from tests.actors.backtest.market import a_choice, dead_in_a_worker
from tests.models import opinionated

EMBEDDED_MODEL: Forecaster = ExactBolt(EMBEDDED, "embedded")

TWO = Processes(2, print)


def a_part(count: int = 30, seed: int = 1) -> Part:
    closes = 100 + np.random.default_rng(seed).normal(0, 0.01, 200 * 3 + count).cumsum()
    return Part(Timeframe.M3, closes, np.arange(0, count, 3, dtype=np.int64))


class Unsteady:
    """What it says of a window hangs on how many there are."""

    name, sha, verified = "unsteady", "00", True

    def forecast(self, closes: Floats) -> Floats:
        return np.full((len(closes), len(STEPS), len(LEVELS)), 1 + 1e-9 * len(closes))


@pytest.mark.skipif(not tiling(), reason="this OpenBLAS rounds by the size of a product")
def test_another_model_or_other_data_have_files_of_their_own(tmp_path: Path) -> None:
    other = ExactBolt(opinionated(tmp_path / "model", shift=0.1), "other")
    cache, others = opened(tmp_path, EMBEDDED_MODEL), opened(tmp_path, other)
    assert cache is not None
    assert others is not None

    filled(cache, [a_part()], a_choice(EMBEDDED), Here(), io.StringIO())

    assert cache.made(a_part()) is not None
    assert others.made(a_part()) is None
    assert cache.made(a_part(seed=2)) is None
    assert cache.made(replace(a_part(), timeframe=Timeframe.M1)) is None
    assert cache.made(a_part(count=27)) is None


def test_model_that_rounds_by_the_batch_has_no_cache(tmp_path: Path) -> None:
    assert opened(tmp_path, Unsteady()) is None


@pytest.mark.parametrize("left", [b"", b"half of a file", b"\x93NUMPY\x01\x00"])
def test_damaged_file_is_made_again(tmp_path: Path, left: bytes) -> None:
    cache, part = Cache(tmp_path), a_part()
    cache.path(part).parent.mkdir()
    cache.path(part).write_bytes(left)

    (made,) = filled(cache, [part], a_choice(EMBEDDED), Here(), io.StringIO())

    assert made.quantiles.shape == (len(part), len(STEPS), len(LEVELS))


def test_workers_make_the_same_bytes(tmp_path: Path) -> None:
    parts = [a_part(seed=seed) for seed in range(4)]

    one = filled(Cache(tmp_path / "1"), parts, a_choice(EMBEDDED), Here(), io.StringIO())
    two = filled(Cache(tmp_path / "2"), parts, a_choice(EMBEDDED), TWO, io.StringIO())

    assert [x.quantiles.tobytes() for x in one] == [x.quantiles.tobytes() for x in two]


def test_what_a_worker_that_died_left_is_made_all_the_same(tmp_path: Path) -> None:
    parts, choice = [a_part(), a_part(seed=2)], a_choice(EMBEDDED)

    alone = filled(Cache(tmp_path / "1"), parts, choice, Here(), io.StringIO())
    dying, said = replace(choice, around=dead_in_a_worker), list[str]()
    two = Processes(2, said.append)
    rest = filled(Cache(tmp_path / "2"), parts, dying, two, io.StringIO())

    assert [x.quantiles.tobytes() for x in rest] == [x.quantiles.tobytes() for x in alone]
    assert said == ["a process that shared the work has died: the rest is done by one alone"]


def test_what_is_not_known_to_the_last_bit_is_asked(tmp_path: Path) -> None:
    parts = [a_part(), a_part(seed=2)]
    made = filled(Cache(tmp_path), parts, a_choice(EMBEDDED), Here(), io.StringIO())
    known = Remembered(Unsteady(), made)
    closes = np.concatenate([parts[0].rows(0, 5), parts[1].rows(2, 4)])
    closes[3, 77] = np.nextafter(closes[3, 77], 0)

    found = known.forecast(closes)

    expected = [*made[0].quantiles[:3], made[1].quantiles[2], made[1].quantiles[3]]
    assert (found[[0, 1, 2, 5, 6]] == expected).all()
    assert (found[3] == 1 + 1e-9).all()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def seconds() -> Iterator[float]:
    yield from map(float, range(1000))


def test_progress_is_a_line_each_tenth_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = Progress("work", 100, stream, seconds().__next__)

    for done in range(1, 101):
        progress.show(done)
    progress.end()

    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "work 10%, 0:09 left"
    assert lines[-1] == "work 100%, 0:00 left"


def test_progress_is_one_line_that_grows_on_a_terminal() -> None:
    stream = Terminal()
    progress = Progress("work", 4, stream, seconds().__next__)

    for done in range(1, 5):
        progress.show(done)
    progress.end()

    drawn = stream.getvalue().split("\r")[1:]
    assert [line.count("█") for line in drawn] == [7, 15, 22, 30]
    assert stream.getvalue().count("\n") == 1
