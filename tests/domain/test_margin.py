from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.margin import (
    BTCUSDT_TIERS,
    Tier,
    initial_margin,
    liquidated,
    liquidation,
    liquidation_fee,
    liquidation_price,
    maintenance_margin,
    margin_ratio,
    tier,
)
from domain.market import Side
from domain.units import Money, Price
from tests.builders import a_position, money, price, quantity


@pytest.mark.parametrize(
    ("amount", "rate", "size", "entry", "expected"),
    [
        ("135365.00", "0.10", "3683.979", "1456.84", "1114.78"),
        ("16300.00", "0.025", "109.488", "32481.980", "18778.73"),
    ],
)
def test_liquidation_price_is_binances_worked_example_to_the_cent(
    amount: str, rate: str, size: str, entry: str, expected: str
) -> None:
    # given the two positions of the page's example, each with the wallet as isolated margin
    bracket = Tier(money(0), Decimal(rate), money(amount))

    found = liquidation(Side.BUY, quantity(size), price(entry), money("1535443.01"), bracket)

    assert round(found, 2) == Decimal(expected)


def test_margin_and_gain_are_those_of_the_same_example_to_the_cent() -> None:
    # given its bitcoin position, of which the page tells TMM and UPNL for the other one's price
    held, mark = a_position(size="109.488", entry="32481.980"), price("31967.27")

    needed = maintenance_margin(Money(mark * held.quantity))

    assert round(needed, 5) == Decimal("71200.81144")
    assert round(held.gain(mark), 2) == Decimal("-56354.57")


def test_bracket_of_a_position_is_the_one_that_the_page_names() -> None:
    assert tier(money(264_000)).rate == Decimal("0.01")
    assert tier(money(500_000)).amount == 1_300


@pytest.mark.parametrize(
    ("floor", "amount"),
    [(50_000, 50), (250_000, 1_300), (1_000_000, 16_300)],
)
def test_maintenance_amounts_are_those_that_binance_publishes(floor: int, amount: int) -> None:
    (found,) = (x.amount for x in BTCUSDT_TIERS if x.floor == floor)

    assert found == amount


@given(floor=st.sampled_from(BTCUSDT_TIERS[1:]))
def test_maintenance_margin_has_no_step_between_tiers(floor: Tier) -> None:
    below = Money(floor.floor - Decimal("0.01"))

    assert 0 < maintenance_margin(floor.floor) - maintenance_margin(below) < Decimal("0.01")


def test_long_without_borrowed_money_is_never_liquidated() -> None:
    assert liquidation_price(a_position()) == 0
    assert not liquidated(a_position(), price("0.01"))


def test_short_without_borrowed_money_is_liquidated_just_below_twice_its_price() -> None:
    short = a_position(side=Side.SELL)

    found = liquidation_price(short)

    assert round(found, 2) == Decimal("199.20")
    assert not liquidated(short, Price(found - Decimal("0.01")))
    assert liquidated(short, Price(found + Decimal("0.01")))


def test_margin_ratio_is_what_must_be_kept_over_what_is_there() -> None:
    assert initial_margin(a_position()) == 50
    assert margin_ratio(a_position(), price(100)) == pytest.approx(0.004)


@given(cents=st.integers(1, 10**7), size=st.integers(1, 10**9))
def test_liquidation_price_is_where_the_margin_ratio_is_one(cents: int, size: int) -> None:
    short = a_position(
        side=Side.SELL, entry=str(Decimal(cents) / 100), size=str(Decimal(size) / 100_000)
    )

    found = liquidation_price(short)

    assert margin_ratio(short, found) == pytest.approx(1, abs=1e-3)


def test_insurance_fund_takes_one_and_a_quarter_percent() -> None:
    assert liquidation_fee(price(200), quantity("0.5")) == Decimal("1.25")
