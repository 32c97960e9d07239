"""Closed positions, told from the ledger: when, at what price, and what each cost."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.account import Account, Position, RoundTrip
from domain.ledger import NOTHING, ZERO, Entry, Title, booked, posted
from domain.market import Side
from domain.orders import Order
from domain.units import Money, Nanos, Price, Quantity


@dataclass(frozen=True, slots=True)
class Step:
    """The account as one entry left it.

    Attributes:
        entry: the booking.
        account: what the ledger adds up to after it.
        trip: the round trip that the entry completed, if it did.
    """

    entry: Entry
    account: Account
    trip: RoundTrip | None


@dataclass(frozen=True, slots=True)
class Trade:
    """A position from its first fill to flat. Always: pnl = gross - fees + funding.

    Attributes:
        opened: when the first fill came.
        closed: when the last one came.
        side: BUY for long, SELL for short.
        quantity: how much was closed [base].
        entry: average price in [quote per base].
        exit: average price out.
        gross: gain before costs; slippage lies in the prices [quote currency].
        fees: paid, positive; a liquidation's clearance is one.
        funding: received, negative when paid.
        pnl: after all costs.
        slippage: what the fills were worse than the mid when each order was decided; None where
            an order is not known.
        reason: why it was closed; empty where the order is not known.
    """

    opened: Nanos
    closed: Nanos
    side: Side
    quantity: Quantity
    entry: Price
    exit: Price
    gross: Money
    fees: Money
    funding: Money
    pnl: Money
    slippage: Money | None
    reason: str


def steps(entries: Iterable[Entry]) -> tuple[Step, ...]:
    """The account after each entry; raises LedgerUnbalanced where they do not add up."""
    return tuple(walked(entries))


def walked(entries: Iterable[Entry]) -> Iterator[Step]:
    """As `steps`, one after the other."""
    account = NOTHING
    for entry in entries:
        account, trip = booked(account, entry)
        yield Step(entry, account, trip)


def trades(history: Iterable[Step], orders: Mapping[str, Order]) -> tuple[Trade, ...]:
    """The positions that were closed, oldest first."""
    found, episode = [], list[Step]()
    for step in history:
        episode.append(step)
        if step.trip is not None:
            found.append(_trade(episode, step.trip, orders))
        if step.account.position is None:
            episode = [step]
    return tuple(found)


def slippage(entry: Entry, orders: Mapping[str, Order]) -> Money | None:
    """What a fill was worse than the mid its order was decided on, by the whole quantity."""
    movement, order = entry.movement, orders.get(entry.order)
    if movement is None:
        return ZERO
    if order is None:
        return None
    return Money((movement.price - order.reference) * movement.side.sign * movement.quantity)


def total(amounts: Iterable[Money | None]) -> Money | None:
    """The sum, None where one of them is not known."""
    found = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        found += amount
    return Money(found)


def _trade(episode: list[Step], trip: RoundTrip, orders: Mapping[str, Order]) -> Trade:
    """The trade that an episode made; its first step is the account before the first fill."""
    entries = [step.entry for step in episode[1:]]
    held = _held(episode)
    out = [x.movement for x in entries if x.movement and x.movement.side is not held.side]
    quantity = Quantity(sum((x.quantity for x in out), Decimal(0)))
    value = sum((x.price * x.quantity for x in out), Decimal(0))
    # A position that came with a restored document brings its earlier costs along.
    begun = episode[0].account.position
    paid = posted(entries, Title.FEES) + posted(entries, Title.LIQUIDATION)
    fees = paid + (begun.costs if begun else 0)
    funding = -posted(entries, Title.FUNDING)
    order = orders.get(entries[-1].order)
    return Trade(
        opened=held.opened,
        closed=trip.at,
        side=held.side,
        quantity=quantity,
        entry=held.entry,
        exit=Price(value / quantity),
        gross=Money(trip.pnl + fees - funding),
        fees=Money(fees),
        funding=Money(funding),
        pnl=trip.pnl,
        slippage=total(slippage(x, orders) for x in entries),
        reason=order.reason if order else "",
    )


def _held(episode: list[Step]) -> Position:
    held = episode[-2].account.position
    assert held is not None, "a trip ends a position"
    return held
