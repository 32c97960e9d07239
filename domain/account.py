"""The account: what the ledger's entries add up to."""

from dataclasses import dataclass
from decimal import Decimal

from domain.drawdown import HighWater, drawdown
from domain.market import Side
from domain.orders import Plan
from domain.units import Money, Nanos, Price, Quantity

OPENING_BALANCE = Money(Decimal(10_000))
"""What the virtual wallet starts with [USDT]."""

KELLY_WINDOW = 50
"""Closed trades from which the win rate is taken."""


@dataclass(frozen=True, slots=True)
class Position:
    """What we hold.

    Attributes:
        side: BUY for long, SELL for short.
        quantity: how much [base], above zero.
        cost: what was paid or received for it, before fees [quote currency].
        opened: when the first fill came.
        plan: when it ends.
        costs: fees less funding received so far [quote currency].
        gained: realised by what of it was closed already, before costs [quote currency].
        settled: up to when funding is booked.
    """

    side: Side
    quantity: Quantity
    cost: Money
    opened: Nanos
    plan: Plan
    costs: Money
    gained: Money
    settled: Nanos

    @property
    def entry(self) -> Price:
        """Average price of what we hold [quote per base]."""
        return Price(self.cost / self.quantity)

    def gain(self, price: Price) -> Money:
        """Unrealised gain at this price, before costs [quote currency]."""
        return Money((price * self.quantity - self.cost) * self.side.sign)


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A position from its first fill to flat; `pnl` is after all its costs."""

    at: Nanos
    side: Side
    entry: Price
    quantity: Quantity
    pnl: Money
    notional: Money


@dataclass(frozen=True, slots=True)
class Account:
    """Balances and what is held. Always: wallet = opening + realised - fees + funding.

    Attributes:
        wallet: balance [quote currency].
        realised: gains and losses of what was closed, before costs.
        fees: paid so far, positive.
        funding: received so far, negative when paid.
        position: what we hold, None when flat.
        trades: closed round trips ever.
        wins: those with a gain after costs.
        recent: the last KELLY_WINDOW round trips, oldest first.
        restated: what a restored document's total PnL differs from its wallet by.
    """

    wallet: Money
    realised: Money
    fees: Money
    funding: Money
    position: Position | None
    trades: int
    wins: int
    recent: tuple[RoundTrip, ...]
    restated: Money = Money(Decimal(0))  # noqa: RUF009 - a NewType call is the value itself

    @property
    def pnl(self) -> Money:
        """All gains and losses after costs [quote currency]."""
        return Money(self.wallet - OPENING_BALANCE + self.restated)

    @property
    def win_rate(self) -> float:
        """Share of the recent round trips that gained after costs; 0 before the first."""
        won = sum(trip.pnl > 0 for trip in self.recent)
        return won / len(self.recent) if self.recent else 0.0

    def equity(self, price: Price | None) -> Money:
        """Wallet plus the unrealised gain at this price [quote currency]."""
        if self.position is None or price is None:
            return self.wallet
        return Money(self.wallet + self.position.gain(price))


@dataclass(frozen=True, slots=True)
class Marked:
    """The account marked to market at one moment.

    Attributes:
        at: when.
        account: the balances.
        price: what the position is valued at; None before the first book.
        equity: wallet plus unrealised gain [quote currency].
        high_water: highest equity ever [quote currency].
        deepest: greatest drawdown since then [fraction].
        stopped: the drawdown limit was reached and nobody has resumed trading since.
        last_order: key of the newest order the broker knows; empty before the first.
        pending: an order is on its way.
        ended: why the last position was closed; empty before the first.
    """

    at: Nanos
    account: Account
    price: Price | None
    equity: Money
    high_water: Money
    deepest: float = 0.0
    stopped: bool = False
    last_order: str = ""
    pending: bool = False
    ended: str = ""

    @property
    def mark(self) -> HighWater:
        """The drawdown guard's memory."""
        return HighWater(self.high_water, self.deepest, self.stopped)

    @property
    def drawdown(self) -> float:
        """How far equity stands below its high-water mark [fraction]."""
        return drawdown(self.mark, self.equity)
