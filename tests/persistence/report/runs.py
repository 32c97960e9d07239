"""A small run as a trader leaves it: ledger, candles, log."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist

import numpy as np

from domain.candles import aggregate
from domain.drawdown import HighWater
from domain.execution import fee
from domain.facts import (
    Accounted,
    Closed,
    Decided,
    Decision,
    Fact,
    Filled,
    Liquidity,
    Mode,
    OrderRefused,
    Ready,
    Signalled,
    Starting,
    Stopped,
)
from domain.horizons import CONTEXT, LEVELS, STEPS, TIMEFRAMES, Timeframe
from domain.ledger import NOTHING, Entry, Movement, booked, fill, funding, opening
from domain.market import Candle, Side
from domain.orders import Order
from domain.signals import Direction, Forecast
from domain.units import MILLISECOND, MINUTE, Money, Nanos, Price
from persistence.candles import CandleStore
from persistence.checkpoints import SCHEMA, Checkpoint, CheckpointStore
from persistence.environment import open_environment
from persistence.forecasts import ForecastStore
from persistence.home import Home
from persistence.journal import Journal, encode
from persistence.ledger import LedgerStore
from tests.builders import NOON, a_plan, an_entry, candles, money, price, quantity

MINUTES = 120
"""How long the run lasts."""

Books = tuple[tuple[Entry, ...], tuple[Order, ...]]


def books(*exits: str, funded: str = "0") -> Books:
    """One trade an exit price, each for 0.5 bought at 100.02, the mid being 100.

    Every third is a short. Each lasts ten minutes and comes half an hour after the one before.
    """
    entries, orders, account = [opening(NOON)], list[Order](), NOTHING
    account, _ = booked(account, entries[0])
    for number, way_out in enumerate(exits):
        side = Side.SELL if number % 3 == 2 else Side.BUY
        begun = NOON + number * 30 * MINUTE + 5 * MINUTE
        steps = ((side, "100.02", begun), (side.opposite, way_out, begun + 10 * MINUTE))
        for turn, (way, at_price, at) in enumerate(steps):
            order = an_order(f"{'EX'[turn]}{number}", way, Nanos(at), closes=bool(turn))
            orders.append(order)
            movement = Movement(way, order.quantity, price(at_price), order.plan)
            blank = an_entry(len(entries), at=at + 100 * MILLISECOND, order=order.id)
            entries.append(fill(account, movement, fee(price(at_price), order.quantity), blank))
            account, _ = booked(account, entries[-1])
            if not turn and funded != "0":
                blank = an_entry(len(entries), at=at + MINUTE, order="")
                entries.append(funding(money(funded), blank))
                account, _ = booked(account, entries[-1])
    return tuple(entries), tuple(orders)


def an_order(key: str, side: Side, at: Nanos, *, closes: bool) -> Order:
    plan = None if closes else a_plan()
    return Order(key, at, side, quantity("0.5"), price(100), plan, "time limit" if closes else "go")


def a_home(path: Path, *exits: str, market: str = "replay-x-2025", prices: bool = True) -> Home:
    """A HOME that holds such a run, with a checkpoint at its end and no log."""
    entries, orders = books(*exits)
    with Home(path) as home, closing(open_environment(home.store)) as environment:
        (path / "market").write_text(market + "\n", encoding="utf-8")
        ledger, account = LedgerStore(environment), NOTHING
        for order in orders:
            ledger.send(order)
        for entry in entries:
            account, trip = booked(account, entry)
            ledger.append(entry, trip, done=entry.order)
        if prices:
            CandleStore(environment).put(candles(MINUTES))
        end, mark = Nanos(NOON + MINUTES * MINUTE), HighWater(money(10_000))
        checkpoint = Checkpoint(0, end, SCHEMA, len(entries), account, mark)
        CheckpointStore(environment).put(checkpoint)
    return home


STEP = 5e-4
"""Deviation of a minute's move in the market that is forecast [log]."""

