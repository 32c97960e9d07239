from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from actors.forecast.corpus import MINUTE_MS
from actors.forecast.evaluation import RECENT, Forecasts
from actors.forecast.reliability import Bin, of_levels, of_signals
from domain.horizons import LEVELS, STEPS, TIMEFRAMES, Timeframe
from tests.actors.forecast.made import MIDNIGHT_MS

HOURS = 400
USUAL = 1e-3
"""Deviation of a minute's return."""

NORMAL = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


def honest(timeframe: Timeframe, drift: float = 0.0) -> Forecasts:
    """Forecasts of a random walk, on whole hours, that know its drift [deviations]."""
    rng = np.random.default_rng(1)
    recent = 60_000 * np.exp(
        np.cumsum(rng.normal(0, USUAL * timeframe.minutes**0.5, (HOURS, RECENT)), axis=1)
    )
    recent *= 60_000 / recent[:, -1:]
    spread = USUAL * np.sqrt(np.array(STEPS) * timeframe.minutes)
    means = np.full(HOURS, drift)[:, None] * spread
    outcomes = means + spread * rng.standard_normal((HOURS, len(STEPS)))
    quantiles = means[..., None] + spread[:, None] * NORMAL
    return Forecasts(
        timeframe=timeframe,
        origins=MIDNIGHT_MS + 60 * MINUTE_MS * np.arange(HOURS),
        recent=recent,
        actuals=60_000 * np.exp(outcomes),
        quantiles=60_000 * np.exp(quantiles),
    )


def test_levels_of_an_honest_forecast_are_passed_as_often_as_they_say() -> None:
    found = of_levels([honest(timeframe) for timeframe in TIMEFRAMES])

    assert [level for level, _ in found] == list(LEVELS)
    assert [share for _, share in found] == pytest.approx(LEVELS, abs=0.02)


@pytest.mark.parametrize("drift", [0.3, -0.3])
def test_an_honest_probability_comes_true_as_often_as_it_says(drift: float) -> None:
    tables = of_signals([honest(timeframe, drift) for timeframe in TIMEFRAMES])

    (bin_,) = tables["probability"]
    assert bin_.count == HOURS
    assert bin_.said == pytest.approx(NormalDist().cdf(0.3), abs=0.01)
    assert bin_.came == pytest.approx(bin_.said, abs=0.03)


def test_agreement_is_judged_by_the_same_outcomes() -> None:
    tables = of_signals([honest(timeframe, 0.3) for timeframe in TIMEFRAMES])

    (agreed,), (bin_,) = tables["confidence"], tables["probability"]
    assert agreed.said == pytest.approx(1.0)
    assert agreed.came == bin_.came


def test_a_plan_that_always_gains_more_than_it_costs_is_told_as_such() -> None:
    found = [honest(timeframe, 0.3) for timeframe in TIMEFRAMES]
    risen = [replace(each, actuals=each.actuals * 0 + 70_000) for each in found]

    assert [one.came for one in of_signals(risen)["gain"]] == [1.0] * len(of_signals(risen)["gain"])


def test_signals_need_all_timeframes_at_one_moment() -> None:
    found = [honest(timeframe, 0.3) for timeframe in TIMEFRAMES]
    late = replace(found[0], origins=found[0].origins + MINUTE_MS)

    empty: dict[str, list[Bin]] = {"confidence": [], "probability": [], "gain": []}
    assert of_signals(found[1:]) == empty
    assert of_signals([late, *found[1:]]) == empty
