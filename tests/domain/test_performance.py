from math import isclose, sqrt

import numpy as np
import pandas as pd
import pytest
import quantstats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from domain.performance import (
    CALENDAR_DAYS,
    TRADING_DAYS,
    Times,
    calmar,
    daily,
    drawdowns,
    expectancy,
    exposure,
    growth,
    max_drawdown,
    monthly,
    profit_factor,
    sharpe,
    sharpe_error,
    sortino,
    turnover,
    wilson,
)
from domain.units import DAY, HOUR, Floats, Nanos
from tests.builders import NOON

some_returns = arrays(np.float64, st.integers(2, 60), elements=st.floats(-0.2, 0.25))
some_pnl = arrays(np.float64, st.integers(1, 60), elements=st.floats(-50, 50))
some_equity = arrays(np.float64, st.integers(1, 60), elements=st.floats(1, 1e6))


def a_year(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(4e-4, 0.02, 365)


def as_series(returns: Floats) -> pd.Series:
    return pd.Series(returns, pd.date_range("2024-01-01", periods=len(returns)))


def test_day_ends_with_its_last_value_and_midnight_belongs_to_the_day_that_ends() -> None:
    midnight = NOON + DAY // 2
    at = np.array([NOON, NOON + HOUR, midnight, midnight + 1])

    days = daily(at, np.array([100.0, 90.0, 110.0, 121.0]))

    assert days.equity.tolist() == [110, 121]
    assert days.returns.tolist() == pytest.approx([0.1, 0.1])


def test_day_without_a_value_ends_as_the_day_before_it() -> None:
    at = np.array([NOON, NOON + HOUR, NOON + 3 * DAY])

    days = daily(at, np.array([100.0, 105.0, 84.0]))

    assert days.returns.tolist() == pytest.approx([0.05, 0, 0, -0.2])


def test_beginning_alone_is_no_day() -> None:
    assert len(daily(np.array([NOON, NOON]), np.array([100.0, 99.0])).day) == 0


@settings(max_examples=50)
@given(st.lists(st.integers(1, 5 * DAY), min_size=1, max_size=40), st.integers(0, 99))
def test_days_are_those_of_pandas(gaps: list[int], seed: int) -> None:
    at = NOON + np.concatenate(([0], np.cumsum(gaps)))
    equity = np.random.default_rng(seed).uniform(50, 150, len(at))

    days = daily(at, equity)

    series = pd.Series(equity[1:], pd.to_datetime(at[1:], utc=True))
    expected = series.resample("D", closed="right", label="left").last().ffill()
    assert days.equity == pytest.approx(expected.to_numpy())
    assert (days.day == expected.index.asi8 // DAY).all()


@settings(max_examples=50)
@given(some_equity)
def test_days_compound_to_the_whole(equity: Floats) -> None:
    at: Times = NOON + np.arange(len(equity)) * (5 * HOUR)

    days = daily(at, equity)

    assert np.prod(1 + days.returns) == pytest.approx(equity[-1] / equity[0])
    assert np.prod([1 + x for x in monthly(days).values()]) == pytest.approx(
        np.prod(1 + days.returns)
    )


def test_months_are_named_by_year_and_month() -> None:
    at = NOON + np.array([0, 1, 31, 306]) * DAY

    months = monthly(daily(at, np.array([100.0, 110.0, 121.0, 121.0])))

    assert next(iter(months)) == (2025, 3)
    assert (2026, 1) in months
    assert months[2025, 3] == pytest.approx(0.1)


@pytest.mark.parametrize("periods", [TRADING_DAYS, CALENDAR_DAYS])
@pytest.mark.parametrize("seed", range(5))
def test_ratios_are_those_of_quantstats(seed: int, periods: int) -> None:
    returns = a_year(seed)
    series = as_series(returns)
    equity = np.concatenate(([10_000.0], 10_000 * np.cumprod(1 + returns)))

    assert sharpe(returns, periods) == pytest.approx(
        quantstats.stats.sharpe(series, periods=periods)
    )
    assert sortino(returns, periods) == pytest.approx(
        quantstats.stats.sortino(series, periods=periods)
    )
    assert calmar(returns, periods) == pytest.approx(
        quantstats.stats.calmar(series, periods=periods)
    )
    assert max_drawdown(equity) == pytest.approx(-quantstats.stats.max_drawdown(series))


def test_trades_are_judged_as_by_quantstats() -> None:
    pnl = a_year(7)

    assert profit_factor(pnl) == pytest.approx(quantstats.stats.profit_factor(as_series(pnl)))


@settings(max_examples=50)
@given(some_returns)
def test_sharpe_is_that_of_pandas(returns: Floats) -> None:
    ratio = sharpe(returns, TRADING_DAYS)

    series = pd.Series(returns)
    if ratio is not None and series.std() > 1e-9:
        assert isclose(
            ratio, series.mean() / series.std() * sqrt(TRADING_DAYS), rel_tol=1e-6, abs_tol=1e-9
        )


@settings(max_examples=50)
@given(some_returns, st.sampled_from([0.5, 2.0, 4.0]))
def test_ratios_do_not_depend_on_the_size_of_the_bets(returns: Floats, scale: float) -> None:
    for ratio in (sharpe, sortino):
        small, large = ratio(returns, TRADING_DAYS), ratio(returns * scale, TRADING_DAYS)
        assert (small is None) == (large is None)
        assert small is None or large == pytest.approx(small)


def test_sharpe_error_is_that_of_lo() -> None:
    returns = np.array([0.01, 0.03])
    ratio = 0.02 / (0.01 * sqrt(2))

    assert sharpe_error(returns, 365) == pytest.approx(sqrt((1 + ratio**2 / 2) / 2 * 365))


@pytest.mark.parametrize("returns", [[], [0.1], [0.0, 0.0]])
def test_ratio_that_the_data_cannot_support_is_none(returns: list[float]) -> None:
    given_returns = np.array(returns, np.float64)

    for ratio in (sharpe, sharpe_error, sortino, calmar):
        assert ratio(given_returns, TRADING_DAYS) is None


def test_run_that_only_gained_has_neither_sortino_nor_calmar() -> None:
    returns = np.array([0.01, 0.02])

    assert sortino(returns, TRADING_DAYS) is None
    assert calmar(returns, TRADING_DAYS) is None


def test_growth_is_compounded() -> None:
    assert growth(np.array([0.1, 0.1]), 4) == pytest.approx(1.1**4 - 1)


@pytest.mark.parametrize("returns", [[-3.0, 0.5], [1e300, 1e8]])
def test_growth_that_no_number_holds_is_none(returns: list[float]) -> None:
    assert growth(np.array(returns), CALENDAR_DAYS) is None


@settings(max_examples=50)
@given(some_equity)
def test_drawdown_is_between_nothing_and_everything(equity: Floats) -> None:
    depth = drawdowns(equity)

    assert ((depth >= 0) & (depth < 1)).all()
    assert max_drawdown(equity) == depth.max()
    assert max_drawdown(np.sort(equity)) == 0


def test_drawdown_of_nothing_is_none() -> None:
    assert max_drawdown(np.zeros(0)) == 0


@settings(max_examples=50)
@given(st.integers(1, 500), st.data())
def test_wilsons_interval_holds_the_rate_and_solves_its_equation(
    trials: int, data: st.DataObject
) -> None:
    wins = data.draw(st.integers(0, trials))
    rate = wins / trials

    bounds = wilson(wins, trials)

    assert bounds is not None
    low, high = bounds
    assert 0 <= low <= rate <= high <= 1
    for bound in bounds:
        distance = (rate - bound) ** 2 - 1.959964**2 * bound * (1 - bound) / trials
        assert abs(distance) < 1e-6


def test_nothing_tried_has_no_interval() -> None:
    assert wilson(0, 0) is None


@settings(max_examples=50)
@given(some_pnl)
def test_profit_factor_is_above_one_where_the_average_trade_gains(pnl: Floats) -> None:
    factor, average = profit_factor(pnl), expectancy(pnl)

    assert average == pytest.approx(pnl.mean())
    if factor is None:
        assert (pnl >= 0).all()
    elif abs(pnl.mean()) > 1e-9:
        assert (factor > 1) == (pnl.mean() > 0)


def test_no_trade_has_no_expectancy() -> None:
    assert expectancy(np.zeros(0)) is None


def test_exposure_is_the_share_of_time_in_a_position() -> None:
    spans = [(Nanos(0), Nanos(10)), (Nanos(30), Nanos(90))]

    assert exposure(spans, Nanos(0), Nanos(60)) == pytest.approx(40 / 60)
    assert exposure(spans, Nanos(5), Nanos(5)) == 0


def test_turnover_is_what_was_traded_over_mean_equity() -> None:
    assert turnover(300.0, np.array([50.0, 150.0])) == 3