BEFORE = 300
"""Minutes of that market before the run."""


def a_walk(seed: int = 2) -> list[Candle]:
    """A market without a direction, by the minute, from BEFORE the run to its end."""
    moves = np.random.default_rng(seed).normal(0, STEP, BEFORE + MINUTES)
    closes = 100 * np.exp(np.cumsum(moves))
    return [_still(n - BEFORE, price(f"{x:.4f}")) for n, x in enumerate(closes.tolist())]


def _still(number: int, at: Price) -> Candle:
    """A minute of the run that stays at one price."""
    return Candle(Timeframe.M1, Nanos(NOON + number * MINUTE), at, at, at, at, quantity("1"))


def foretold(home: Home, *, wide: float = 1.0) -> None:
    """Add a forecast each minute: the truth about such a market, or so many times as wide."""
    minutes = a_walk()
    deviates = [NormalDist().inv_cdf(level) for level in LEVELS]
    ahead = np.sqrt(STEPS)[:, None] * np.array(deviates) * STEP * wide  # (5, 13)
    with closing(open_environment(home.store)) as environment:
        candles, store = CandleStore(environment), ForecastStore(environment)
        for timeframe in TIMEFRAMES:
            candles.put(aggregate(minutes, timeframe))
        for number in range(BEFORE, BEFORE + MINUTES):
            last = float(minutes[number].close)
            each = [last * np.exp(ahead * np.sqrt(x.minutes)) for x in TIMEFRAMES]
            closes = np.full((len(TIMEFRAMES), CONTEXT), last)
            at = minutes[number].close_time
            store.put(Forecast(at, closes, np.array(each), 0.02), "9c4c")


def log(home: Home, *facts: Fact, mode: Mode = Mode.REPLAY) -> None:
    """Write facts as the program does."""
    journal = Journal(home.log)
    for fact in facts:
        journal.append(fact.at, encode(fact, mode))
    journal.close()


def facts(*exits: str, mode: Mode = Mode.REPLAY) -> list[Fact]:
    """What the program says of such a run, minute by minute."""
    entries, _ = books(*exits)
    told: list[Fact] = [
        Starting(NOON, mode, "3.0.0", "modelled"),
        Ready(NOON, "embedded", "9c4c", 1.0),
    ]
    for minute in range(MINUTES):
        at = Nanos(NOON + minute * MINUTE)
        told.append(Signalled(at, Direction.LONG, 0.6 + 0.2 * (minute % 2), 3.0, 0.55))
        told.append(Decided(at, Decision.WAITING, f"confidence {minute}.1% is below 70 %"))
        told.append(Accounted(at, *_worth(entries, at), 0.0))
    told.append(OrderRefused(NOON, "E0", "STALE_BOOK", "the book is <b>older</b> than 2 s"))
    told += [_filled(entry, entry.movement) for entry in entries if entry.movement is not None]
    told.append(Closed(Nanos(NOON + MINUTE), money(1), "time limit"))
    told.append(Stopped(Nanos(NOON + MINUTES * MINUTE), 0.1))
    return sorted(told, key=lambda fact: fact.at)


def _filled(entry: Entry, movement: Movement) -> Filled:
    paid, latency = fee(movement.price, movement.quantity), 100.0
    return Filled(
        *(entry.at, entry.order, movement.side, movement.price, movement.quantity, paid),
        *(Liquidity.TAKER, latency, 2.0),
    )


def _worth(entries: tuple[Entry, ...], at: Nanos) -> tuple[Money, Money]:
    account = NOTHING
    for entry in entries:
        if entry.at <= at:
            account, _ = booked(account, entry)
    return account.wallet, account.equity(Price(Decimal(100)))


def an_empty_home(path: Path) -> Home:
    """A HOME whose ledger was never opened."""
    with Home(path) as home, closing(open_environment(home.store)) as environment:
        LedgerStore(environment)
    return home
