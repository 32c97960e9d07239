from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import OPENING_BALANCE, Account
from domain.errors import LedgerUnbalanced
from domain.execution import fee
from domain.ledger import (
    NOTHING,
    Cause,
    Movement,
    Posting,
    Title,
    booked,
    fill,
    funding,
    opening,
    restored,
)
from domain.market import Side
from domain.units import Money, Price, Quantity
from tests.builders import NOON, a_plan, a_position, a_trip, an_account, an_entry, money

prices = st.integers(1_000_000, 12_000_000).map(lambda n: Price(Decimal(n) / 100))
lots = st.integers(1, 2_000).map(lambda n: Quantity(Decimal(n) / 100_000))
sides = st.sampled_from(Side)


def moved(account: Account, side: Side, quantity: Quantity, at: Price) -> Account:
    movement = Movement(side, quantity, at, a_plan())
    paid = fee(at, quantity)
    return booked(account, fill(account, movement, paid, an_entry()))[0]


def held(account: Account) -> Decimal:
    position = account.position
    return Decimal(0) if position is None else position.quantity * position.side.sign


@given(steps=st.lists(st.tuples(sides, lots, prices), max_size=30))
def test_wallet_and_position_are_the_sum_of_all_fills(
    steps: list[tuple[Side, Quantity, Price]],
) -> None:
    account, net, paid = an_account(), Decimal(0), Decimal(0)

    for side, quantity, at in steps:
        position = account.position
        if position is not None and position.side is not side:
            quantity = min(quantity, position.quantity)  # noqa: PLW2901 - reduce only
        account = moved(account, side, quantity, at)
        net += quantity * side.sign
        paid += fee(at, quantity)

        assert held(account) == net
        assert account.fees == paid
        assert account.wallet == OPENING_BALANCE + account.realised - account.fees


@given(steps=st.lists(st.tuples(sides, lots, prices), max_size=20))
def test_margin_held_back_is_always_the_cost_of_what_is_open(
    steps: list[tuple[Side, Quantity, Price]],
) -> None:
    account, margin, available = an_account(), Decimal(0), Decimal(0)

    for side, quantity, at in steps:
        position = account.position
        if position is not None and position.side is not side:
            quantity = min(quantity, position.quantity)  # noqa: PLW2901 - reduce only
        movement = Movement(side, quantity, at, a_plan())
        entry = fill(account, movement, fee(at, quantity), an_entry())
        account = booked(account, entry)[0]
        margin += sum(x.amount for x in entry.postings if x.account is Title.MARGIN)
        available += sum(x.amount for x in entry.postings if x.account is Title.AVAILABLE)

        assert margin == (0 if account.position is None else account.position.cost)
        assert margin + available == 0


def test_liquidation_fee_has_an_account_of_its_own_and_counts_as_a_cost() -> None:
    account = an_account(position=a_position())
    movement = Movement(Side.SELL, Quantity(Decimal("0.5")), Price(Decimal(80)), None)

    entry = fill(account, movement, money("0.016"), an_entry(), clearance=money("0.5"))
    after, trip = booked(account, entry)

    assert entry.cause is Cause.LIQUIDATION
    assert Posting(Title.LIQUIDATION, money("0.5")) in entry.postings
    assert after.fees == money("0.516")
    assert trip is not None
    assert trip.pnl == money("-10.516")


@given(side=sides, quantity=lots, entry=prices, exit_=prices)
def test_round_trip_realises_the_difference_less_both_fees(
    side: Side, quantity: Quantity, entry: Price, exit_: Price
) -> None:
    opened = moved(an_account(), side, quantity, entry)

    closed = moved(opened, side.opposite, quantity, exit_)

    gain = (exit_ - entry) * quantity * side.sign
    costs = fee(entry, quantity) + fee(exit_, quantity)
    assert closed.realised == gain
    assert closed.recent[-1].pnl == gain - costs
    assert (closed.trades, closed.wins) == (1, int(gain > costs))
    assert closed.position is None


@given(parts=st.lists(lots, min_size=2, max_size=6), entry=prices, exit_=prices)
def test_position_closed_in_parts_ends_like_one_closed_at_once(
    parts: list[Quantity], entry: Price, exit_: Price
) -> None:
    whole = Quantity(sum(parts, Decimal(0)))
    account = moved(an_account(), Side.BUY, whole, entry)

    for part in parts:
        account = moved(account, Side.SELL, part, exit_)

    assert account.position is None
    assert account.realised == (exit_ - entry) * whole


def test_funding_counts_into_the_position_it_was_paid_for() -> None:
    account = an_account(position=a_position())

    after, trip = booked(account, funding(money("-0.25"), an_entry(at=NOON + 5)))

    assert trip is None
    assert after.funding == money("-0.25")
    assert after.wallet == OPENING_BALANCE - money("0.25")
    assert after.position is not None
    assert (after.position.costs, after.position.settled) == (money("0.25"), NOON + 5)


def test_entry_whose_debits_and_credits_differ_is_refused() -> None:
    entry = replace(an_entry(), postings=(Posting(Title.WALLET, money(1)),))

    with pytest.raises(LedgerUnbalanced, match="debits and credits"):
        booked(an_account(), entry)


def test_entry_that_does_not_add_up_is_refused() -> None:
    entry = replace(an_entry(), postings=opening(NOON).postings)

    with pytest.raises(LedgerUnbalanced, match="the wallet is 20000, not 10000"):
        booked(an_account(), entry)


def test_closing_more_than_is_held_is_refused() -> None:
    account = an_account(position=a_position(size="0.5"))
    movement = Movement(Side.SELL, Quantity(Decimal("0.6")), Price(Decimal(100)), None)

    with pytest.raises(LedgerUnbalanced, match="more was closed"):
        booked(account, replace(an_entry(), cause=Cause.FILL, movement=movement))


def test_closing_fill_can_open_nothing() -> None:
    movement = Movement(Side.SELL, Quantity(Decimal("0.6")), Price(Decimal(100)), None)

    with pytest.raises(LedgerUnbalanced, match="would open"):
        booked(an_account(), replace(an_entry(), cause=Cause.FILL, movement=movement))


def test_restored_account_is_what_the_document_said() -> None:
    account = replace(an_account(), wallet=money(9900), realised=money(-100))

    after, trip = booked(NOTHING, restored(account, NOON))

    assert (after, trip) == (account, None)


def test_restored_account_that_contradicts_itself_is_refused() -> None:
    account = replace(an_account(), wallet=money(9900))

    with pytest.raises(LedgerUnbalanced):
        booked(NOTHING, restored(account, NOON))


def test_only_the_newest_trips_are_remembered() -> None:
    account = an_account(recent=(a_trip(),) * 50)
    opened = moved(account, Side.BUY, Quantity(Decimal("0.1")), Price(Decimal(100)))

    closed = moved(opened, Side.SELL, Quantity(Decimal("0.1")), Price(Decimal(90)))

    assert len(closed.recent) == 50
    assert closed.recent[-1].pnl < 0
    assert closed.win_rate == pytest.approx(0.98)
    assert Money(closed.pnl) == closed.wallet - OPENING_BALANCE
