import numpy as np
import pytest

from actors.forecast import yardstick
from domain.horizons import LEVELS, STEPS
from tests.actors.forecast import made


def test_pinball_of_a_single_forecast_is_what_a_hand_gets() -> None:
    quantiles = np.zeros((1, 13))

    above, below = (
        yardstick.pinball(np.array([1.0]), quantiles),
        yardstick.pinball(np.array([-2.0]), quantiles),
    )

    assert above == pytest.approx(np.mean([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]))
    assert below == pytest.approx(2 * 0.5)


def test_coverage_counts_what_lies_inside_each_interval() -> None:
    quantiles = np.tile(np.arange(-6.0, 7.0), (4, 1))

    covered = yardstick.coverage(np.array([0.0, 4.5, 5.5, 7.0]), quantiles)

    assert covered == (0.25, 0.5, 0.75)


def test_moves_are_log_returns_from_the_last_close_seen() -> None:
    closes = np.exp(np.arange(215.0) / 100)[None]

    np.testing.assert_allclose(yardstick.moves(closes)[0], np.array(STEPS) / 100)


def test_volatility_of_a_steady_market_is_its_own_for_every_decay() -> None:
    closes = np.exp(0.01 * (np.arange(200) % 2))[None]

    for decay in yardstick.DECAYS:
        assert yardstick.volatility(closes, decay)[0] == pytest.approx(0.01)


def test_the_walk_fitted_on_a_random_walk_covers_what_it_says() -> None:
    past = made.paths(3_000, seed=1, length=215)
    later = made.paths(3_000, seed=2, length=215)

    walk = yardstick.fit(past, 2)
    covered = yardstick.coverage(yardstick.moves(later)[:, 2], walk.quantiles(later))

    assert walk.decay == max(yardstick.DECAYS)
    assert walk.shape[-1] == pytest.approx(1.96, abs=0.15)
    assert covered == pytest.approx((0.8, 0.9, 0.95), abs=0.025)
    assert len(walk.shape) == len(LEVELS)
