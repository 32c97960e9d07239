from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import LedgerUnbalanced
from domain.ledger import Posting, Title, restored
from domain.market import Side
from domain.trades import slippage, steps, total, trades
from domain.units import MILLISECOND, MINUTE, Money
from tests.builders import NOON, a_position, an_account, money
from tests.persistence.report.runs import books

some_exits = st.lists(st.decimals(50, 150, places=2).map(str), min_size=0, max_size=8).map(tuple)


def test_trade_tells_its_prices_times_and_costs() -> None:
    entries, orders = books("101.02", funded="-0.25")

    (trade,) = trades(steps(entries), {order.id: order for order in orders})

    assert (trade.side, trade.quantity) == (Side.BUY, Decimal("0.5"))
    assert (trade.entry, trade.exit) == (Decimal("100.02"), Decimal("101.02"))
    assert trade.opened == NOON + 5 * MINUTE + 100 * MILLISECOND
    assert trade.closed - trade.opened == 10 * MINUTE
    assert trade.gross == Decimal("0.5")
    assert trade.fees == Decimal("0.040208")
    assert trade.funding == Decimal("-0.25")
    assert trade.pnl == trade.gross - trade.fees + trade.funding
    assert trade.reason == "time limit"


def test_slippage_is_what_a_fill_was_worse_than_the_mid_it_was_decided_on() -> None:
    entries, orders = books("99.97")

    (trade,) = trades(steps(entries), {order.id: order for order in orders})

    # Bought 0.02 above and sold 0.03 below the mid of 100, half a coin each.
    assert trade.slippage == Decimal("0.025")


def test_slippage_of_an_order_that_nobody_knows_is_not_zero_but_unknown() -> None:
    entries, orders = books("101")

    (trade,) = trades(steps(entries), {orders[0].id: orders[0]})

    assert trade.slippage is None
    assert trade.reason == ""
    assert slippage(entries[0], {}) == 0
    assert total([money(1), None]) is None


@settings(max_examples=50)
@given(some_exits, st.sampled_from(["0", "-0.01", "0.5"]))
def test_trades_add_up_to_what_the_ledger_gained(exits: tuple[str, ...], funded: str) -> None:
    entries, orders = books(*exits, funded=funded)
    history = steps(entries)

    closed = trades(history, {order.id: order for order in orders})

    account = history[-1].account
    assert len(closed) == account.trades == len(exits)
    assert sum(trade.pnl for trade in closed) == account.pnl
    assert sum(trade.fees for trade in closed) == account.fees
    assert sum(trade.funding for trade in closed) == account.funding
    assert sum(trade.gross for trade in closed) == account.realised
    assert all(x.pnl == x.gross - x.fees + x.funding for x in closed)


def test_fee_of_a_liquidation_is_one_of_the_trades_costs() -> None:
    entries, _ = books("50.02")
    last = entries[-1]
    cleared = (Posting(Title.WALLET, money("-0.3")), Posting(Title.LIQUIDATION, money("0.3")))
    liquidated = replace(last, postings=(*last.postings, *cleared))

    (trade,) = trades(steps([*entries[:-1], liquidated]), {})
    (free,) = trades(steps(entries), {})

    assert trade.fees == free.fees + money("0.3")
    assert trade.gross == free.gross
    assert trade.pnl == trade.gross - trade.fees + trade.funding


def test_position_that_is_still_open_is_no_trade() -> None:
    entries, _ = books("101", "102")

    assert len(trades(steps(entries[:-1]), {})) == 1


def test_restored_position_brings_its_earlier_costs_along() -> None:
    entries, _ = books("101.02")
    held = a_position(entry="100.02")
    before = an_account(position=held)
    first = restored(before, NOON)

    (trade,) = trades(steps([first, entries[-1]]), {})

    assert (trade.opened, trade.entry) == (held.opened, Decimal("100.02"))
    assert trade.pnl == Money(trade.gross - trade.fees)


def test_ledger_that_does_not_add_up_is_refused() -> None:
    entries, _ = books("101")

    with pytest.raises(LedgerUnbalanced):
        steps(entries[1:])
