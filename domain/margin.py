"""Isolated margin: what a position holds of the wallet, and where it is liquidated.

Formulas and worked examples: Binance, "How to Calculate Liquidation Price of USDⓈ-M Futures
Contracts" (binance.com/en/support/faq/b3c689c1f50a44cabb3a84e663b81d93), with TMM = UPNL = 0, as
the page says for isolated margin.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from domain.account import Account, Position
from domain.execution import CENT
from domain.market import Side
from domain.units import Money, Price, Quantity

LEVERAGE = Decimal(1)
"""Notional per margin; the mission asks for no borrowed money."""

LIQUIDATION_FEE = Decimal("0.0125")
"""Insurance clearance fee of BTCUSDT [fraction of notional] (`liquidationFee` in exchangeInfo)."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One bracket of maintenance margin.

    Attributes:
        floor: notional from which it applies [quote currency].
        rate: maintenance margin [fraction of notional].
        amount: what is taken off again, so that the margin has no step between tiers
            [quote currency].
    """

    floor: Money
    rate: Decimal
    amount: Money


def _tiers(*rows: tuple[int, str]) -> tuple[Tier, ...]:
    """The brackets; amount n = amount n-1 + floor n x (rate n - rate n-1)."""
    tiers: list[Tier] = []
    for floor, text in rows:
        rate, amount = Decimal(text), Decimal(0)
        if tiers:
            amount = tiers[-1].amount + floor * (rate - tiers[-1].rate)
        tiers.append(Tier(Money(Decimal(floor)), rate, Money(amount)))
    return tuple(tiers)


BTCUSDT_TIERS = _tiers(
    (0, "0.004"),
    (50_000, "0.005"),
    (250_000, "0.01"),
    (1_000_000, "0.025"),
    (10_000_000, "0.05"),
    (20_000_000, "0.1"),
    (50_000_000, "0.125"),
    (100_000_000, "0.15"),
    (200_000_000, "0.25"),
    (300_000_000, "0.5"),
)
"""BTCUSDT as of 2021-03-18 09:00 UTC: Binance, "Updates to Leverage and Margin Tiers of Binance
Futures Contracts (2021-03-18)", binance.com/support/announcement/86cf9aa472574b8cb2e05bb751c2a9a6.
Binance has widened the tiers since and tells today's only to who has an account (`leverageBracket`
asks for a key). The first, in which our orders of at most 1,000 USD stand, has asked for 0.4 % ever
since."""


def tier(notional: Money) -> Tier:
    """The bracket that a position of this value stands in."""
    return next(x for x in reversed(BTCUSDT_TIERS) if notional >= x.floor)


def initial_margin(position: Position) -> Money:
    """What the position holds of the wallet [quote currency]."""
    return Money((position.cost / LEVERAGE).quantize(CENT, ROUND_HALF_EVEN))


def free_margin(account: Account) -> Money:
    """What the wallet has left for another position [quote currency]."""
    held = initial_margin(account.position) if account.position is not None else Decimal(0)
    return Money(account.wallet - held)


def maintenance_margin(notional: Money) -> Money:
    """What a position of this value must keep, or be liquidated [quote currency].

    >>> maintenance_margin(Money(Decimal(1000))), maintenance_margin(Money(Decimal(500_000)))
    (Decimal('4.000'), Decimal('3700.000'))
    """
    bracket = tier(notional)
    return Money(notional * bracket.rate - bracket.amount)


def margin_ratio(position: Position, mark: Price) -> float:
    """Maintenance margin over what backs the position; liquidated from 1 on [fraction]."""
    backing = initial_margin(position) + position.gain(mark)
    needed = maintenance_margin(Money(mark * position.quantity))
    return float(needed / backing) if backing > 0 else 1.0


def liquidation_price(position: Position) -> Price:
    """Mark price at which the position's margin is used up; 0 where no price is that low.

    The bracket is the one at the liquidation price itself, as the page asks for; for a position of
    many millions two could fit, and the price that comes first counts.
    """
    margin = initial_margin(position)
    tried = (
        (x, liquidation(position.side, position.quantity, position.entry, margin, x))
        for x in BTCUSDT_TIERS
    )
    fit = (price for x, price in tried if tier(Money(price * position.quantity)) == x)
    return next(fit, Price(Decimal(0)))


def liquidation(
    side: Side, quantity: Quantity, entry: Price, margin: Money, bracket: Tier
) -> Price:
    """LP = (WB + cum - side x q x EP) / (q x (MMR - side)); 0 where no price is that low."""
    sign = side.sign
    above = margin + bracket.amount - sign * quantity * entry
    return Price(max(Decimal(0), above / (quantity * (bracket.rate - sign))))


def liquidated(position: Position, mark: Price) -> bool:
    """Whether this mark price uses up the margin of the position."""
    return margin_ratio(position, mark) >= 1


def liquidation_fee(price: Price, quantity: Quantity) -> Money:
    """What the insurance fund takes [quote currency]."""
    return Money((price * quantity * LIQUIDATION_FEE).quantize(CENT, ROUND_HALF_EVEN))
