"""Terms in outline, and the walk forward that is fitted on them."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.backtest.__main__ import main
from actors.backtest.run import backtest
from actors.backtest.sketch import (
    NEVER,
    TRADES_MIN,
    Outline,
    fitted,
    folds,
    grid,
    sketched,
    trades,
)
from actors.backtest.walk import Walk
from actors.backtest.work import Each, Here, Processes
from actors.forecast.tiles import tiling
from domain.horizons import CONTEXT, LEVELS, MEDIAN, STEPS
from domain.terms import Terms
from domain.units import DAY, MINUTE, Nanos
from persistence.experiments import ExperimentLog
from tests.actors.backtest.market import (
    BEGIN,
    a_choice,
    some_wanted,
    walk,
    written,
)
from tests.models import opinionated


def an_outline(up: list[float], close: list[float]) -> Outline:
    """Signals minute by minute, all agreeing, of a market that goes 1 % in a while."""
    rises = np.array(up)
    return Outline(
        at=BEGIN + np.arange(len(up), dtype=np.int64) * MINUTE,
        close=np.array(close),
        score=rises - 0.5,
        up=rises,
        agreement=(rises > 0.5).astype(np.float64),
        reach=np.full(len(up), 0.01),
    )


def test_trade_lasts_until_the_signals_no_longer_support_it_and_pays_its_costs() -> None:
    outline = an_outline([0.5, 0.6, 0.55, 0.49, 0.5], [100, 100, 101, 102, 103])

    gains = trades(outline, Terms(entry=0.58, promise=1.0, leave=0.5))

    assert gains.tolist() == pytest.approx([np.log(1.02) * 10_000 - 8])


def test_short_gains_where_the_price_falls() -> None:
    outline = an_outline([0.4, 0.45, 0.51], [100, 99, 98])

    (gain,) = trades(outline, Terms(entry=0.58, promise=1.0, leave=0.5))

    assert gain == pytest.approx(-np.log(0.98) * 10_000 - 8)


def test_trade_ends_with_its_longest_time() -> None:
    outline = an_outline([0.6] * 4, [100, 101, 102, 103])
    terms = Terms(entry=0.58, promise=1.0, leave=0.5, longest=Nanos(2 * MINUTE))

    assert trades(outline, terms)[0] == pytest.approx(np.log(1.02) * 10_000 - 8)


def test_signal_that_promises_too_little_opens_nothing() -> None:
    outline = an_outline([0.6, 0.4], [100, 99])  # 20 bps

    assert sketched(outline, Terms(entry=0.5, promise=2.6)).trades == 0
    assert sketched(outline, Terms(entry=0.5, promise=2.4)).trades == 1


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(100, 400))
def test_nothing_later_changes_what_was_fitted(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    up = 0.5 + rng.normal(0, 0.08, 500).clip(-0.4, 0.4)
    close = 100 * np.exp(rng.normal(0, 1e-3, 500).cumsum())
    whole = an_outline(up.tolist(), close.tolist())
    other = an_outline(up[:cut].tolist(), close[:cut].tolist())
    past = (BEGIN - 1, int(BEGIN + (cut - 1) * MINUTE))

    assert fitted(whole.between(*past)) == fitted(other)


def test_where_nothing_gained_nothing_is_opened() -> None:
    rng = np.random.default_rng(3)
    up = (0.5 + rng.normal(0, 0.1, 3000).clip(-0.4, 0.4)).tolist()

    still = fitted(an_outline(up, [100.0] * 3000))

    assert still.terms == NEVER
    assert sketched(an_outline(up, [100.0] * 3000), NEVER).trades == 0


def test_processes_fit_stretches_as_one_alone_does() -> None:
    rng = np.random.default_rng(8)
    up, close = 0.5 + rng.normal(0, 0.08, (3, 800)), 100 + rng.normal(0, 0.1, (3, 800))
    past = [an_outline(*pair) for pair in zip(up.tolist(), close.tolist(), strict=True)]

    alone = dict(Here().done(Each(fitted), past))
    shared = dict(Processes(2, lambda _: None).done(Each(fitted), past))

    assert shared == alone
    assert sorted(alone) == [0, 1, 2]


def test_terms_that_foresaw_the_market_are_found() -> None:
    rng = np.random.default_rng(4)
    moves = rng.normal(0, 2e-3, 3000)
    up = np.append(0.5 + 40 * moves[1:], 0.5).clip(0.05, 0.95)

    found = fitted(an_outline(up.tolist(), (100 * np.exp(moves.cumsum())).tolist()))

    assert found.terms in set(grid())
    assert found.trades >= TRADES_MIN
    assert found.win_rate is not None
    assert found.win_rate > 0.6


def test_stretches_follow_on_each_other_and_know_only_what_was_before() -> None:
    cut = folds(BEGIN, Nanos(BEGIN + 65 * DAY), Nanos(90 * DAY), Nanos(30 * DAY))

    assert [begin for _, begin, _ in cut] == [BEGIN + n * 30 * DAY for n in range(3)]
    assert [end for _, _, end in cut] == [*(begin for _, begin, _ in cut[1:]), BEGIN + 65 * DAY]
    assert all(begin - learnt == 90 * DAY for learnt, begin, _ in cut)


@given(seed=st.integers(0, 2**32 - 1))
def test_random_walk_has_its_last_close_as_its_median(seed: int) -> None:
    moves = np.random.default_rng(seed).normal(0, 1e-3, (3, CONTEXT))
    closes = 50_000 * np.exp(moves.cumsum(axis=1))

    said = Walk().forecast(closes)

    assert said.shape == (3, len(STEPS), len(LEVELS))
    assert (np.diff(said, axis=2) > 0).all()
    assert np.array_equal(said[:, :, MEDIAN], np.repeat(closes[:, -1:], len(STEPS), axis=1))
    assert np.array_equal(Walk().forecast(closes[1:2])[0], said[1])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return opinionated(tmp_path_factory.mktemp("model"), shift=0.1)


@pytest.mark.skipif(not tiling(), reason="this OpenBLAS rounds by the size of a product")
def test_walk_forward_trades_each_stretch_on_terms_of_its_own(tmp_path: Path, model: Path) -> None:
    data = written(tmp_path / "MADE-1m.parquet", walk(27 * 60, seed=5))
    wanted = replace(
        some_wanted(data, tmp_path / "out", minutes=27 * 60),
        forward=(Nanos(DAY), Nanos(DAY)),
        experiments=tmp_path / "experiments.jsonl",
    )

    backtest(wanted, a_choice(model), io.StringIO())

    told = json.loads((wanted.out / "walk-forward.json").read_text())
    assert [fold["from"][:10] for fold in told] == ["2025-03-01", "2025-03-02"]
    assert told[0]["learnt_from"][:10] == "2025-02-28"
    (variant,) = ExperimentLog(tmp_path / "experiments.jsonl").read().variants
    assert variant.parameters == {"walk_forward": "1d:1d"}
    metrics = json.loads((wanted.out / "metrics.json").read_text())
    assert metrics["trials"] == 1
    assert "coin_flip" in metrics
    rows = list(csv.DictReader((wanted.out / "sensitivity.csv").read_text().splitlines()))
    assert len(rows) == len(list(grid()))
    assert (rows[0]["entry"], rows[0]["promise"], rows[0]["leave"]) == ("0.56", "2.0", "0.5")


@pytest.mark.skipif(not tiling(), reason="this OpenBLAS rounds by the size of a product")
def test_walk_forward_needs_the_time_it_learns_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "MADE-1m.parquet", walk(60))

    status = main(
        [
            *("--data", str(data), "--from", "2025-03-01", "--to", "2025-03-01T01:00"),
            *("--out", str(tmp_path / "out"), "--walk-forward", "365d:30d"),
        ]
    )

    assert status == 2
    assert "the data begin at" in capsys.readouterr().err


def test_walk_forward_is_not_for_every_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(
        [
            *("--data", "x", "--from", "2025-03-01", "--to", "2025-03-02", "--every-minute"),
            *("--walk-forward", "30d:5d", "--out", str(tmp_path / "out")),
        ]
    )

    assert status == 2
    assert "leave out --walk-forward" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["30d", "0d:5d", "30:5", "30h:5d", "-3d:5d"])
def test_walk_forward_is_two_lengths_in_days(capsys: pytest.CaptureFixture[str], text: str) -> None:
    words = ("--data", "x", "--from", "2025-03-01", "--to", "2025-03-02")

    status = main([*words, f"--walk-forward={text}"])

    assert status == 2
    assert "two lengths in days" in capsys.readouterr().err
