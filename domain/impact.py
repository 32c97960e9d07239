"""What an order meets beyond the levels that we see.

The venue shows five levels; what waits behind them is modelled, from where the visible book ends.
Within a distance of d basis points beyond the last visible price there wait

    DEPTH_USD x d ^ DEPTH_POWER   [quote currency]

up to REACH_BPS; behind that we claim to know nothing, and an order's rest expires. The power law is
the line through the logarithms of the lower quartile of what was there in 467 sides of books of
BTCUSDT spot, rebuilt from snapshot and changes (2024-08-08, 23:54 to 24:00 UTC). `python -m
tests.benchmarks.impact` fits it anew and holds it against books that it was not fitted on. That
the density grows with the distance from the best price is what the literature finds too (Bouchaud,
Farmer, Lillo 2009, "How markets slowly digest changes in supply and demand"). Each step is told at
its far edge, so the price errs against us.
"""

import math
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from domain.instrument import Instrument, to_lot
from domain.market import Level, Side
from domain.units import BASIS_POINTS, Price, Quantity

DEPTH_USD = 102_622.0
"""What waits within the first basis point [quote currency]; fitted on 2026-11-22."""

DEPTH_POWER = 1.447
"""How the depth grows with the distance."""

REACH_BPS = 10.0
"""How far beyond the last visible price the model goes [basis points]."""

STEPS_BPS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, REACH_BPS)
"""Distances at which the modelled levels stand [basis points]."""


def depth(distance: float) -> float:
    """What waits within this distance of the last visible price [quote currency].

    Args:
        distance: basis points.
    """
    return DEPTH_USD * math.pow(min(distance, REACH_BPS), DEPTH_POWER)


def beyond(last: Price, side: Side, rules: Instrument, gone: Quantity) -> Iterator[Level]:
    """The modelled levels that an order of this side takes from, best first.

    Args:
        last: the last visible price.
        side: of the order.
        rules: the market's filters.
        gone: what we took of them before [base]; it is missing at the front.
    """
    before = 0.0
    for distance in STEPS_BPS:
        here = depth(distance)
        price = _price(last, side, rules, distance)
        quantity = to_lot(Decimal(here - before) / price, rules)
        before = here
        left = Quantity(quantity - min(gone, quantity))
        gone = Quantity(gone - min(gone, quantity))
        if left > 0:
            yield Level(price, left)


def _price(last: Price, side: Side, rules: Instrument, distance: float) -> Price:
    """The price so far away, rounded against the order, so that it is never the last one."""
    away = last * Decimal(distance) / BASIS_POINTS
    ticks = (away / rules.tick).to_integral_value(ROUND_CEILING)
    return Price(last + side.sign * ticks * rules.tick)
