import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from domain.calibration import (
    BEYOND,
    TAILS,
    WIDEST,
    Cell,
    calibrated,
    corrected,
    surprise,
    untaught,
)
from domain.horizons import INTERVALS, LEVELS, MEDIAN
from domain.seasons import Season
from domain.units import HOUR, Floats

NORMAL = np.array(
    [-1.96, -1.645, -1.282, -0.842, -0.524, -0.253, 0, 0.253, 0.524, 0.842, 1.282, 1.645, 1.96]
)
"""Standard normal quantiles at LEVELS."""

rising = arrays(np.float64, 13, elements=st.floats(1, 1000)).map(np.sort)
factors = arrays(np.float64, len(TAILS), elements=st.floats(-WIDEST, WIDEST))


@given(quantiles=rising, factors=factors)
def test_corrected_quantiles_are_nested_around_the_same_median(
    quantiles: Floats, factors: Floats
) -> None:
    corrected = calibrated(quantiles, factors)

    assert (np.diff(corrected) >= 0).all()
    assert corrected[MEDIAN] == quantiles[MEDIAN]


@given(quantiles=rising)
def test_without_knowledge_nothing_is_corrected(quantiles: Floats) -> None:
    assert calibrated(quantiles, untaught().factors[0, 0]) == pytest.approx(quantiles)


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_intervals_come_to_mean_what_they_say_whatever_the_model_thought(spread: float) -> None:
    # given a model whose intervals are too wide, right, or too narrow
    rng = np.random.default_rng(1)
    factors = untaught().factors[0, 0]
    inside = np.zeros(len(INTERVALS))
    outcomes = 100 + spread * rng.standard_normal(6000)

    for number, actual in enumerate(outcomes):
        said = calibrated(100 + NORMAL, factors)
        if number >= 1000:
            inside += [said[low] <= actual <= said[high] for _, low, high in INTERVALS]
        factors = corrected(factors, number, said, float(actual), overlap=1)

    assert inside / 5000 == pytest.approx([cover for cover, _, _ in INTERVALS], abs=0.015)


def test_both_tails_are_corrected_apart() -> None:
    # given outcomes that are only ever surprising upwards
    rng = np.random.default_rng(2)
    factors = untaught().factors[3, 4]

    for number, actual in enumerate(100 + np.abs(rng.standard_normal(2000)) * 2):
        said = calibrated(100 + NORMAL, factors)
        factors = corrected(factors, number, said, float(actual), overlap=1)

    assert factors[0] < 0 < factors[-1]


def test_forecasts_that_overlap_count_for_a_part_each() -> None:
    factors = untaught().factors[0, 0]

    alone = corrected(factors, 0, 100 + NORMAL, 200.0, overlap=1)
    one_of_many = corrected(factors, 0, 100 + NORMAL, 200.0, overlap=15)

    assert one_of_many == pytest.approx(alone / 15**0.5)


def test_each_tail_has_the_level_of_its_quantile() -> None:
    assert pytest.approx([0.025, 0.05, 0.1, 0.1, 0.05, 0.025]) == BEYOND
    assert [LEVELS[i] for i in TAILS] == [0.025, 0.05, 0.1, 0.9, 0.95, 0.975]


QUIET, WILD = Season(3, 0), Season(40, 2)


def a_year_of_seasons(cell: Cell, spreads: dict[Season, float]) -> None:
    """Each season once a day, outcomes as wide as its spread."""
    rng = np.random.default_rng(3)
    for _ in range(365):
        for when, spread in spreads.items():
            said = calibrated(100 + NORMAL, cell.factors(when))
            cell.learn(when, 100 + NORMAL, said, float(100 + spread * rng.standard_normal()))


def test_wild_hours_widen_and_quiet_hours_narrow_their_own_forecasts() -> None:
    known = untaught()
    cell = Cell(known, (5, 0), HOUR)

    a_year_of_seasons(cell, {QUIET: 0.6, WILD: 1.4})

    quiet, wild = (calibrated(100 + NORMAL, cell.factors(when)) for when in (QUIET, WILD))
    assert quiet[-1] - quiet[0] < 0.75 * (wild[-1] - wild[0])
    assert quiet[MEDIAN] == wild[MEDIAN] == 100
    assert (known.quarters[5, 1:] == 0).all()
    assert (known.quarters[:5] == 0).all()


def test_a_spread_that_is_wrong_at_all_hours_is_no_season() -> None:
    known = untaught()
    cell = Cell(known, (5, 0), HOUR)

    a_year_of_seasons(cell, {QUIET: 2.0, WILD: 2.0})

    assert np.abs(known.quarters).max() < 0.15
    assert (known.factors[5, 0] > 0.4).all()


def test_one_crash_makes_no_season() -> None:
    known = untaught()
    cell = Cell(known, (0, 0), HOUR)

    cell.learn(WILD, 100 + NORMAL, 100 + NORMAL, 1e6)

    assert 0 < known.quarters[0, 0, WILD.quarter] < 0.08
    assert 0 < known.weekdays[0, 0, WILD.weekday] < 0.02


def test_an_outcome_is_measured_in_halves_of_the_eighty_per_cent_interval() -> None:
    assert surprise(100 + NORMAL, 100 - 1.282) == pytest.approx(1)


def test_a_forecast_without_spread_teaches_nothing_about_seasons() -> None:
    known = untaught()
    flat = np.full(13, 100.0)

    Cell(known, (0, 0), HOUR).learn(WILD, flat, flat, 100.0)

    assert not known.quarters.any()
    assert (known.usual == untaught().usual).all()


def test_no_season_widens_without_bound() -> None:
    known = untaught()
    cell = Cell(known, (5, 0), HOUR)
    for _ in range(2000):
        known.usual[:] = 0.1
        cell.learn(WILD, 100 + NORMAL, 100 + NORMAL, 110.0)

    assert known.quarters[5, 0, WILD.quarter] == 1.0
