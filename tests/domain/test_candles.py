from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.candles import BRIDGE_MAX, aggregate, bridged, holes, unbroken, wrong
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Candle, Origin
from domain.units import MINUTE, Nanos, Price, Quantity
from tests.builders import NOON, a_candle, candles, price

cents = st.integers(1, 10**7).map(lambda n: Price(Decimal(n) / 100))


@st.composite
def minutes(draw: st.DrawFn) -> list[Candle]:
    """One hour of valid candles."""
    made = []
    for n in range(60):
        four = sorted(draw(st.lists(cents, min_size=4, max_size=4)))
        low, *inner, high = four
        volume = Quantity(Decimal(draw(st.integers(0, 10**6))) / 10**5)
        made.append(
            Candle(Timeframe.M1, Nanos(NOON + n * MINUTE), inner[0], high, low, inner[1], volume)
        )
    return made


@settings(max_examples=30)  # each draws 300 numbers
@given(hour=minutes())
def test_aggregate_keeps_first_open_last_close_extremes_and_volume(hour: list[Candle]) -> None:
    (whole,) = aggregate(hour, Timeframe.H1)

    assert (whole.open, whole.close) == (hour[0].open, hour[-1].close)
    assert whole.high == max(x.high for x in hour)
    assert whole.low == min(x.low for x in hour)
    assert whole.volume == sum(x.volume for x in hour)
    assert whole.kind is Origin.DERIVED


@settings(max_examples=30)  # each draws 300 numbers
@given(hour=minutes())
def test_aggregating_in_two_steps_is_aggregating_in_one(hour: list[Candle]) -> None:
    fives = [replace(x, timeframe=Timeframe.M1) for x in aggregate(hour, Timeframe.M5)]
    thirty = aggregate(hour, Timeframe.M30)

    joined = [
        (group[0].open, max(x.high for x in group), min(x.low for x in group), group[-1].close)
        for group in (fives[:6], fives[6:])
    ]

    assert joined == [(x.open, x.high, x.low, x.close) for x in thirty]


def test_group_with_a_missing_minute_makes_no_candle() -> None:
    whole = candles(10)

    made = aggregate(whole[:3] + whole[4:], Timeframe.M5)

    assert [x.open_time for x in made] == [NOON + 5 * MINUTE]


def test_candle_made_of_an_interpolated_one_says_so() -> None:
    group = [*candles(2), a_candle(open_time=NOON + 2 * MINUTE, kind=Origin.INTERPOLATED)]

    (made,) = aggregate(group, Timeframe.M3)

    assert made.kind is Origin.INTERPOLATED


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"open_time": Nanos(NOON + 1)}, "off the grid"),
        ({"low": Price(Decimal(0))}, "positive"),
        ({"close": Price(Decimal("NaN"))}, "positive"),
        ({"high": Price(Decimal(99))}, "high is below"),
        ({"low": Price(Decimal(101))}, "low is above"),
        ({"volume": Quantity(Decimal(-1))}, "volume"),
    ],
)
def test_impossible_candle_is_told_by_what_is_wrong_with_it(
    change: dict[str, Nanos | Price | Quantity], words: str
) -> None:
    candle = replace(a_candle(), **change)  # type: ignore[arg-type]

    assert words in (wrong(candle) or "")


def test_valid_candle_has_nothing_wrong() -> None:
    assert wrong(a_candle()) is None


def test_short_hole_is_bridged_on_a_straight_line_and_marked() -> None:
    before = a_candle(close="100")
    after = replace(a_candle(open_time=NOON + 4 * MINUTE), open=price(104), high=price(104))

    filled = bridged([before, after])

    assert [x.close for x in filled[1:-1]] == [101, 102, 103]
    assert {x.kind for x in filled[1:-1]} == {Origin.INTERPOLATED}
    assert unbroken(filled) == len(filled)


def test_long_hole_stays_a_hole() -> None:
    late = a_candle(open_time=NOON + (BRIDGE_MAX + 2) * MINUTE)

    filled = bridged([a_candle(), late])

    assert filled == [a_candle(), late]
    assert holes(filled) == [(NOON + MINUTE, NOON + (BRIDGE_MAX + 1) * MINUTE)]
    assert unbroken(filled) == 1


def test_one_minute_aggregates_to_itself() -> None:
    assert aggregate(candles(3), TIMEFRAMES[0]) == candles(3)
    assert unbroken([]) == 0
