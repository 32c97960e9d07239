"""The ledger: every cent that moves, in double entry, and the account it adds up to.

An entry is a list of postings whose amounts sum to zero. WALLET holds what we own; CAPITAL is
where it came from; REALISED, FEES, LIQUIDATION and FUNDING say why it changed. Debits are positive:
a fee paid is WALLET -x, FEES +x; a gain realised is WALLET +x, REALISED -x. MARGIN and AVAILABLE
say which part of the wallet a position holds: to open one is MARGIN +x, AVAILABLE -x.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from domain.account import KELLY_WINDOW, OPENING_BALANCE, Account, Position, RoundTrip
from domain.errors import LedgerUnbalanced
from domain.execution import CENT
from domain.margin import LEVERAGE
from domain.market import Side
from domain.orders import Plan
from domain.units import Money, Nanos, Price, Quantity

ZERO = Money(Decimal(0))


class Title(StrEnum):
    """The titles of the ledger's accounts."""

    WALLET = "wallet"
    CAPITAL = "capital"
    REALISED = "realised"
    FEES = "fees"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    MARGIN = "margin"
    AVAILABLE = "available"


class Cause(StrEnum):
    """Why an entry was made."""

    OPENING = "opening"
    FILL = "fill"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Posting:
    """One amount on one account [quote currency]; debits positive."""

    account: Title
    amount: Money


@dataclass(frozen=True, slots=True)
class Movement:
    """What a fill did to the position.

    Attributes:
        side: which way.
        quantity: how much [base].
        price: at which [quote per base].
        plan: what the position is for, where the fill opens or adds to one.
    """

    side: Side
    quantity: Quantity
    price: Price
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking.

    Attributes:
        sequence: 0, 1, 2 …, without a hole.
        at: when it happened, market time.
        cause: why.
        order: key of the order behind it; empty where there is none.
        postings: amounts, summing to zero.
        movement: what it did to the position, if anything.
        carried: the account that a restored document describes; only in the first entry.
    """

    sequence: int
    at: Nanos
    cause: Cause
    order: str
    postings: tuple[Posting, ...]
    movement: Movement | None = None
    carried: Account | None = None


NOTHING = Account(ZERO, ZERO, ZERO, ZERO, None, 0, 0, ())
"""The account before its first entry."""


def opening(at: Nanos) -> Entry:
    """The first entry of every ledger."""
    postings = _moved(Title.CAPITAL, OPENING_BALANCE)
    return Entry(0, at, Cause.OPENING, "", postings)


def restored(account: Account, at: Nanos) -> Entry:
    """The first entry of a ledger that begins with a restored document."""
    return Entry(0, at, Cause.RESTORED, "", _moved(Title.CAPITAL, account.wallet), carried=account)


def fill(
    account: Account, movement: Movement, fee: Money, entry: Entry, clearance: Money = ZERO
) -> Entry:
    """The entry for one fill: its fees, the gain or loss it realises, the margin it moves.

    Args:
        account: before the fill.
        movement: the fill.
        fee: paid, positive [quote currency].
        entry: an empty entry that carries sequence, time and order.
        clearance: what the insurance fund takes of a liquidation, positive [quote currency].
    """
    postings = (
        *_moved(Title.FEES, Money(-fee)),
        *_moved(Title.LIQUIDATION, Money(-clearance)),
        *_moved(Title.REALISED, _realised(account.position, movement)),
        *held_back(account.position, movement),
    )
    cause = Cause.LIQUIDATION if clearance else Cause.FILL
    return replace(entry, cause=cause, postings=postings, movement=movement)


def funding(amount: Money, entry: Entry) -> Entry:
    """The entry for funding received (paid where negative)."""
    return replace(entry, cause=Cause.FUNDING, postings=_moved(Title.FUNDING, amount))


def booked(account: Account, entry: Entry) -> tuple[Account, RoundTrip | None]:
    """The account after the entry, and the round trip that it completes, if it does.

    Raises:
        LedgerUnbalanced: the entry's postings do not sum to zero, it reduces what is not held, or
            the balances would not add up afterwards.
    """
    if sum((posting.amount for posting in entry.postings), ZERO) != 0:
        raise LedgerUnbalanced(f"entry {entry.sequence}: debits and credits differ")
    if entry.carried is not None:
        _balanced(entry.carried, entry)
        return entry.carried, None
    totals = {title: posted((entry,), title) for title in Title}
    totals[Title.FEES] += totals[Title.LIQUIDATION]
    after = replace(
        account,
        wallet=Money(account.wallet + totals[Title.WALLET]),
        realised=Money(account.realised - totals[Title.REALISED]),
        fees=Money(account.fees + totals[Title.FEES]),
        funding=Money(account.funding - totals[Title.FUNDING]),
    )
    trip = None
    if entry.movement is not None:
        after, trip = _moved_position(after, entry, entry.movement, totals)
    elif after.position is not None:
        costs = Money(after.position.costs + totals[Title.FUNDING])
        held = replace(after.position, costs=costs, settled=entry.at)
        after = replace(after, position=held)
    _balanced(after, entry)
    return after, trip


def _moved(counter: Title, amount: Money) -> tuple[Posting, ...]:
    if amount == 0:
        return ()
    return (Posting(Title.WALLET, amount), Posting(counter, Money(-amount)))


def held_back(position: Position | None, movement: Movement) -> tuple[Posting, ...]:
    """What a position holds of the wallet from now on, or gives free."""
    if position is None or position.side is movement.side:
        cost = Money(movement.price * movement.quantity)
    else:
        cost = Money(-_cost_of(position, min(movement.quantity, position.quantity)))
    margin = Money(cost / LEVERAGE)
    return (Posting(Title.MARGIN, margin), Posting(Title.AVAILABLE, Money(-margin)))


def posted(entries: Iterable[Entry], title: Title) -> Decimal:
    """What these entries move on one account, debits positive [quote currency]."""
    return sum((x.amount for entry in entries for x in entry.postings if x.account is title), ZERO)


def _cost_of(position: Position, quantity: Quantity) -> Money:
    """The part of the position's cost that this quantity of it carries."""
    if quantity == position.quantity:
        return position.cost
    share = position.cost * quantity / position.quantity
    return Money(share.quantize(CENT, ROUND_HALF_EVEN))


