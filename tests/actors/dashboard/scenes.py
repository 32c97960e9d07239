"""Messages that tests tell the dashboard: valid ones, with what does not matter filled in."""

from decimal import Decimal

import numpy as np

from actors.dashboard.fold import Fold
from actors.messages import (
    Connected,
    EndpointVitals,
    LineVitals,
    RoomVitals,
    Traffic,
    Vitals,
)
from domain.account import OPENING_BALANCE, Account, Marked, Position, RoundTrip
from domain.facts import (
    Checkpointed,
    Closed,
    Decided,
    Decision,
    Fact,
    Filled,
    Forecasted,
    Ingested,
    Liquidity,
    Mode,
    Ordered,
    OrderRefused,
    Progress,
    Ready,
    Signalled,
    Starting,
)
from domain.horizons import CONTEXT, LEVELS, STEPS, TIMEFRAMES, Timeframe
from domain.market import Book, Candle, Level, MarkPrice, Side, Ticker, Trade
from domain.microstructure import MarketQuality
from domain.orders import Plan, Refusal
from domain.signals import Direction, Forecast, Signal
from domain.units import HOUR, MINUTE, SECOND, Money, Nanos, Price, Quantity
from domain.version import VERSION

NOON = Nanos(1_740_830_400 * SECOND)
"""2025-03-01T12:00:00Z."""


