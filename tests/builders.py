"""Values for tests: valid by default, each test names only what matters to it."""

from decimal import Decimal

import numpy as np

from domain.account import Account, Marked, Position, RoundTrip
from domain.freshness import FreshBook
from domain.horizons import CONTEXT, LEVELS, STEPS, TIMEFRAMES, Timeframe
from domain.ledger import NOTHING, Entry, booked, opening
from domain.market import Book, Candle, Level, Origin, Side, Trade
from domain.microstructure import MarketQuality
from domain.orders import Approved, Order, Plan
from domain.signals import Direction, Forecast, Signal
from domain.units import HOUR, MINUTE, SECOND, Floats, Money, Nanos, Price, Quantity

NOON = Nanos(1_740_830_400 * SECOND)
"""2025-03-01T12:00:00Z."""


def price(text: str | int) -> Price:
    return Price(Decimal(text))


def quantity(text: str) -> Quantity:
    return Quantity(Decimal(text))


def money(text: str | int) -> Money:
    return Money(Decimal(text))


def a_book(
    *, at: int = NOON, bid: str = "99.99", ask: str = "100.01", size: str = "300", levels: int = 5
) -> FreshBook:
    """A book as it is when it comes: no older than itself."""
    step = Decimal("0.01")
    each = quantity(size)
    bids = tuple(Level(Price(Decimal(bid) - step * n), each) for n in range(levels))
    asks = tuple(Level(Price(Decimal(ask) + step * n), each) for n in range(levels))
    return FreshBook(Book(Nanos(at), bids, asks))


def a_trade(*, at: int = NOON, size: str = "0.5") -> Trade:
    return Trade(Nanos(at), 1, price(100), quantity(size), buyer_is_maker=False)


def a_candle(
    *,
    open_time: int = NOON,
    timeframe: Timeframe = Timeframe.M1,
    close: str = "100",
    kind: Origin = Origin.REAL,
) -> Candle:
    top, bottom = max(price(close), price(100)), min(price(close), price(100))
    return Candle(
        timeframe, Nanos(open_time), price(100), top, bottom, price(close), quantity("1"), kind
    )


def candles(count: int, *, first: int = NOON, timeframe: Timeframe = Timeframe.M1) -> list[Candle]:
    """Consecutive candles, the first one opening at `first`."""
    return [
        a_candle(open_time=first + n * timeframe.span, timeframe=timeframe, close=str(100 + n % 7))
        for n in range(count)
    ]


def a_history(at: int = NOON, count: int = 1000) -> list[Candle]:
    """Candles of each timeframe that were complete at this moment."""
    return [
        candle
        for timeframe in TIMEFRAMES
        for candle in candles(
            count,
            first=at // timeframe.span * timeframe.span - count * timeframe.span,
            timeframe=timeframe,
        )
    ]


def a_plan(*, stop: str = "99", target: str = "101", expires: int = NOON + HOUR) -> Plan:
    return Plan(price(stop), price(target), Nanos(expires))


def an_order(
    *,
    key: str = "E1",
    side: Side = Side.BUY,
    size: str = "0.5",
    at: int = NOON,
    closes: bool = False,
) -> Order:
    purpose = None if closes else a_plan()
    return Order(key, Nanos(at), side, quantity(size), price(100), purpose, "because")


def approved(order: Order) -> Approved:
    """The order with Risk's leave."""
    return Approved(order, a_book(at=order.at))


def an_entry(sequence: int = 1, *, at: int = NOON, order: str = "E1") -> Entry:
    blank = opening(Nanos(at))
    return Entry(sequence, Nanos(at), blank.cause, order, ())


def an_account(*, position: Position | None = None, recent: tuple[RoundTrip, ...] = ()) -> Account:
    fresh, _ = booked(NOTHING, opening(NOON))
    return Account(
        fresh.wallet,
        fresh.realised,
        fresh.fees,
        fresh.funding,
        position,
        len(recent),
        sum(trip.pnl > 0 for trip in recent),
        recent,
    )


def a_position(
    *, side: Side = Side.BUY, size: str = "0.5", entry: str = "100", plan: Plan | None = None
) -> Position:
    cost = Money(Decimal(entry) * Decimal(size))
    zero = money(0)
    return Position(side, quantity(size), cost, NOON, plan or a_plan(), zero, zero, NOON)


def a_trip(*, pnl: str = "1", at: int = NOON - HOUR, notional: str = "100") -> RoundTrip:
    return RoundTrip(Nanos(at), Side.BUY, price(100), quantity("1"), money(pnl), money(notional))


def marked(
    account: Account | None = None,
    *,
    at: int = NOON,
    equity: str = "10000",
    high_water: str = "10000",
    stopped: bool = False,
) -> Marked:
    return Marked(
        Nanos(at),
        account or an_account(),
        price(100),
        money(equity),
        money(high_water),
        stopped=stopped,
    )


def a_quality(
    *, spread_bps: float = 1.0, pressure: float = 1.0, liquidity: float = 300_000.0
) -> MarketQuality:
    return MarketQuality(NOON, spread_bps, spread_bps, pressure, liquidity, 1.0, modelled=False)


def a_signal(  # noqa: PLR0913 - each names itself
    *,
    at: int = NOON,
    direction: Direction = Direction.LONG,
    confidence: float = 0.9,
    probability: float = 0.6,
    promise_bps: float = 20.0,
    stop: str = "99",
    target: str = "101",
) -> Signal:
    return Signal(
        at=Nanos(at),
        direction=direction,
        confidence=confidence,
        probability=probability,
        expected_bps=1.0,
        by_timeframe=(1.0,) * 6,
        horizon=Nanos(15 * MINUTE),
        stop=price(stop),
        target=price(target),
        volatility=0.02,
        promise_bps=promise_bps,
    )


def some_closes(seed: int = 1, level: float = 100.0) -> Floats:
    """Random walks, shape (6, 200)."""
    steps = np.random.default_rng(seed).normal(0, 1e-3, (len(TIMEFRAMES), CONTEXT))
    return np.asarray(level * np.exp(np.cumsum(steps, axis=1)))


def a_forecast(
    *, shift: float = 0.0, width: float = 0.01, closes: Floats | None = None
) -> Forecast:
    """Distributions symmetric in log price around a shifted last close."""
    held = some_closes() if closes is None else closes
    around = (np.array(LEVELS) - 0.5) * width  # (13,)
    moves = shift + around[None, None, :] * np.sqrt(np.array(STEPS))[None, :, None]  # (1, 5, 13)
    return Forecast(NOON, held, held[:, -1][:, None, None] * np.exp(moves), 0.02)
