from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.facts import Mode
from domain.units import MINUTE, Nanos
from persistence.experiments import Trials, Variant
from persistence.report.curve import curve
from persistence.report.history import history
from persistence.report.measures import measured, metrics, searched
from persistence.report.source import NO_PRICES, Kept, Source, of_home
from tests.builders import NOON
from tests.persistence.report.runs import MINUTES, a_home, books
from tests.persistence.test_experiments import AN_EXPERIMENT

ISSUE_8 = (
    *("sharpe_252", "sharpe_365", "sortino", "win_rate", "trades", "pnl", "fees", "funding"),
    *("slippage", "max_drawdown", "exposure", "turnover", "win_rate_interval"),
    *("sharpe_252_interval", "sharpe_365_interval", "probabilistic_sharpe"),
)
"""The names that `metrics.json` owes other programs."""


def a_source(*exits: str, known: bool = True) -> Source:
    entries, orders = books(*exits)
    kept = Kept(Mode.DEMO, entries[-1].at, orders if known else (), entries)
    return Source("a test", kept, history(kept.entries, kept.orders), NO_PRICES, None)


def some_trials(count: int) -> Trials:
    """So many variants, of which each has another ratio."""
    each = (replace(AN_EXPERIMENT, model=str(n), sharpe=n / 200) for n in range(count))
    return Trials(tuple(Variant(x.model, x.parameters, (x,)) for x in each))


def figures(source: Source) -> dict[str, Any]:
    return metrics(measured(source, curve(source)))


def test_figures_have_the_names_that_other_programs_read(tmp_path: Path) -> None:
    a_home(tmp_path, "101", "99", "98.5")

    told = figures(of_home(tmp_path))

    assert set(ISSUE_8) <= set(told)
    assert {"sharpe_252", "sharpe_365", "sortino", "pnl", "max_drawdown"} <= set(
        told["buy_and_hold"]
    )


@pytest.fixture(scope="module")
def month() -> Source:
    """A trade each half an hour of 32 days, by the ledger alone."""
    prices = np.random.default_rng(7).normal(100.2, 2, 32 * 48)
    return a_source(*(f"{x:.2f}" for x in prices))


def test_sharpe_ratio_of_a_month_has_a_range_around_it(month: Source) -> None:
    told = figures(month)

    low, high = told["sharpe_365_interval"]
    assert told["days"] == 33
    assert low < told["sharpe_365"] < high
    assert high - low == pytest.approx(2 * 1.96 * told["sharpe_365_error"], rel=0.3)
    shrunk = sqrt(252 / 365)
    assert told["sharpe_252_interval"] == pytest.approx((low * shrunk, high * shrunk))
    assert (told["probabilistic_sharpe"] > 0.5) is (told["sharpe_365"] > 0)


def test_few_days_have_no_range() -> None:
    told = figures(a_source(*["101"] * 60))

    assert (told["sharpe_252_interval"], told["sharpe_365_interval"]) == (None, None)


def test_best_of_many_variants_is_worth_less(month: Source) -> None:
    returns = measured(month, curve(month)).days.returns
    alone, among = (searched(returns, some_trials(count)) for count in (1, 40))

    assert (alone.trials, among.trials) == (1, 40)
    assert alone.deflated == figures(month)["probabilistic_sharpe"]
    assert among.deflated is not None
    assert alone.deflated is not None
    assert among.deflated < alone.deflated


def test_figures_are_those_of_the_ledger() -> None:
    told = figures(a_source("101.02", "99.02", "99.02"))

    # One long that gained 0.5, one that lost 0.5, one short that gained 0.5, before fees.
    assert (told["trades"], told["wins"]) == (3, 2)
    assert told["gross"] == pytest.approx(0.5)
    traded = 0.5 * (3 * 100.02 + 101.02 + 2 * 99.02)
    assert told["fees"] == pytest.approx(0.0004 * traded)
    assert told["pnl"] == pytest.approx(told["gross"] - told["fees"] + told["funding"])
    assert told["expectancy"] == pytest.approx(told["pnl"] / 3)
    assert told["turnover"] == pytest.approx(traded / 10_000, rel=1e-3)
    assert told["win_rate"] == pytest.approx(2 / 3)
    assert told["significant"] is False


@settings(max_examples=50)
@given(st.lists(st.decimals(50, 150, places=2).map(str), max_size=6))
def test_gain_of_the_curve_is_that_of_the_books(exits: list[str]) -> None:
    told = figures(a_source(*exits))

    assert told["pnl"] == pytest.approx(told["gross"] - told["fees"] + told["funding"])


def test_slippage_without_orders_is_not_known() -> None:
    assert figures(a_source("101", known=False))["slippage"] is None
    assert figures(a_source("101"))["slippage"] == pytest.approx(0.5 * 0.02 - 0.5 * 1)


def test_run_without_a_trade_has_no_rates() -> None:
    told = figures(a_source())

    assert told["trades"] == told["pnl"] == told["exposure"] == told["turnover"] == 0
    for name in ("win_rate", "win_rate_interval", "expectancy", "profit_factor", "sharpe_252"):
        assert told[name] is None


def test_exposure_counts_the_position_that_is_still_open() -> None:
    entries, _ = books("101")
    until = Nanos(NOON + MINUTES * MINUTE)
    kept = Kept(None, until, (), entries[:-1])

    run = measured(
        source := Source("a test", kept, history(kept.entries, ()), NO_PRICES, None), curve(source)
    )

    assert run.trading.trades == 0
    assert run.trading.exposure == pytest.approx((MINUTES - 5) / MINUTES, abs=1e-3)


def test_buying_and_holding_is_said_where_there_are_prices(tmp_path: Path) -> None:
    a_home(tmp_path)

    told = figures(of_home(tmp_path))

    # The closes of the made candles run from 100 to 100 over 120 minutes: 119 % 7 is 0.
    assert told["buy_and_hold"]["pnl"] == pytest.approx(-4.0)
    assert figures(a_source())["buy_and_hold"] is None
