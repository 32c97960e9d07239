"""How much to trade: Kelly over what really happened, within every limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.account import KELLY_WINDOW, Marked, RoundTrip
from domain.drawdown import Guard, guard, risk_max, size_factor
from domain.execution import ROUND_TRIP
from domain.instrument import Instrument, to_lot
from domain.orders import NOTIONAL_MAX, NOTIONAL_MIN, Refusal
from domain.signals import Signal
from domain.units import DAY, Price, Quantity

PROBES_A_DAY = 24
"""Smallest-size trades allowed in 24 hours while Kelly finds no edge."""

VOLATILITY_TARGET = 0.02
"""Daily volatility from which positions shrink [fraction per day]."""

PROBE_MARGIN = Decimal("1.05")
"""A probe is this much above the smallest order, so that a falling price cannot undercut it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much to trade, and by which reasoning."""

    quantity: Quantity
    reason: str


@dataclass(frozen=True, slots=True)
class Odds:
    """What may come of a trade.

    Attributes:
        chance: of gaining.
        gain: average gain of a winner after costs [fraction of notional].
        loss: average loss of a loser after costs, positive [fraction of notional].
    """

    chance: float
    gain: float
    loss: float


def fraction(odds: Odds) -> float:
    """Kelly's f* = (b p - q) / b with b = gain / loss; -1 where nothing can be gained.

    Kelly 1956, "A New Interpretation of Information Rate", in the mission's form.

    >>> round(fraction(Odds(2 / 3, 0.02, 0.01)), 6)
    0.5
    """
    if odds.gain <= 0:
        return -1.0
    return odds.chance - (1 - odds.chance) * odds.loss / odds.gain


def record(trips: Sequence[RoundTrip], before: Odds) -> Odds:
    """The odds that round trips showed; what they cannot show is as it was thought before."""
    gains = [float(trip.pnl / trip.notional) for trip in trips]
    won = [gain for gain in gains if gain > 0]
    lost = [-gain for gain in gains if gain <= 0]
    chance = len(won) / len(gains) if gains else before.chance
    gain = sum(won) / len(won) if won else before.gain
    return Odds(chance, gain, sum(lost) / len(lost) if lost else before.loss)


def promised(signal: Signal, price: Price) -> Odds:
    """The odds as the forecast sees them: its chance to be right, its plan's target and stop.

    The chance is `probability`, read off the forecast's own distributions; the signal's confidence
    is how far the forecasts agree and says nothing about odds. Costs are taker fees both ways.
    """
    target = abs(float(signal.target / price) - 1) - ROUND_TRIP
    return Odds(signal.probability, target, _loss(signal, price))


def believed(trips: Sequence[RoundTrip], forecast: Odds) -> Odds:
    """What really happened, and for as long as that is little, what the forecast promises.

    With n of KELLY_WINDOW round trips they weigh n / KELLY_WINDOW; from then on only they count.
    """
    seen, weight = record(trips, forecast), min(1.0, len(trips) / KELLY_WINDOW)
    return Odds(
        weight * seen.chance + (1 - weight) * forecast.chance,
        weight * seen.gain + (1 - weight) * forecast.gain,
        weight * seen.loss + (1 - weight) * forecast.loss,
    )


def volatility_factor(volatility: float) -> float:
    """min(1, .02 / realised 20-day volatility).

    >>> volatility_factor(0.04), volatility_factor(0.01)
    (0.5, 1.0)
    """
    return min(1.0, VOLATILITY_TARGET / volatility) if volatility > 0 else 1.0


def size(signal: Signal, marked: Marked, price: Price, rules: Instrument) -> Size | Refusal:
    """The quantity to open with, or why there is none.

    Risk is what is lost at the plan's stop, both fees included; it is at most f* of the equity,
    and never above the drawdown guard's limit, times the volatility factor. Where f* is not above
    zero, or asks for less than the smallest order, a trade of that size probes the market,
    PROBES_A_DAY at most, so that the record from which Kelly is computed can recover. The budget of
    the probes: 24 of about 10.50 USD, so that a day of nothing but full losses at 1.5 % costs 4
    USD, 0.04 % of the opening balance.
    """
    state = guard(marked.mark, marked.equity)
    if state is Guard.STOPPED:
        return Refusal.DRAWDOWN
    edge = fraction(believed(marked.account.recent, promised(signal, price)))
    if edge <= 0:
        return _probe(marked, price, rules)
    risked = min(edge, risk_max(state)) * volatility_factor(signal.volatility)
    risked *= size_factor(marked.drawdown)
    notional = min(Decimal(risked / _loss(signal, price)) * marked.equity, NOTIONAL_MAX)
    if notional < NOTIONAL_MIN:
        return _probe(marked, price, rules) if edge < risk_max(state) else Refusal.TOO_SMALL
    return Size(to_lot(notional / price, rules), f"Kelly {edge:.1%}, risking {risked:.2%}")


def _loss(signal: Signal, price: Price) -> float:
    """What a trade at this price loses at the plan's stop, both fees included [fraction]."""
    return abs(float(signal.stop / price) - 1) + ROUND_TRIP


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