def _realised(position: Position | None, movement: Movement) -> Money:
    if position is None or position.side is movement.side:
        return ZERO
    value = movement.price * movement.quantity
    return Money((value - _cost_of(position, movement.quantity)) * position.side.sign)


def _moved_position(
    account: Account, entry: Entry, movement: Movement, totals: dict[Title, Decimal]
) -> tuple[Account, RoundTrip | None]:
    held = account.position
    if held is None or held.side is movement.side:
        return replace(account, position=_opened(held, entry, movement, totals[Title.FEES])), None
    if movement.quantity > held.quantity:
        raise LedgerUnbalanced(f"entry {entry.sequence}: more was closed than was held")
    return _reduced(account, held, entry, totals)


def _opened(held: Position | None, entry: Entry, movement: Movement, fees: Decimal) -> Position:
    if movement.plan is None:
        raise LedgerUnbalanced(f"entry {entry.sequence}: a closing fill would open a position")
    value = movement.price * movement.quantity
    if held is None:
        cost, quantity, at = Money(value), movement.quantity, entry.at
        return Position(movement.side, quantity, cost, at, movement.plan, Money(fees), ZERO, at)
    return replace(
        held,
        quantity=Quantity(held.quantity + movement.quantity),
        cost=Money(held.cost + value),
        costs=Money(held.costs + fees),
    )


def _reduced(
    account: Account, held: Position, entry: Entry, totals: dict[Title, Decimal]
) -> tuple[Account, RoundTrip | None]:
    assert entry.movement is not None
    quantity = entry.movement.quantity
    rest = replace(
        held,
        quantity=Quantity(held.quantity - quantity),
        cost=Money(held.cost - _cost_of(held, quantity)),
        costs=Money(held.costs + totals[Title.FEES]),
        gained=Money(held.gained - totals[Title.REALISED]),
    )
    if rest.quantity > 0:
        return replace(account, position=rest), None
    pnl = Money(rest.gained - rest.costs)
    trip = RoundTrip(entry.at, held.side, held.entry, held.quantity, pnl, held.cost)
    closed = replace(
        account,
        position=None,
        trades=account.trades + 1,
        wins=account.wins + (pnl > 0),
        recent=(*account.recent, trip)[-KELLY_WINDOW:],
    )
    return closed, trip


def _balanced(account: Account, entry: Entry) -> None:
    expected = OPENING_BALANCE + account.realised - account.fees + account.funding
    if account.wallet != expected:
        raise LedgerUnbalanced(
            f"after entry {entry.sequence} the wallet is {account.wallet}, not {expected}"
        )
