"""What must stand at the venue so that a position ends by its plan, whoever of us is dead by then.

Stop and target are orders at the venue, both reduce-only: the stop a STOP_MARKET, the target a
post-only limit order that rests at its price. The time limit is kept by who holds the orders.
"""

from dataclasses import dataclass

from domain.account import Position
from domain.execution import touch
from domain.freshness import FreshBook, fresh
from domain.instrument import Instrument, to_tick
from domain.orders import Force, Kind, Order
from domain.units import MILLISECOND, Nanos, Price
from domain.venue import Stage, Venue, Working

TARGETS = (Kind.LIMIT, Kind.TAKE_PROFIT_MARKET)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to send so that the venue holds what it should: orders, and keys to cancel."""

    orders: tuple[Order, ...] = ()
    cancels: tuple[str, ...] = ()


def wanted(position: Position | None, venue: Venue, now: Nanos) -> Wanted:
    """What is missing at the venue, or stands there for nothing."""
    closing = [x for x in venue.working if x.order.closes]
    if position is None:
        return Wanted(cancels=tuple(x.order.id for x in closing if _idle(x)))
    if any(_takes(x) for x in closing):
        return Wanted()
    book = fresh(venue.book, now)
    if book is None:
        return Wanted()
    kinds = {x.order.kind for x in closing}
    write = _Writer(position, book, venue.rules, now)
    if now >= position.plan.expires:
        return Wanted((write.out("L", "time limit"),))
    if Kind.STOP_MARKET not in kinds and write.past_stop:
        return Wanted((write.out("L", f"stop {position.plan.stop}"),))
    stop = () if Kind.STOP_MARKET in kinds else (write.stop(),)
    target = () if kinds.intersection(TARGETS) else (write.target(),)
    return Wanted((*stop, *target))


def _idle(working: Working) -> bool:
    return working.stage in {Stage.WAITS, Stage.RESTS} and working.cancels is None


def _takes(working: Working) -> bool:
    return working.stage is Stage.TAKES or working.order.kind is Kind.MARKET


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the orders that end one position."""

    position: Position
    book: FreshBook
    rules: Instrument
    now: Nanos

    @property
    def past_stop(self) -> bool:
        """Whether the price has gone where the stop should have been."""
        return (self._touch - self.position.plan.stop) * self.position.side.sign <= 0

    @property
    def _touch(self) -> Price:
        return touch(self.book, self.position.side.opposite)

    def stop(self) -> Order:
        """Out at the market when the plan has failed."""
        level = to_tick(self.position.plan.stop, self.rules)
        return self._order("S", f"stop {level}", Kind.STOP_MARKET, level)

    def target(self) -> Order:
        """Out as maker when it has come true; at the market where the price is there already."""
        level = to_tick(self.position.plan.target, self.rules)
        there = (self._touch - level) * self.position.side.sign >= 0
        kind = Kind.TAKE_PROFIT_MARKET if there else Kind.LIMIT
        return self._order("T", f"target {level}", kind, level)

    def out(self, letter: str, reason: str) -> Order:
        """Out at the market, now."""
        return self._order(letter, reason, Kind.MARKET, None)

    def _order(self, letter: str, reason: str, kind: Kind, level: Price | None) -> Order:
        return Order(
            id=f"{letter}{self.position.opened // MILLISECOND}-{self.now // MILLISECOND}",
            at=self.now,
            side=self.position.side.opposite,
            quantity=self.position.quantity,
            reference=self.book.mid if level is None else level,
            plan=None,
            reason=reason,
            kind=kind,
            force=Force.GTX if kind is Kind.LIMIT else Force.GTC,
            level=level,
        )
