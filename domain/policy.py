"""What to do now: the seven decisions, and the one gate through which every order passes."""

from dataclasses import dataclass
from decimal import Decimal

from domain.account import Marked, Position
from domain.execution import TAKER_FEE, touch
from domain.facts import Decision
from domain.freshness import fresh
from domain.horizons import CONFIDENCE_MIN
from domain.instrument import Instrument
from domain.margin import free_margin
from domain.market import Book, Side
from domain.microstructure import LIQUIDITY_MIN, PRESSURE_MIN, SPREAD_MAX, MarketQuality
from domain.orders import (
    NOTIONAL_MAX,
    NOTIONAL_MIN,
    Approved,
    Order,
    Plan,
    Refusal,
    Refused,
    Verdict,
)
from domain.signals import Direction, Signal
from domain.sizing import Size, size
from domain.terms import ROUND_TRIP_BPS, TERMS, Terms
from domain.units import MILLISECOND, SECOND, Nanos, Price


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision rests on.

    Attributes:
        now: market time.
        rules: the market's filters.
        book: newest book, None before the first.
        quality: newest measure of it.
        marked: newest state of the account.
        signal: newest signal.
        ready: every start criterion is met.
        halt: why nothing may be open; empty where trading is on.
        suspended: why nothing may go out, be it to open or to close; empty where it may.
        paused: a person wants nothing new opened.
        terms: the policy's numbers.
    """

    now: Nanos
    rules: Instrument
    book: Book | None = None
    quality: MarketQuality | None = None
    marked: Marked | None = None
    signal: Signal | None = None
    ready: bool = False
    halt: str = ""
    suspended: str = ""
    paused: bool = False
    terms: Terms = TERMS


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A decision, why, and the verdict on the order it proposes, if it proposes one."""

    state: Decision
    reason: str
    verdict: Verdict | None = None


def decide(seen: Situation) -> Verdicts:
    """What to do on a new signal."""
    marked, signal = seen.marked, seen.signal
    if marked is None or signal is None or not seen.ready:
        return Verdicts(Decision.ANALYZING, "start criteria are pending")
    if seen.suspended:
        return Verdicts(Decision.RISK_PAUSE, seen.suspended)
    if marked.account.position is not None:
        return _held(seen, marked.account.position, signal)
    if seen.halt or seen.paused or marked.stopped:
        return Verdicts(Decision.RISK_PAUSE, _pause(seen))
    poor = _poor(signal, seen.terms)
    return Verdicts(Decision.WAITING, poor) if poor else _entry(seen, marked, signal)


def _poor(signal: Signal, terms: Terms) -> str:
    """Why a signal is not worth its costs; empty where it is."""
    if signal.direction is Direction.FLAT or signal.confidence < CONFIDENCE_MIN:
        return f"confidence {signal.confidence:.1%} is below 70 %"
    if signal.probability < terms.entry:
        return f"a chance of {signal.probability:.1%} is below {terms.entry:.1%}"
    least = terms.promise * ROUND_TRIP_BPS
    if signal.promise_bps < least:
        return f"a promise of {signal.promise_bps:.1f} bps is below {least:.1f} bps"
    return ""


def _pause(seen: Situation) -> str:
    return seen.halt or ("paused by hand" if seen.paused else str(Refusal.DRAWDOWN))


def exit_due(seen: Situation) -> str:
    """Why an open position must be closed at once; empty where nothing says so.

    Its stop, its target and its time limit need no word of ours: they stand at the venue.
    """
    marked = seen.marked
    if marked is None or marked.account.position is None or seen.book is None or seen.suspended:
        return ""
    return seen.halt or (str(Refusal.DRAWDOWN) if marked.stopped else "")


def closing(seen: Situation, reason: str) -> Verdicts:
    """Close what is open; only a book that cannot fill it stands in the way."""
    assert seen.marked is not None
    assert seen.marked.account.position is not None
    assert seen.book is not None
    position = seen.marked.account.position
    order = Order(
        id=f"X{position.opened // MILLISECOND}-{seen.now // SECOND}",
        at=seen.now,
        side=position.side.opposite,
        quantity=position.quantity,
        reference=seen.book.mid,
        plan=None,
        reason=reason,
    )
    return Verdicts(Decision.CLOSE_POSITION, reason, judge(order, seen))


def judge(order: Order, seen: Situation) -> Verdict:
    """Approve the order, or say the first reason why not. Nothing else makes an `Approved`."""
    refusal = _too_small(order, seen) if order.closes else _entry_refusal(order, seen)
    book = fresh(seen.book, seen.now)
    if book is None:
        return Refused(order, refusal if refusal is Refusal.NOT_READY else Refusal.STALE_BOOK)
    return Approved(order, book) if refusal is None else Refused(order, refusal)


