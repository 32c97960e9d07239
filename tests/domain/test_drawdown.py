from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.drawdown import (
    RISK_MAX,
    RISK_MAX_RECOVERING,
    STEPS,
    Guard,
    HighWater,
    Reading,
    guard,
    reading,
    resumed,
    risk_max,
    size_factor,
    watched,
)
from domain.units import Money


def seen(*equities: int | str) -> tuple[HighWater, Money]:
    """The guard's memory after the account was worth this, one after the other."""
    mark = HighWater(Money(Decimal(10_000)))
    for equity in equities:
        mark = watched(mark, Money(Decimal(equity)))
    return mark, Money(Decimal(equities[-1]))


@pytest.mark.parametrize(
    ("equities", "state"),
    [
        ((9501,), Guard.NORMAL),
        ((9500,), Guard.REDUCED),
        ((9500, 9700), Guard.RECOVERY),
        ((9500, 9700, 9400), Guard.REDUCED),
        ((9500, 10_001), Guard.NORMAL),
        ((9200,), Guard.STOPPED),
        ((9200, 10_500), Guard.STOPPED),
    ],
)
def test_drawdown_decides_what_is_allowed(equities: tuple[int, ...], state: Guard) -> None:
    assert guard(*seen(*equities)) is state


def test_person_lifts_the_stop_and_a_new_high_water_mark_begins() -> None:
    mark, equity = seen(9100)

    after = resumed(mark, equity)

    assert guard(after, equity) is Guard.NORMAL
    assert after.equity == equity
    assert resumed(after, equity) == after


def test_table_has_an_answer_for_everything() -> None:
    assert set(STEPS) == set(Guard)
    assert all(set(row) == set(Reading) for row in STEPS.values())


def test_only_a_person_leads_out_of_a_stop() -> None:
    out = {reading for reading, to in STEPS[Guard.STOPPED].items() if to is not Guard.STOPPED}

    assert out == {Reading.RESUMED}


def test_reduction_and_recovery_differ_in_nothing_that_a_valuation_tells() -> None:
    told = set(Reading) - {Reading.RESUMED}

    assert [STEPS[Guard.REDUCED][x] for x in told] == [STEPS[Guard.RECOVERY][x] for x in told]


@given(equities=st.lists(st.integers(9_000, 10_900), min_size=1))
def test_memory_never_differs_from_the_table_followed_step_by_step(equities: list[int]) -> None:
    mark, state = HighWater(Money(Decimal(10_000))), Guard.NORMAL

    for number in equities:
        equity = Money(Decimal(number))
        state = STEPS[state][reading(mark, equity)]
        assert guard(mark, equity) is state
        mark = watched(mark, equity)
        assert guard(mark, equity) is state


@given(equities=st.lists(st.integers(9_300, 10_100), min_size=1))
def test_full_risk_is_back_only_with_a_new_high_water_mark(equities: list[int]) -> None:
    mark, best, worst = HighWater(Money(Decimal(10_000))), 10_000, 10_000

    for number in equities:
        if number > best:
            best = worst = number
        worst = min(worst, number)
        mark = watched(mark, Money(Decimal(number)))

        wounded = 1 - worst / best >= 0.05
        assert (risk_max(guard(mark, Money(Decimal(number)))) < RISK_MAX) is wounded


@given(deep=st.floats(0, 1), deeper=st.floats(0, 1))
def test_size_never_grows_with_the_drawdown(deep: float, deeper: float) -> None:
    shallow, bottom = sorted((deep, deeper))

    assert 0 <= size_factor(bottom) <= size_factor(shallow) <= 1


def test_risk_is_lower_until_the_loss_is_made_good() -> None:
    assert risk_max(Guard.NORMAL) == RISK_MAX
    assert risk_max(Guard.RECOVERY) == risk_max(Guard.REDUCED) == RISK_MAX_RECOVERING


def test_worthless_account_has_no_drawdown_to_divide_by() -> None:
    assert guard(HighWater(Money(Decimal(0))), Money(Decimal(0))) is Guard.NORMAL
