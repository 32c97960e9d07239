"""Funding: what holding a perpetual future costs or pays, every eight hours."""

from decimal import ROUND_HALF_EVEN, Decimal

from domain.account import Position
from domain.execution import CENT
from domain.market import MarkPrice
from domain.units import HOUR, Money, Nanos, Price

PERIOD = Nanos(8 * HOUR)
"""USDⓈ-M settles BTCUSDT at 00:00, 08:00 and 16:00 UTC."""

USUAL_RATE = Decimal("0.0001")
"""The rate that Binance's formula tends to without a premium; used until one is known."""


def next_settlement(after: Nanos) -> Nanos:
    """The first settlement later than this moment.

    >>> next_settlement(Nanos(0)) // HOUR, next_settlement(Nanos(HOUR)) // HOUR
    (8, 8)
    """
    return Nanos((after // PERIOD + 1) * PERIOD)


def due(settled: Nanos, mark: MarkPrice | None) -> Nanos:
    """When a position that is settled up to this moment next pays or receives.

    The exchange's own `nextFundingTime` counts where it comes before the usual eight hours: it
    settles more often in wild markets.
    """
    usual = next_settlement(settled)
    return mark.settles if mark is not None and settled < mark.settles < usual else usual


def payment(position: Position, mark: Price, rate: Decimal) -> Money:
    """What the position receives at a settlement (pays where negative) [quote currency].

    Notional at the mark price times the rate; longs pay shorts while the rate is positive.
    """
    amount = -position.side.sign * mark * position.quantity * rate
    return Money(amount.quantize(CENT, ROUND_HALF_EVEN))
