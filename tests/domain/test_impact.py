from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.consumption import Taken, after_taking, deep, refreshed
from domain.execution import walk
from domain.impact import REACH_BPS, STEPS_BPS, beyond, depth
from domain.instrument import BTCUSDT
from domain.market import Level, Side
from domain.units import Price, Quantity
from tests.builders import a_book, price, quantity

NOTHING = quantity("0")
AT = price("60000")


def value(levels: list[Level]) -> Decimal:
    return sum((level.price * level.quantity for level in levels), Decimal(0))


def test_depth_grows_by_the_law_and_ends_where_the_model_does() -> None:
    assert depth(1.0) == pytest.approx(102_622)
    assert depth(4.0) / depth(2.0) == pytest.approx(2**1.447)
    assert depth(REACH_BPS) == depth(REACH_BPS + 5)


def test_modelled_levels_hold_all_the_depth_there_is() -> None:
    levels = list(beyond(AT, Side.BUY, BTCUSDT, NOTHING))

    assert len(levels) == len(STEPS_BPS)
    assert float(value(levels)) == pytest.approx(depth(REACH_BPS), rel=1e-3)


@pytest.mark.parametrize("side", Side)
@given(last=st.integers(10_000, 20_000_000))
def test_modelled_levels_are_ever_worse_than_the_last_one_seen(side: Side, last: int) -> None:
    seen = Price(Decimal(last) / 100)

    prices = [seen, *(x.price for x in beyond(seen, side, BTCUSDT, NOTHING))]

    assert all((later - before) * side.sign >= 0 for before, later in pairwise(prices))
    assert (prices[1] - seen) * side.sign > 0
    assert all(x % BTCUSDT.tick == 0 for x in prices)


@given(gone=st.integers(0, 10**7).map(lambda n: Quantity(Decimal(n) / 100_000)))
def test_what_we_took_is_missing_at_the_front(gone: Quantity) -> None:
    full = list(beyond(AT, Side.BUY, BTCUSDT, NOTHING))
    whole = sum((x.quantity for x in full), NOTHING)

    left = list(beyond(AT, Side.BUY, BTCUSDT, gone))

    assert sum((x.quantity for x in left), NOTHING) == max(0, whole - gone)
    behind = full[len(full) - len(left) :]
    assert [x.price for x in left] == [x.price for x in behind]
    assert left[1:] == behind[1:]


def test_order_larger_than_the_visible_book_pays_for_what_lies_deeper() -> None:
    book = a_book(bid="59999.99", ask="60000.00", size="0.1")

    bites = walk(deep(book, Side.BUY, (), BTCUSDT), quantity("2"))

    assert sum((x.quantity for x in bites), NOTHING) == 2
    assert [str(x.price) for x in bites[:6]] == [
        *("60000.00", "60000.01", "60000.02", "60000.03", "60000.04"),
        "60001.55",
    ]


def test_book_that_shows_fewer_levels_than_it_could_has_no_others() -> None:
    book = a_book(levels=4, size="0.1")

    assert len(list(deep(book, Side.BUY, (), BTCUSDT))) == 4


def test_what_we_took_out_of_sight_stays_taken_until_the_market_has_passed_it() -> None:
    book = a_book(bid="59999.99", ask="60000.00", size="0.1")
    first = walk(deep(book, Side.BUY, (), BTCUSDT), quantity("2"))
    taken = after_taking(book, Side.BUY, (), first)

    second = walk(deep(book, Side.BUY, taken, BTCUSDT), quantity("2"))

    assert second[0].price >= first[-1].price
    past = refreshed(a_book(bid="60009.99", ask="60010.00"), taken)
    assert past == ()


def test_what_comes_into_sight_is_ours_up_to_what_we_took_there() -> None:
    taken = (Taken(Side.BUY, price("60001.55"), quantity("1.5"), quantity("1.5")),)

    (seen,) = refreshed(a_book(bid="60001.53", ask="60001.54", size="0.4"), taken)

    assert (seen.quantity, seen.shown) == (quantity("0.4"), quantity("0.4"))
