from decimal import Decimal

import numpy as np
import pytest

from domain.errors import LedgerUnbalanced
from domain.orders import Order
from domain.trades import steps, trades
from domain.units import MINUTE
from persistence.records import Packed
from persistence.report.history import history
from tests.builders import NOON
from tests.persistence.report.runs import books


def test_arrays_are_what_each_entry_left() -> None:
    entries, orders = books("101", "98")

    found = history(entries, orders)

    each = steps(entries)
    assert found.wallet.tolist() == [float(step.account.wallet) for step in each]
    assert found.held.tolist() == [0, 0.5, 0, 0.5, 0]
    assert found.cost.tolist() == pytest.approx([0, 50.01, 0, 50.01, 0])
    assert (found.filled.tolist(), found.price.tolist()) == (
        [1, 2, 3, 4],
        [100.02, 101, 100.02, 98],
    )
    assert (found.first, found.last) == (each[0].account, each[-1].account)
    assert found.trades == trades(each, {order.id: order for order in orders})
    assert found.traded == Decimal("0.5") * (Decimal("200.04") + 101 + 98)


def test_orders_are_found_by_their_keys_in_records_too() -> None:
    entries, orders = books("101", "98", "99")

    packed = history(entries, Packed.of(orders, Order))

    assert packed.slippage == history(entries, orders).slippage is not None
    assert [trade.reason for trade in packed.trades] == ["time limit"] * 3


def test_slippage_is_not_known_where_an_order_is_not() -> None:
    entries, orders = books("101", "98")

    assert history(entries, orders[:-1]).slippage is None


def test_account_that_stood_at_a_moment_is_found_and_valued() -> None:
    found = history(*books("101"))

    place = found.place(np.array([NOON - 1, NOON, NOON + 7 * MINUTE, NOON + 90 * MINUTE]))

    assert place.tolist() == [0, 0, 1, 2]
    assert found.worth(place, np.full(4, 106.0))[2] == pytest.approx(10_000 - 0.020004 + 2.99)


def test_entries_that_do_not_add_up_are_refused() -> None:
    entries, orders = books("101")

    with pytest.raises(LedgerUnbalanced):
        history(entries[1:], orders)