class Outbox:
    """A mailbox that keeps what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def tell(self, message: object, /) -> None:
        self.told.append(message)


def after(seconds: float) -> Nanos:
    """So long after noon."""
    return Nanos(NOON + round(seconds * SECOND))


def a_book(at: Nanos = NOON, mid: str = "43247.82", *, modelled: bool = False) -> Book:
    middle, cent = Decimal(mid), Decimal("0.01")
    sizes = [Decimal(size) for size in ("0.51200", "1.20400", "0.08150", "2.75000", "0.33000")]
    bids = (Level(Price(middle - cent * (1 + 7 * i)), Quantity(s)) for i, s in enumerate(sizes))
    asks = (Level(Price(middle + cent * (1 + 9 * i)), Quantity(s)) for i, s in enumerate(sizes))
    return Book(at, tuple(bids), tuple(asks), modelled)


def a_trade(at: Nanos = NOON, price: str = "43247.82") -> Trade:
    quantity = Quantity(Decimal("0.012"))
    return Trade(at, 7, Price(Decimal(price)), quantity, buyer_is_maker=False)


def a_ticker(at: Nanos = NOON, price: str = "43247.82", change: float = 0.0034) -> Ticker:
    return Ticker(at, Price(Decimal(price)), change)


def a_quality(at: Nanos = NOON, *, modelled: bool = False) -> MarketQuality:
    return MarketQuality(at, 0.0231, 0.0412, 1.34, 486_200.0, 12.4, modelled)


def a_signal(at: Nanos = NOON, direction: Direction = Direction.LONG) -> Signal:
    return Signal(
        at=at,
        direction=direction,
        confidence=0.873,
        probability=0.581,
        expected_bps=4.2,
        by_timeframe=(1.2, 2.9, 6.4, 21.0, 18.0, -3.1),
        horizon=HOUR,
        stop=Price(Decimal(43000)),
        target=Price(Decimal(43600)),
        volatility=0.021,
    )


def a_forecast(at: Nanos = NOON, last: float = 43247.82) -> Forecast:
    steps = np.arange(CONTEXT, dtype=np.float64)
    wave = np.sin(steps / 17) * 60 + np.sin(steps / 5) * 25 + steps * 0.4
    closes = np.stack([last + (wave - wave[-1]) * (1 + i / 2) for i in range(len(TIMEFRAMES))])
    ahead = np.sqrt(np.array(STEPS, dtype=np.float64))
    levels = np.array(LEVELS) - 0.5
    quantiles = last + ahead[None, :, None] * (
        6 * (np.arange(6)[:, None, None] + 1) + 60 * levels[None, None, :]
    )
    return Forecast(at, closes, np.broadcast_to(quantiles, (6, 5, 13)), 0.021)


def a_position(side: Side = Side.BUY) -> Position:
    plan = Plan(Price(Decimal(43000)), Price(Decimal(43600)), Nanos(NOON + HOUR))
    return Position(
        side=side,
        quantity=Quantity(Decimal("0.02300")),
        cost=Money(Decimal("993.1400000")),
        opened=Nanos(NOON - 5 * MINUTE),
        plan=plan,
        costs=Money(Decimal("0.00")),
        gained=Money(Decimal(0)),
        settled=NOON,
    )


def a_marked(
    at: Nanos = NOON, *, wallet: str = "10127.34", position: Position | None = None
) -> Marked:
    balance = Money(Decimal(wallet))
    account = Account(
        wallet=balance,
        realised=Money(balance - OPENING_BALANCE),
        fees=Money(Decimal(0)),
        funding=Money(Decimal(0)),
        position=position,
        trades=47,
        wins=32,
        recent=tuple(map(a_trip, range(15))),
    )
    price = Price(Decimal("43247.82"))
    equity = account.equity(price)
    return Marked(at, account, price, equity, Money(max(equity, balance) * Decimal("1.0188")))


def started(mode: Mode = Mode.DEMO, *, book: str = "modelled") -> list[Fact]:
    """A program that has met every start criterion."""
    return [
        Starting(after(-80), mode, VERSION, book),
        *(Progress(after(-79), name, 1, 1, met=True, detail="") for name in ("model", "feed")),
        Ingested(after(-70), 6000, 1.24, 0),
        Ready(after(-60), "embedded", "5f3a9c21deadbeef", 8.1),
    ]


def starting() -> list[Fact]:
    """A program in the middle of its start."""
    return [
        Starting(after(-8), Mode.LIVE, VERSION, "real"),
        Progress(after(-7), "history", 6000, 6000, met=True, detail="candles"),
        *(
            Progress(
                after(-6), f"{timeframe} candles", 200, 200, met=True, detail="gap-free points"
            )
            for timeframe in TIMEFRAMES
        ),
        Progress(after(-6), "clock", 1, 1, met=True, detail="the exchange's is 3 ms ahead"),
        Progress(after(-5), "model", 1, 1, met=True, detail="amazon/chronos-bolt-small"),
        Progress(after(-1), "connection", 13, 30, met=False, detail="97% of the expected messages"),
        Progress(after(-1), "spread", 0, 1, met=False, detail="no book yet; below 20 bps"),
    ]


def trading() -> list[Fact]:
    """What a trade tells."""
    quantity = Quantity(Decimal("0.023"))
    price, paid = Price(Decimal("43180.00")), Price(Decimal("43180.10"))
    fee = Money(Decimal("0.3972"))
    taken = Liquidity.TAKER
    return [
        Signalled(after(-55), Direction.LONG, 0.873, 4.2, 0.581),
        Decided(after(-54), Decision.LONG_ENTRY, "Strong uptrend + low spread"),
        Ordered(after(-54), "E1", Side.BUY, quantity, "MARKET", price),
        Filled(after(-53.8), "E1", Side.BUY, paid, quantity, fee, taken, 121.0, 0.02),
        Checkpointed(after(-30), 12),
        Decided(after(-20), Decision.POSITION_HOLD, "stop 43000, target 43600"),
    ]


def a_trip(number: int) -> RoundTrip:
    side = Side.SELL if number % 3 == 0 else Side.BUY
    pnl = Money(Decimal(number * 37 % 100 - 35) / 10)
    entry = Price(Decimal(43_000 + number * 17))
    at, size = after(600 * number - 9000), Quantity(Decimal("0.023"))
    return RoundTrip(at, side, entry, size, pnl, Money(entry * size))


def a_fold(*facts: Fact, now: float = 0.5) -> Fold:
    """A fold that was told these facts."""
    fold = Fold()
    for fact in facts:
        fold.fact(fact)
    fold.tick(after(now))
    return fold


def a_trader(mode: Mode = Mode.DEMO, *, modelled: bool = False, now: float = 0.5) -> Fold:
    """A trader in the middle of its work, holding the mission's position."""
    fold = a_fold(*started(mode, book="modelled" if modelled else "real"), *trading())
    for second in range(-400, 0):
        wave = Decimal(int(400 * np.sin(second / 30))) / 100
        fold.market(a_marked(after(second), wallet=str(Decimal(10_125) + wave)))
    for second in range(-59, 1):
        fold.market(a_trade(after(second), price=str(Decimal("43247.82") + second)))
    for message in (
        a_book(after(0), modelled=modelled),
        a_ticker(after(0)),
        a_quality(after(0), modelled=modelled),
        a_forecast(after(-20)),
        a_signal(after(-20)),
        a_marked(after(0), position=a_position()),
    ):
        fold.market(message)
    fold.tick(after(now))
    return fold


