from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.execution import LATENCY_MAX, LATENCY_MIN, fee, latency, slippage_bps, walk
from domain.funding import PERIOD, next_settlement, payment
from domain.instrument import BTCUSDT, to_lot
from domain.market import Side
from domain.units import Nanos, Quantity
from tests.builders import a_book, a_position, an_order, money, price, quantity

sides = st.sampled_from(Side)
sizes = st.integers(1, 3_000_00).map(lambda n: Quantity(Decimal(n) / 100))


@given(side=sides, size=sizes)
def test_walk_takes_no_more_than_is_there_and_no_less_than_it_can(
    side: Side, size: Quantity
) -> None:
    book = a_book(size="300")
    there = book.asks if side is Side.BUY else book.bids

    found = walk(there, size)

    left = size - sum(x.quantity for x in found)
    assert left >= 0
    assert all(
        x.price == y.price and x.quantity <= y.quantity for x, y in zip(found, there, strict=False)
    )
    assert left == 0 or len(found) == len(there)
    assert all(x.quantity == y.quantity for x, y in zip(found[:-1], there, strict=False))


@given(key=st.text(min_size=1), seed=st.integers(0, 2**31))
def test_latency_is_within_its_bounds_and_always_the_same(key: str, seed: int) -> None:
    first, again = latency(key, seed), latency(key, seed)

    assert first == again
    assert LATENCY_MIN <= first <= LATENCY_MAX


def test_fee_is_four_hundredths_of_a_percent_to_the_eighth_digit() -> None:
    assert fee(price("43180"), quantity("0.023")) == Decimal("0.39725600")


@pytest.mark.parametrize(("side", "sign"), [(Side.BUY, 1), (Side.SELL, -1)])
def test_slippage_is_positive_when_it_cost(side: Side, sign: int) -> None:
    assert slippage_bps(an_order(side=side), price("100.5")) == pytest.approx(sign * 50)


@given(at=st.integers(0, 2**60).map(Nanos))
def test_settlements_stand_on_the_eight_hours(at: Nanos) -> None:
    due = next_settlement(at)

    assert due % PERIOD == 0
    assert 0 < due - at <= PERIOD


def test_long_pays_and_short_receives_a_positive_rate() -> None:
    rate = Decimal("0.0001")

    paid = payment(a_position(size="0.5"), price(60_000), rate)
    received = payment(a_position(side=Side.SELL, size="0.5"), price(60_000), rate)

    assert (paid, received) == (money(-3), money(3))


@given(size=st.decimals(0, 100, places=8))
def test_lots_are_rounded_down_unless_up_is_asked_for(size: Decimal) -> None:
    down, up = to_lot(size, BTCUSDT), to_lot(size, BTCUSDT, up=True)

    assert down <= size <= up
    assert up - down in (0, BTCUSDT.lot)
    assert down % BTCUSDT.lot == 0
