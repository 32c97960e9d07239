from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deflation import (
    confidence,
    deflated_sharpe,
    expected_best,
    probabilistic_sharpe,
    shape,
)
from domain.performance import sharpe
from domain.units import Floats


def variance(ratio: float, skewness: float, kurtosis: float) -> float:
    return 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2


def a_year(seed: int, mean: float = 5e-4) -> Floats:
    return np.random.default_rng(seed).standard_t(5, 365) * 0.01 + mean


def test_example_of_the_paper_on_the_efficient_frontier() -> None:
    # A fund's 24 months: Bailey and López de Prado 2012, "Numerical examples".
    ratio = 0.458

    assert confidence(ratio, variance(ratio, 0, 3), 24) == pytest.approx(0.982, abs=5e-4)
    assert confidence(ratio, variance(ratio, -2.448, 10.164), 24) == pytest.approx(0.913, abs=5e-4)


def test_example_of_the_paper_on_deflation() -> None:
    # 1,250 days with an annual ratio of 2.5, chosen from a number of trials of variance 1/2 a year:
    # Bailey and López de Prado 2014, "A numerical example".
    ratio, spread = 2.5 / sqrt(250), sqrt(0.5 / 250)
    fat = variance(ratio, -3, 10)

    assert expected_best(spread, 100) == pytest.approx(0.1132, abs=5e-5)
    above = ratio - expected_best(spread, 100)
    assert confidence(above, fat, 1250) == pytest.approx(0.9004, abs=5e-5)
    fewer = ratio - expected_best(spread, 46)
    assert confidence(fewer, fat, 1250) == pytest.approx(0.9505, abs=5e-5)
    normal = ratio - expected_best(spread, 88)
    assert confidence(normal, variance(ratio, 0, 3), 1250) == pytest.approx(0.9505, abs=5e-5)


def test_shape_of_one_day_in_four_is_that_of_its_distribution() -> None:
    # Bernoulli's, with p = 1/4: (1 - 2p) / sqrt(p (1 - p)) and 1 / (p (1 - p)) - 3.
    returns = np.array([0.0, 0.0, 0.0, 0.01])

    assert shape(returns) == pytest.approx((0.5 / sqrt(3 / 16), 16 / 3 - 3))


def test_best_of_many_worthless_ones_is_as_good_as_expected() -> None:
    ratios = np.random.default_rng(2).normal(0, 0.05, (4000, 50))

    assert expected_best(0.05, 50) == pytest.approx(ratios.max(axis=1).mean(), rel=0.02)


@settings(max_examples=50)
@given(st.integers(0, 99), st.integers(2, 500), st.floats(0.001, 0.1))
def test_more_trials_never_make_a_ratio_more_likely(seed: int, trials: int, spread: float) -> None:
    returns, found = a_year(seed), np.array([-spread, spread])

    alone = probabilistic_sharpe(returns)
    chosen, from_more = (deflated_sharpe(returns, found, x) for x in (trials, trials + 1))

    assert alone is not None
    assert chosen is not None
    assert from_more is not None
    assert 0 <= from_more <= chosen <= alone <= 1


def test_one_that_was_not_chosen_is_not_deflated() -> None:
    returns = a_year(3)

    assert deflated_sharpe(returns, np.array([0.02]), 1) == probabilistic_sharpe(returns)


def test_ratio_equal_to_its_benchmark_is_as_likely_above_as_below() -> None:
    returns = a_year(4)

    assert probabilistic_sharpe(returns, sharpe(returns, 1) or 0.0) == pytest.approx(0.5)


def test_nothing_is_said_of_what_cannot_be_known() -> None:
    assert probabilistic_sharpe(np.array([0.01, -0.01, 0.02])) is None
    assert probabilistic_sharpe(np.zeros(50)) is None
    assert deflated_sharpe(a_year(5), np.array([0.02]), 7) is None
