"""What we ask of the venue, and the two things that can become of the asking."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.freshness import FreshBook
from domain.market import Side
from domain.units import Money, Nanos, Price, Quantity

NOTIONAL_MIN = Money(Decimal(10))
"""Smallest order that opens a position [USD]."""

NOTIONAL_MAX = Money(Decimal(1000))
"""Largest order that opens a position [USD]."""

LIQUIDATES = "Q"
"""First letter of the keys of the venue's own orders, by which it liquidates."""

ORDER_AGE_MAX = Nanos(10_000_000_000)
"""A market order that met no usable book by then expires [ns]."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When a position has done its work.

    Attributes:
        stop: price at which it has failed.
        target: price at which it has come true.
        expires: when it is closed whatever the price.
    """

    stop: Price
    target: Price
    expires: Nanos


class Kind(StrEnum):
    """What an order waits for before it trades, by Binance's names."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"


class Force(StrEnum):
    """How long a limit order stands, by Binance's names."""

    GTC = "GTC"
    """Until it is cancelled."""
    IOC = "IOC"
    """Take what is there at once, the rest expires."""
    FOK = "FOK"
    """All at once or nothing."""
    GTX = "GTX"
    """Post-only: rest in the book or be rejected."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order; one that closes is reduce-only.

    Attributes:
        id: our key; the same key is executed once, however often it arrives.
        at: when it was sent.
        side: which way.
        quantity: how much [base].
        reference: mid price it was decided on, or the price it waits for [quote per base].
        plan: what the position is for; None where the order closes it.
        reason: why, in a few words.
        kind: what it waits for.
        force: how long a limit order stands.
        level: a limit order's price, or what triggers a stop or a take-profit; None else.
    """

    id: str
    at: Nanos
    side: Side
    quantity: Quantity
    reference: Price
    plan: Plan | None
    reason: str
    kind: Kind = Kind.MARKET
    force: Force = Force.GTC
    level: Price | None = None

    @property
    def closes(self) -> bool:
        """Whether the order only reduces a position."""
        return self.plan is None

    @property
    def liquidates(self) -> bool:
        """Whether it is the venue's own, and pays the insurance fund."""
        return self.id.startswith(LIQUIDATES)

    @property
    def protects(self) -> bool:
        """Whether the order stands at the venue to end a position by its plan."""
        return self.closes and self.kind is not Kind.MARKET

    @property
    def notional(self) -> Money:
        """Value of the order at its reference price [quote currency]."""
        return Money(self.quantity * self.reference)


class Refusal(StrEnum):
    """Why an order stays here."""

    HALTED = "trading is halted"
    NOT_READY = "start criteria are not met"
    STALE_BOOK = "the book is older than 2 s"
    WIDE_SPREAD = "the spread is wider than 10 bps"
    THIN_BOOK = "less than 50,000 USD wait in the book"
    PRESSURE_AGAINST = "the book presses against the trade"
    LOW_CONFIDENCE = "confidence is below 70 %"
    TOO_SMALL = "the size is below the smallest order"
    TOO_LARGE = "the size is above the largest order"
    NO_BALANCE = "the wallet does not cover the order"
    POSITION_OPEN = "a position is open already"
    ON_ITS_WAY = "an order, or the word of one, is still on its way"
    PLAN_PASSED = "the price is beyond the plan's stop or target already"
    DRAWDOWN = "the drawdown limit is reached"
    NO_EDGE = "Kelly finds no edge and the probes of today are spent"


@dataclass(frozen=True, slots=True)
class Approved:
    """An order within every limit. The broker takes nothing else, and only `judge` makes one.

    Attributes:
        order: what was approved.
        book: what it was approved against.
    """

    order: Order
    book: FreshBook


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that stays here, and why."""

    order: Order
    reason: Refusal


Verdict = Approved | Refused
