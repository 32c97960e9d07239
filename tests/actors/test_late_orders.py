"""Orders that the broker gets later than Risk sent them, as between threads that lag."""

from pathlib import Path

import pytest

from actors.messages import Tick
from domain.execution import LATENCY_MAX, LATENCY_MIN
from domain.facts import Filled, OrderRefused
from domain.market import Side
from domain.orders import ORDER_AGE_MAX
from domain.units import SECOND, Nanos
from persistence.environment import open_environment
from tests.actors.test_broker import ARRIVED, House
from tests.builders import NOON, a_book, an_order, approved


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(open_environment(tmp_path / "store"))


def refusals(house: House) -> list[tuple[str, str]]:
    return [(fact.id, fact.code) for fact in house.dashboard.of(OrderRefused)]


def test_order_leaves_when_the_broker_gets_it_however_long_ago_it_was_decided_on(
    house: House,
) -> None:
    late = Nanos(NOON + 3 * SECOND)
    house.tell(Tick(late), a_book(at=late), approved(an_order(at=NOON)))

    house.tell(Tick(Nanos(late + LATENCY_MAX)))

    (fill,) = house.dashboard.of(Filled)
    assert late + LATENCY_MIN <= fill.at <= late + LATENCY_MAX


def test_order_that_comes_too_late_is_not_sent(house: House) -> None:
    late = Nanos(NOON + ORDER_AGE_MAX + 1)

    house.tell(Tick(late), a_book(at=late), approved(an_order(at=NOON)))

    assert refusals(house) == [("E1", "EXPIRED")]
    assert house.ledger.orders() == ()
    assert (house.marked().last_order, house.marked().pending) == ("E1", False)


def test_second_entry_is_not_sent_while_the_first_is_out_or_filled(house: House) -> None:
    house.tell(a_book(), Tick(NOON), approved(an_order()), approved(an_order(key="E2")))
    assert refusals(house) == [("E2", "ON_ITS_WAY")]

    house.tell(Tick(ARRIVED), approved(an_order(key="E3", at=ARRIVED)))

    assert refusals(house)[1:] == [("E3", "POSITION_OPEN")]
    assert [order.id for order in house.ledger.orders() if order.id.startswith("E")] == ["E1"]


def test_second_exit_is_not_sent_while_the_first_is_out_or_filled(house: House) -> None:
    house.trade(an_order())
    first, second, third = (
        an_order(key=key, at=ARRIVED, side=Side.SELL, closes=True) for key in ("X1", "X2", "X3")
    )

    house.tell(a_book(at=ARRIVED), approved(first), approved(second))
    assert refusals(house) == [("X2", "ON_ITS_WAY")]
    house.tell(Tick(Nanos(ARRIVED + LATENCY_MAX)), approved(third))

    assert ("X3", "EXPIRED") in refusals(house)
