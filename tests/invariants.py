"""What must be true of the venue and of the books after every step, wherever they run."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors.broker import books
from domain import venue
from domain.account import OPENING_BALANCE, Account, RoundTrip
from domain.facts import Liquidity
from domain.impact import beyond
from domain.ledger import Entry, Title, booked, posted
from domain.life import Status, ended
from domain.market import DEPTH, Level, Side, Trade
from domain.orders import Kind, Order
from domain.units import Quantity
from domain.venue import Outcome, Venue, Working

NONE = Decimal(0)


@dataclass(slots=True)
class Orders:
    """Every order that was filled: what it asked for, and what it got [base]."""

    asked: dict[str, Decimal] = field(default_factory=dict)
    got: dict[str, Decimal] = field(default_factory=dict)

    def check(self, outcome: Outcome) -> None:
        """No order gets more than it asked for, and what it waits for is the rest."""
        working, order = outcome.working, outcome.working.order
        self.asked[order.id] = order.quantity
        got = self.got.get(order.id, NONE) + _sum(outcome.executions)
        self.got[order.id] = got
        rest = order.quantity - got
        assert rest >= 0, f"{order.id} asked for {order.quantity} and got {got}"
        assert working.left <= rest or working.status is Status.CANCELED
        if not order.closes and working.status not in {Status.REJECTED, Status.CANCELED}:
            assert working.left == rest


def check_step(before: Venue, outcome: Outcome, trade: Trade | None) -> None:
    """One step of one order: prices and quantities that the market allowed, and a sound venue."""
    order = outcome.working.order
    for execution in outcome.executions:
        assert execution.quantity > 0
        assert order.closes or execution.quantity % before.rules.lot == 0
        if order.kind is Kind.LIMIT:
            assert order.level is not None
            assert (order.level - execution.price) * order.side.sign >= 0
        if execution.liquidity is Liquidity.TAKER:
            best = _facing(before, order)[0].price
            assert (execution.price - best) * order.side.sign >= 0
    if trade is None and outcome.executions:
        _check_depth(before, outcome)
    elif trade is not None and _only_makes(outcome) and trade.price == order.level:
        assert _sum(outcome.executions) <= trade.quantity
    check_venue(outcome.venue)


def check_venue(after: Venue) -> None:
    """Only living orders, no negative queue, and never more taken than there is."""
    for working in after.working:
        assert not ended(working.status)
        if working.queue is not None:
            assert 0 <= working.queue.ahead <= working.queue.shown
    if after.book is None:
        return
    taken = {(x.side, x.price): x for x in after.taken}
    for side, seen in ((Side.BUY, after.book.asks), (Side.SELL, after.book.bids)):
        for level in seen:
            missing = taken.get((side, level.price))
            assert missing is None or 0 < missing.quantity <= level.quantity


def check_entry(before: Account, entry: Entry, after: Account) -> None:
    """Debits equal credits; the balances add up; the position is the sum of its fills."""
    assert sum((x.amount for x in entry.postings), NONE) == 0
    moved = posted([entry], Title.WALLET)
    if entry.carried is None:
        assert after.wallet - before.wallet == moved
    assert after.wallet == OPENING_BALANCE + after.realised - after.fees + after.funding
    movement = entry.movement
    if movement is not None:
        assert _held(after) - _held(before) == movement.side.sign * movement.quantity
    elif entry.carried is None:
        assert _held(after) == _held(before)
    if after.position is not None:
        price = after.position.entry
        assert abs(after.equity(price) - after.wallet) < Decimal("1e-15")


@dataclass(slots=True)
class Count:
    """How much was checked."""

    steps: int = 0
    fills: int = 0
    entries: int = 0


@contextmanager
def watched() -> Iterator[Count]:
    """Check every step of the venue and every entry of the books that are made within."""
    count, orders = Count(), Orders()

    def step(taken: Callable[..., Outcome | None]) -> Callable[..., Outcome | None]:
        def looked_at(before: Venue, working: Working, *rest: Any) -> Outcome | None:
            outcome = taken(before, working, *rest)
            if outcome is not None:
                check_step(before, outcome, rest[0] if isinstance(rest[0], Trade) else None)
                orders.check(outcome)
                count.steps += 1
                count.fills += len(outcome.executions)
            return outcome

        return looked_at

    def entered(before: Account, entry: Entry) -> tuple[Account, RoundTrip | None]:
        after, trip = booked(before, entry)
        check_entry(before, entry, after)
        count.entries += 1
        return after, trip

    with ExitStack() as held:
        for name in ("arrive", "attempt", "traded"):
            _stand_in(held, venue, name, step(getattr(venue, name)))
        _stand_in(held, books, "booked", entered)
        yield count


def _stand_in(held: ExitStack, module: Any, name: str, other: Callable[..., Any]) -> None:
    """Until the end, the other function is called; it calls the one that was there."""
    held.callback(setattr, module, name, getattr(module, name))
    setattr(module, name, other)


def _check_depth(before: Venue, outcome: Outcome) -> None:
    """Not more than is visible within what is visible, nor more than is modelled behind it."""
    order, seen = outcome.working.order, _facing(before, outcome.working.order)
    last = seen[-1].price
    takes = [x for x in outcome.executions if x.liquidity is Liquidity.TAKER]
    behind = _sum(x for x in takes if (x.price - last) * order.side.sign > 0)
    assert _sum(outcome.executions) - behind <= _sum(seen)
    if behind:
        assert len(seen) == DEPTH
        assert behind <= _sum(beyond(last, order.side, before.rules, Quantity(NONE)))


def _facing(before: Venue, order: Order) -> tuple[Level, ...]:
    assert before.book is not None
    return before.book.asks if order.side is Side.BUY else before.book.bids


def _only_makes(outcome: Outcome) -> bool:
    return all(x.liquidity is Liquidity.MAKER for x in outcome.executions)


def _sum(parts: Any) -> Decimal:
    return sum((part.quantity for part in parts), NONE)


def _held(account: Account) -> Decimal:
    position = account.position
    return NONE if position is None else position.side.sign * position.quantity