def _held(seen: Situation, position: Position, signal: Signal) -> Verdicts:
    if supported(position.side, signal) < seen.terms.leave:
        return closing(seen, "the signal has turned")
    return Verdicts(Decision.POSITION_HOLD, kept(position))


def supported(side: Side, signal: Signal) -> float:
    """The signal's chance that a position of this side gains from here on."""
    against = Direction.SHORT if side is Side.BUY else Direction.LONG
    return 1 - signal.probability if signal.direction is against else signal.probability


def kept(position: Position) -> str:
    """What a position that is held waits for, in a few words."""
    side = "long" if position.side is Side.BUY else "short"
    return f"{side}, stop {position.plan.stop}, target {position.plan.target}"


def _entry(seen: Situation, marked: Marked, signal: Signal) -> Verdicts:
    if seen.book is None:
        return Verdicts(Decision.WAITING, str(Refusal.STALE_BOOK))
    side = Side.BUY if signal.direction is Direction.LONG else Side.SELL
    # An order's value is told at the mid, so a short is sized there: at the bid it would be larger.
    price = seen.book.best_ask if side is Side.BUY else seen.book.mid
    sized = size(signal, marked, price, seen.rules)
    if isinstance(sized, Refusal):
        return Verdicts(Decision.WAITING, str(sized))
    order = _order(seen, signal, side, sized)
    verdict = judge(order, seen)
    if isinstance(verdict, Refused):
        return Verdicts(Decision.WAITING, str(verdict.reason), verdict)
    entry = Decision.LONG_ENTRY if side is Side.BUY else Decision.SHORT_ENTRY
    return Verdicts(entry, sized.reason, verdict)


def _order(seen: Situation, signal: Signal, side: Side, sized: Size) -> Order:
    assert seen.book is not None
    expires = Nanos(signal.at + min(signal.horizon, seen.terms.longest))
    return Order(
        id=f"E{signal.at // SECOND}",
        at=seen.now,
        side=side,
        quantity=sized.quantity,
        reference=seen.book.mid,
        plan=Plan(signal.stop, signal.target, expires),
        reason=sized.reason,
    )


def _too_small(order: Order, seen: Situation) -> Refusal | None:
    """What stands in the way of any order, also of one that closes; its book apart."""
    return Refusal.TOO_SMALL if order.quantity < seen.rules.lot else None


def _entry_refusal(order: Order, seen: Situation) -> Refusal | None:
    """What stands in the way of an order that opens a position."""
    marked, signal, quality = seen.marked, seen.signal, seen.quality
    if not seen.ready or marked is None or signal is None or quality is None:
        return Refusal.NOT_READY
    checks = (
        (bool(seen.halt or seen.suspended) or seen.paused, Refusal.HALTED),
        (marked.stopped, Refusal.DRAWDOWN),
        (marked.account.position is not None, Refusal.POSITION_OPEN),
        (marked.pending, Refusal.ON_ITS_WAY),
        (signal.confidence < CONFIDENCE_MIN, Refusal.LOW_CONFIDENCE),
        (quality.spread_bps >= SPREAD_MAX, Refusal.WIDE_SPREAD),
        (quality.liquidity < LIQUIDITY_MIN, Refusal.THIN_BOOK),
        (_pressed_against(order.side, quality), Refusal.PRESSURE_AGAINST),
        (_passed(order, seen.book), Refusal.PLAN_PASSED),
        (order.notional < max(NOTIONAL_MIN, seen.rules.notional_min), Refusal.TOO_SMALL),
        (order.notional > NOTIONAL_MAX, Refusal.TOO_LARGE),
        (order.notional * (1 + TAKER_FEE) > free_margin(marked.account), Refusal.NO_BALANCE),
    )
    first = (refusal for stands, refusal in checks if stands)
    return _too_small(order, seen) or next(first, None)


def _passed(order: Order, book: Book | None) -> bool:
    """Whether the plan is over before it begins."""
    if book is None or order.plan is None:
        return False
    price, sign = touch(book, order.side), order.side.sign
    return (price - order.plan.stop) * sign <= 0 or (price - order.plan.target) * sign >= 0


def _pressed_against(side: Side, quality: MarketQuality) -> bool:
    """Whether the other side of the book waits with more than PRESSURE_MIN times our side."""
    if side is Side.BUY:
        return quality.pressure < 1 / PRESSURE_MIN
    return quality.pressure > PRESSURE_MIN


def plan_from(price: Price, side: Side, now: Nanos, horizon: Nanos) -> Plan:
    """A plan for a position whose own was lost: out at 1.5 % either way, or after the horizon."""
    away = price * Decimal("0.015") * side.sign
    return Plan(Price(price - away), Price(price + away), Nanos(now + horizon))
