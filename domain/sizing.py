"""How much to trade: Kelly over what really happened, within every limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.account import Marked, RoundTrip
from domain.drawdown import Guard, HighWater, drawdown, guard, risk_max, size_factor
from domain.execution import TAKER_FEE
from domain.instrument import Instrument, to_lot
from domain.orders import NOTIONAL_MAX, NOTIONAL_MIN, Refusal
from domain.signals import Signal
from domain.units import DAY, Price, Quantity

KELLY_TRADES_MIN = 10
"""Closed trades below which a win rate says nothing yet."""

PROBES_A_DAY = 24
"""Smallest-size trades allowed in 24 hours while Kelly has no, or no good, record to go by."""

VOLATILITY_TARGET = 0.02
"""Daily volatility from which positions shrink [fraction per day]."""

PROBE_MARGIN = Decimal("1.05")
"""A probe is this much above the smallest order, so that a falling price cannot undercut it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much to trade, and by which reasoning."""

    quantity: Quantity
    reason: str


def kelly(trips: Sequence[RoundTrip]) -> float | None:
    """Kelly's fraction f* = (b p - q) / b of the recent round trips.

    p is the share of winners, q = 1 - p, b the average gain of a winner over the average loss of a
    loser, both as returns on their notional (Kelly 1956, "A New Interpretation of Information
    Rate", in the mission's form). None with fewer than KELLY_TRADES_MIN trips.
    """
    if len(trips) < KELLY_TRADES_MIN:
        return None
    gains = [float(trip.pnl / trip.notional) for trip in trips]
    won = [gain for gain in gains if gain > 0]
    lost = [-gain for gain in gains if gain <= 0]
    if not won:
        return -1.0
    if not lost or sum(lost) == 0:
        return 1.0
    p = len(won) / len(gains)
    b = (sum(won) / len(won)) / (sum(lost) / len(lost))
    return (b * p - (1 - p)) / b


def volatility_factor(volatility: float) -> float:
    """min(1, .02 / realised 20-day volatility).

    >>> volatility_factor(0.04), volatility_factor(0.01)
    (0.5, 1.0)
    """
    return min(1.0, VOLATILITY_TARGET / volatility) if volatility > 0 else 1.0


def size(signal: Signal, marked: Marked, price: Price, rules: Instrument) -> Size | Refusal:
    """The quantity to open with, or why there is none.

    Risk is what is lost at the plan's stop, both fees included; it is at most f* of the equity,
    and never above the drawdown guard's limit, times the volatility factor. Where f* is unknown or
    not above zero, a trade of the smallest size probes the market, PROBES_A_DAY at most, so that
    the record from which Kelly is computed can begin and can recover.
    """
    mark = HighWater(marked.high_water, marked.deepest, marked.stopped)
    state = guard(mark, marked.equity)
    if state is Guard.STOPPED:
        return Refusal.DRAWDOWN
    fraction = kelly(marked.account.recent)
    if fraction is None or fraction <= 0:
        return _probe(marked, price, rules)
    risked = min(fraction, risk_max(state)) * volatility_factor(signal.volatility)
    risked *= size_factor(drawdown(mark, marked.equity))
    loss = abs(float(price - signal.stop)) / float(price) + 2 * float(TAKER_FEE)
    notional = min(Decimal(risked / loss) * marked.equity, NOTIONAL_MAX)
    if notional < NOTIONAL_MIN:
        return Refusal.TOO_SMALL
    return Size(to_lot(notional / price, rules), f"Kelly {fraction:.1%}, risking {risked:.2%}")


def _probe(marked: Marked, price: Price, rules: Instrument) -> Size | Refusal:
    limit = NOTIONAL_MIN * PROBE_MARGIN * 2
    spent = [
        trip
        for trip in marked.account.recent
        if trip.at > marked.at - DAY and trip.notional < limit
    ]
    if len(spent) >= PROBES_A_DAY:
        return Refusal.NO_EDGE
    quantity = to_lot(NOTIONAL_MIN * PROBE_MARGIN / price, rules, up=True)
    return Size(quantity, f"probe {len(spent) + 1} of {PROBES_A_DAY} in 24 h")
