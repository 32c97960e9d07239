"""The market's own rules for an order, and what a quantity is rounded to."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal

from domain.units import Money, Price, Quantity


@dataclass(frozen=True, slots=True)
class Band:
    """Between which multiples of the market's price a limit price may lie."""

    lowest: Decimal
    highest: Decimal


WIDE = Band(Decimal("0.2"), Decimal(5))
"""The bounds of Binance spot BTCUSDT, for either side."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One symbol and its filters, as Binance's `exchangeInfo` states them.

    Attributes:
        symbol: the venue's name.
        tick: prices are multiples of it (PRICE_FILTER).
        lot: quantities are multiples of it (LOT_SIZE).
        notional_min: smallest order [quote currency] (NOTIONAL).
        buys: bounds of a purchase's price (PERCENT_PRICE_BY_SIDE or PERCENT_PRICE).
        sells: likewise of a sale's.
    """

    symbol: str
    tick: Price
    lot: Quantity
    notional_min: Money
    buys: Band = WIDE
    sells: Band = WIDE


BTCUSDT = Instrument(
    "BTCUSDT", Price(Decimal("0.01")), Quantity(Decimal("0.00001")), Money(Decimal(5))
)
"""Binance spot BTCUSDT as of 2026-06; where the exchange answers, what it says goes before this."""


def to_lot(quantity: Decimal, instrument: Instrument, *, up: bool = False) -> Quantity:
    """The quantity as a multiple of the lot, rounded down unless `up`.

    >>> to_lot(Decimal("0.0001234"), BTCUSDT), to_lot(Decimal("0.0001234"), BTCUSDT, up=True)
    (Decimal('0.00012'), Decimal('0.00013'))
    """
    lots = (quantity / instrument.lot).to_integral_value(ROUND_UP if up else ROUND_DOWN)
    return Quantity(lots * instrument.lot)


def to_tick(price: Decimal | float, instrument: Instrument) -> Price:
    """The nearest price that the venue would take.

    >>> to_tick(100.128, BTCUSDT)
    Decimal('100.13')
    """
    ticks = (Decimal(price) / instrument.tick).to_integral_value(ROUND_HALF_EVEN)
    return Price(ticks * instrument.tick)
