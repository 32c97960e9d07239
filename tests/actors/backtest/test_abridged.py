"""What a backtest passes over changes nothing; what it shows is what a forecaster would say."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.backtest.lessons import Lessons, Told
from actors.backtest.run import Wanted, backtest
from actors.forecast.tiles import tiling
from actors.forecast.tutor import Tutor
from domain.calibration import Calibration, calibrated, untaught
from domain.horizons import LEVELS, STEPS, Timeframe
from domain.market import Candle
from domain.terms import Terms
from domain.units import DAY, MINUTE, Floats, Ints, Nanos, Price, Quantity
from tests.actors.backtest.market import (
    BEGIN,
    HISTORY_MINUTES,
    a_choice,
    some_wanted,
    walk,
    written,
)
from tests.models import opinionated

LENGTH = 9 * 60
"""Minutes of the market that is traded: a settlement of funding lies within."""

HOLES = ((30, 2), (100, 17), (200, 45))
"""Where the traded market has none, and how many minutes."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return opinionated(tmp_path_factory.mktemp("model"), shift=0.1)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keep = np.ones(HISTORY_MINUTES + LENGTH, bool)
    for first, count in HOLES:
        keep[HISTORY_MINUTES + first : HISTORY_MINUTES + first + count] = False
    path = tmp_path_factory.mktemp("market") / "MADE-1m.parquet"
    return written(path, walk(LENGTH, seed=3), keep)


def ledger(wanted: Wanted, model: Path) -> list[str]:
    backtest(wanted, a_choice(model), io.StringIO())
    lines = (wanted.out / "ledger.jsonl").read_text().splitlines()
    return [json.dumps(json.loads(lines[0])["orders"]), *lines[1:]]


@pytest.mark.parametrize(
    "terms",
    [
        Terms(entry=0.5, promise=0.0, leave=0.0),
        Terms(entry=0.5, promise=0.0, leave=0.75),
        Terms(entry=0.62, promise=1.0, leave=0.5),
    ],
    ids=["holds", "turns often", "is choosy"],
)
def test_ledger_is_that_of_every_minute_lived(
    tmp_path: Path, market: Path, model: Path, terms: Terms
) -> None:
    wanted = replace(some_wanted(market, tmp_path / "out", minutes=LENGTH), terms=terms)

    short = ledger(wanted, model)
    whole = ledger(replace(wanted, out=tmp_path / "whole", whole=True), model)

    assert short == whole
    assert len(whole) > 3


@pytest.mark.parametrize("parted", [20, 45, 71])
def test_nothing_that_happens_later_changes_the_ledger_before(
    tmp_path: Path, market: Path, model: Path, parted: int
) -> None:
    terms = Terms(entry=0.5, promise=0.0, leave=0.75)
    wanted = replace(some_wanted(market, tmp_path / "out", minutes=LENGTH), terms=terms)
    rng = np.random.default_rng(parted)
    closes = walk(LENGTH, seed=3)
    later = closes[HISTORY_MINUTES + parted :]
    later[:] = later * (1 + rng.normal(0, 2e-3, len(later)).cumsum())
    keep = np.ones(len(closes), bool)
    for first, count in HOLES:
        keep[HISTORY_MINUTES + first : HISTORY_MINUTES + first + count] = False
    other = replace(
        wanted,
        data=(written(tmp_path / "other" / market.name, closes, keep),),
        out=tmp_path / "other" / "out",
    )

    known, found = booked(wanted, model), booked(other, model)

    instant = BEGIN + parted * MINUTE
    before = [line for line in known if line["at"] <= instant]
    assert before == [line for line in found if line["at"] <= instant]
    assert known != found


def booked(wanted: Wanted, model: Path) -> list[dict[str, Any]]:
    """Orders and entries, by the time at which they were made."""
    orders, *entries = map(json.loads, ledger(wanted, model))
    return sorted([*orders, *entries], key=lambda line: int(line["at"]))


@pytest.mark.skipif(not tiling(), reason="this OpenBLAS rounds by the size of a product")
def test_period_is_looked_through_once(tmp_path: Path, market: Path, model: Path) -> None:
    wanted = some_wanted(market, tmp_path / "out", minutes=120)

    first = ledger(wanted, model)
    kept = sorted((tmp_path / "cache").rglob("taught/*/*.npz"))
    made = [path.stat().st_mtime_ns for path in kept]
    again = ledger(wanted, model)

    assert kept
    assert [path.stat().st_mtime_ns for path in kept] == made
    assert again == first


class Forgetful:
    """Keeps no calibration."""

    def get(self, _model: str) -> Calibration | None:
        return untaught()

    def put(self, _model: str, _known: Calibration) -> None:
        pass


def candle(timeframe: Timeframe, end: int, close: float) -> Candle:
    price = Price(Decimal(repr(close)))
    opened = Nanos(end - timeframe.span)
    return Candle(timeframe, opened, price, price, price, price, Quantity(Decimal(1)))


def spoken(closes: Floats, rng: np.random.Generator) -> Floats:
    """Distributions around some closes, now and then without any width."""
    away = np.log(np.array(LEVELS) / (1 - np.array(LEVELS)))
    widths = 4e-4 * np.sqrt(STEPS)[:, None] * rng.choice([0.0, 0.5, 1.0, 2.0], (len(closes), 1, 1))
    centres = rng.normal(0, 1e-4, (len(closes), len(STEPS), 1))
    return np.asarray(closes[:, None, None] * np.exp(centres + away * widths))


@given(
    seed=st.integers(0, 2**32 - 1),
    timeframe=st.sampled_from([Timeframe.M1, Timeframe.M15, Timeframe.H1]),
    missing=st.lists(st.tuples(st.integers(1, 110), st.integers(1, 20)), max_size=3),
    cut=st.integers(1, 110),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_lessons_are_the_tutors_to_the_last_bit(
    seed: int, timeframe: Timeframe, missing: list[tuple[int, int]], cut: int
) -> None:
    rng = np.random.default_rng(seed)
    ends = BEGIN - BEGIN % DAY + np.arange(120, dtype=np.int64) * timeframe.span
    closes = np.round(60_000 * np.exp(rng.normal(0, 1e-3, len(ends)).cumsum()), 2)
    raw = spoken(closes, rng)
    there = np.ones(len(ends), bool)
    for first, count in missing:
        there[first : first + count] = False

    said = list(told_one_by_one(timeframe, ends[there], closes[there], raw[there]))

    lessons, factors = Lessons(untaught(), timeframe), []
    for part in (slice(0, cut), slice(cut, len(ends))):
        some = np.arange(len(ends))[part][there[part]]
        later = some[some > 0]
        told = Told(ends[some], raw[some])
        factors.append(lessons.live(told, ends[later], closes[later]))
    assert calibrated(raw[there], np.concatenate(factors)).tobytes() == np.array(said).tobytes()


def told_one_by_one(
    timeframe: Timeframe, ends: Ints, closes: Floats, raw: Floats
) -> Iterator[Floats]:
    tutor = Tutor(Forgetful(), "model", Nanos(int(ends[0])))
    for number, (end, close) in enumerate(zip(ends.tolist(), closes.tolist(), strict=True)):
        if number:
            tutor.learn(candle(timeframe, end, close))
        yield tutor.correct(Nanos(end), [timeframe], raw[number : number + 1])[0]
