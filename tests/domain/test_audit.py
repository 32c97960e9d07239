from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account
from domain.audit import audit
from domain.errors import LedgerUnbalanced
from domain.execution import fee
from domain.ledger import (
    NOTHING,
    Entry,
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
from tests.builders import NOON, a_plan, a_position, an_account, an_entry, money, price, quantity

prices = st.integers(1_000_000, 12_000_000).map(lambda n: Price(Decimal(n) / 100))
lots = st.integers(1, 2_000).map(lambda n: Quantity(Decimal(n) / 100_000))
moves = st.lists(st.tuples(st.sampled_from(Side), lots, prices), max_size=30)

Kept = tuple[list[Entry], Account]


def kept(first: Entry, steps: list[tuple[Side, Quantity, Price]]) -> Kept:
    """A ledger that begins with this entry and goes on with these fills, and what it adds up to."""
    entries, account = [first], booked(NOTHING, first)[0]
    for side, wanted, at in steps:
        held = account.position
        closes = held is not None and held.side is not side
        size = min(wanted, held.quantity) if held is not None and closes else wanted
        movement = Movement(side, size, at, a_plan())
        blank = an_entry(len(entries))
        entries.append(fill(account, movement, fee(at, size), blank, money("0.1")))
        account = booked(account, entries[-1])[0]
        entries.append(funding(money("-0.25"), an_entry(len(entries))))
        account = booked(account, entries[-1])[0]
    return entries, account


@given(steps=moves)
def test_sums_confirm_whatever_was_booked(steps: list[tuple[Side, Quantity, Price]]) -> None:
    entries, account = kept(opening(NOON), steps)

    audit(entries, account)


@given(steps=moves)
def test_sums_confirm_a_ledger_that_begins_with_a_restored_document(
    steps: list[tuple[Side, Quantity, Price]],
) -> None:
    before = an_account(position=a_position(entry="50000"))
    entries, account = kept(restored(before, NOON), steps)

    audit(entries, account)


def test_ledger_without_an_entry_says_nothing_of_any_account() -> None:
    audit([], an_account(position=a_position(entry="50000")))


LEDGER, ACCOUNT = kept(opening(NOON), [(Side.BUY, quantity("0.5"), price("50000"))])
HELD = ACCOUNT.position
assert HELD is not None


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"wallet": Money(ACCOUNT.wallet + 1)}, "the wallet"),
        ({"realised": money(1)}, "realised"),
        ({"fees": money(1)}, "fees"),
        ({"funding": money(1)}, "funding"),
        ({"position": None}, "the position"),
        ({"position": replace(HELD, cost=Money(HELD.cost + 1))}, "the margin"),
    ],
)
def test_account_that_is_not_the_sum_of_its_entries_is_refused(
    told: dict[str, object], words: str
) -> None:
    with pytest.raises(LedgerUnbalanced, match=words):
        audit(LEDGER, replace(ACCOUNT, **told))  # type: ignore[arg-type]


def test_posting_without_its_counterpart_is_found() -> None:
    lone = Posting(Title.CAPITAL, money(1))
    odd = replace(LEDGER[1], postings=(*LEDGER[1].postings, lone))

    with pytest.raises(LedgerUnbalanced, match="debits and credits"):
        audit([LEDGER[0], odd, LEDGER[2]], ACCOUNT)
