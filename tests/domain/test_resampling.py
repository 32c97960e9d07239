from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.performance import sharpe, sharpe_error
from domain.resampling import DAYS_MIN, block_length, draws, sharpe_interval, stationary
from domain.units import Floats


def autoregressive(weight: float, length: int, seed: int = 0) -> Floats:
    """Returns of which each goes on from the one before."""
    shocks = np.random.default_rng(seed).normal(0, 0.01, length)
    found = shocks.copy()
    for n in range(1, length):
        found[n] += weight * found[n - 1]
    return found


# What `arch` 8.0.0's optimal_block_length makes of the same series.
@pytest.mark.parametrize(
    ("weight", "length", "seed", "expected"),
    [
        *((0.0, 365, 1, 4.222088), (0.0, 365, 3, 1.671997), (0.3, 365, 0, 4.545891)),
        *((0.3, 2000, 3, 10.459012), (-0.3, 365, 1, 14.802181), (0.7, 2000, 2, 17.022231)),
    ],
)
def test_length_of_blocks_is_that_of_the_published_programs(
    weight: float, length: int, seed: int, expected: float
) -> None:
    assert block_length(autoregressive(weight, length, seed)) == pytest.approx(expected, abs=1e-6)


def test_days_that_hang_together_are_drawn_in_longer_blocks() -> None:
    lengths = [block_length(autoregressive(x, 4000)) for x in (0.0, 0.3, 0.6, 0.9)]

    assert lengths == sorted(lengths)
    assert lengths[0] < 2 < lengths[1]


@settings(max_examples=60)
@given(st.integers(2, 400), st.integers(0, 99), st.sampled_from([0.0, 1e-9, 0.01]))
def test_length_of_blocks_is_at_least_one_and_at_most_a_third(
    length: int, seed: int, spread: float
) -> None:
    returns = 0.001 + np.random.default_rng(seed).normal(0, spread, length)

    assert 1 <= block_length(returns) <= max(1, length / 3 + 1)


@settings(max_examples=60)
@given(st.integers(2, 60), st.integers(1, 30), st.floats(0.05, 1), st.integers(0, 99))
def test_each_day_of_a_draw_follows_the_one_before_or_begins_a_block(
    length: int, count: int, chance: float, seed: int
) -> None:
    taken = stationary(length, count, chance, np.random.default_rng(seed))

    assert taken.shape == (count, length)
    assert taken.min() >= 0
    assert taken.max() < length


def test_blocks_are_as_long_as_asked_and_each_day_comes_as_often() -> None:
    taken = stationary(200, 2000, 0.1, np.random.default_rng(0))

    follows = (np.diff(taken, axis=1) % 200) == 1
    # A block that begins where the last one ended by chance looks like its continuation.
    assert follows.mean() == pytest.approx(0.9 + 0.1 / 200, abs=0.002)
    assert np.bincount(taken.ravel()) / 2000 == pytest.approx(1, abs=0.4)


def test_draws_are_the_same_for_the_same_seed_and_bounded_in_memory() -> None:
    returns = autoregressive(0, 1000)

    once, again = (list(draws(returns, 700, seed=5)) for _ in range(2))

    assert sum(map(len, once)) == 700
    assert all(len(part) * 1000 <= 1 << 16 for part in once)
    assert all((x == y).all() for x, y in zip(once, again, strict=True))


def test_interval_of_independent_days_is_as_wide_as_theory_says() -> None:
    returns = np.random.default_rng(4).normal(0.0005, 0.01, 1500)

    found = sharpe_interval(returns)

    ratio, error = sharpe(returns, 1), sharpe_error(returns, 1)
    assert found is not None
    assert ratio is not None
    assert error is not None
    assert found == pytest.approx((ratio - 1.96 * error, ratio + 1.96 * error), abs=0.1 * error)


def test_days_that_go_on_make_the_interval_wider() -> None:
    returns = autoregressive(0.6, 2000)

    found = sharpe_interval(returns)

    # The variance of such a mean is (1 + .6) / (1 - .6) times that of independent days.
    assert found is not None
    expected = 2 * 1.96 * sqrt(4 / 2000)
    assert found[1] - found[0] == pytest.approx(expected, rel=0.2)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.floats(1e-3, 100))
def test_interval_does_not_depend_on_how_much_was_at_stake(seed: int, stake: float) -> None:
    returns = np.random.default_rng(seed).standard_t(4, 60) * 0.01

    assert sharpe_interval(returns * stake) == pytest.approx(sharpe_interval(returns), rel=1e-6)


def test_few_days_and_days_without_a_move_say_nothing() -> None:
    assert sharpe_interval(autoregressive(0, DAYS_MIN - 1)) is None
    assert sharpe_interval(np.zeros(100)) is None
    assert sharpe_interval(np.full(100, 0.001)) is None


def test_draw_in_which_nothing_moved_is_left_out() -> None:
    returns = np.zeros(40)
    returns[7] = 0.01

    found = sharpe_interval(returns)

    assert found is not None
    assert 0 < found[0] < found[1]
