import pytest

from domain.market import Side, Ticker, valid
from domain.microstructure import liquidity, pressure, spread_bps
from tests.builders import NOON, a_book, price


def test_spread_is_relative_to_the_mid() -> None:
    assert spread_bps(a_book(bid="99.95", ask="100.05")) == pytest.approx(10)


def test_liquidity_is_the_value_of_both_sides() -> None:
    assert liquidity(a_book(size="1", levels=1)) == pytest.approx(200)


def test_pressure_is_one_when_both_sides_wait_alike() -> None:
    assert pressure(a_book()) == 1


@pytest.mark.parametrize(
    ("bid", "ask", "size"), [("100", "100", "1"), ("101", "100", "1"), ("99", "100", "0")]
)
def test_crossed_locked_or_empty_book_is_not_valid(bid: str, ask: str, size: str) -> None:
    assert not valid(a_book(bid=bid, ask=ask, size=size))


def test_book_without_a_side_is_not_valid() -> None:
    assert not valid(a_book(levels=0))


def test_sides_are_each_others_opposite() -> None:
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


def test_ticker_carries_the_change_as_a_fraction() -> None:
    assert Ticker(NOON, price(100), 0.0034).change == pytest.approx(0.0034)
