"""The ledger added up a second way: by plain sums over its postings and fills.

`domain.ledger.booked` carries an account from entry to entry; here nothing is carried, so that a
mistake there does not confirm itself.
"""

from collections.abc import Sequence
from decimal import Decimal

from domain.account import OPENING_BALANCE, Account
from domain.errors import LedgerUnbalanced
from domain.ledger import NOTHING, Entry, Title, posted
from domain.margin import LEVERAGE


def audit(entries: Sequence[Entry], account: Account) -> None:
    """Hold an account against the sums of the entries it is said to come from.

    Raises:
        LedgerUnbalanced: debits and credits differ, a balance is not the sum of its postings, the
            wallet is not 10,000 + realised - fees + funding, the position is not the sum of its
            fills, or the margin that is held back is not its cost.
    """
    first = next((x.carried for x in entries if x.carried is not None), None)
    begun = NOTHING if first is None else first
    checks = (
        ("debits and credits", _all(entries), Decimal(0)),
        ("the wallet", _wallet(entries, first), account.wallet),
        ("realised", begun.realised - posted(entries, Title.REALISED), account.realised),
        ("fees", begun.fees + _fees(entries), account.fees),
        ("funding", begun.funding - posted(entries, Title.FUNDING), account.funding),
        ("the position", _held(begun) + _filled(entries), _held(account)),
        ("the margin", _margin(begun) + posted(entries, Title.MARGIN), _margin(account)),
        ("what is available", posted(entries, Title.AVAILABLE), -posted(entries, Title.MARGIN)),
        ("10,000 and its changes", _expected(account), account.wallet),
    )
    for name, added, told in checks if entries else ():
        if added != told:
            raise LedgerUnbalanced(f"{name}: the entries add up to {added}, not to {told}")


def _all(entries: Sequence[Entry]) -> Decimal:
    return sum((x.amount for entry in entries for x in entry.postings), Decimal(0))


def _wallet(entries: Sequence[Entry], first: Account | None) -> Decimal:
    """A carried account brings its wallet along, and the first entry posts it as well."""
    moved = posted([x for x in entries if x.carried is None], Title.WALLET)
    return moved + (first.wallet if first is not None else 0)


def _fees(entries: Sequence[Entry]) -> Decimal:
    return posted(entries, Title.FEES) + posted(entries, Title.LIQUIDATION)


def _filled(entries: Sequence[Entry]) -> Decimal:
    moved = (x.movement for x in entries if x.movement is not None)
    return sum((x.side.sign * x.quantity for x in moved), Decimal(0))


def _held(account: Account) -> Decimal:
    position = account.position
    return Decimal(0) if position is None else position.side.sign * position.quantity


def _margin(account: Account) -> Decimal:
    return Decimal(0) if account.position is None else account.position.cost / LEVERAGE


def _expected(account: Account) -> Decimal:
    return OPENING_BALANCE + account.realised - account.fees + account.funding