def some_vitals(at: Nanos = NOON) -> Vitals:
    names = "Dashboard", "Broker", "Risk", "Microstructure", "Forecast", "Feed"
    seconds = (at - NOON) // SECOND
    rooms = (
        RoomVitals(f"{name}Actor", i == 4, 3 * i, 1200 * i, 0, (50 + 20 * i) * seconds, 0.1 + i)
        for i, name in enumerate(names)
    )
    return Vitals(at, tuple(rooms))


def some_lines(at: Nanos = NOON) -> LineVitals:
    return LineVitals(
        at,
        (
            EndpointVitals("ws", "wss://stream.binance.com:9443", "open", current=False),
            EndpointVitals("ws", "wss://stream.binance.com:443", "closed", current=True),
            EndpointVitals("rest", "https://api.binance.com", "closed", current=True),
        ),
    )


def a_candle(begin: float, price: float) -> Candle:
    """One minute, whose range is a little larger than its move."""
    open_, close = price, price + 9 * np.sin(begin / 300)
    four = (open_, max(open_, close) + 5, min(open_, close) - 4, close)
    first, high, low, last = (Price(Decimal(f"{value:.2f}")) for value in four)
    return Candle(Timeframe.M1, after(begin), first, high, low, last, Quantity(Decimal(1)))


def busy() -> Fold:
    """A trader that has worked for hours: every view has something to show."""
    fold = a_trader(Mode.LIVE)
    prices = 43_200 + np.cumsum(np.sin(np.arange(240) / 9) * 6)
    for minute, price in enumerate(prices):
        at = 60 * (minute - 240)
        if minute % 5 == 0:
            fold.market(a_forecast(after(at), float(price)))
        fold.market(a_candle(at, float(price)))
    for second in range(-300, 0):
        spread, pressure = 1 + np.sin(second / 20) / 2, 1.2 + np.sin(second / 35)
        figures = float(spread), 0.04, float(pressure), 400_000.0 + 900 * second
        fold.market(MarketQuality(after(second), *figures, 12.4, modelled=False))
    for took in range(40):
        fold.fact(Forecasted(after(took - 60), 80.0 + took, after(took - 60)))
    for number, code in enumerate(("WIDE_SPREAD", "PRESSURE_AGAINST", "WIDE_SPREAD")):
        fold.fact(OrderRefused(after(number - 40), f"E{number}", code, str(Refusal[code])))
    fold.fact(Closed(after(-600), Money(Decimal("-1.70")), "the signal has turned"))
    fold.market(a_forecast(after(-20)))
    fold.market(Connected(after(-3600), "wss://stream.binance.com:9443"))
    fold.market(MarkPrice(NOON, Price(Decimal("43251.10")), Decimal("0.0001"), after(3600)))
    fold.market(some_vitals(after(-1)))
    fold.market(Traffic(after(-10), 1_000_000))
    fold.market(Traffic(after(0), 1_214_000))
    fold.market(some_vitals())
    fold.market(some_lines())
    return fold
