"""A market that rests but for one step in the middle of a minute, so that who looks a little later
than another sees the same.

Around the end of a minute nothing happens for half a minute: a decision taken then is the same
whether it comes at once, as in a replay, or when a thread has got round to it.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache

import numpy as np

from actors.feed.past import HISTORY, recent
from domain.facts import Mode
from domain.horizons import Timeframe
from domain.market import Book, Candle, Level, MarketEvent, MarkPrice, Ticker, Trade
from domain.units import HOUR, MINUTE, SECOND, Nanos, Price, Quantity

FULL_HOUR = Nanos(1_760_000_400 * SECOND)
START = Nanos(FULL_HOUR + 10 * SECOND)
"""Not at a minute's end, where a recording might begin on either side of it."""

FIRST = Nanos(FULL_HOUR - HISTORY - HOUR)
STEP_AT = 30 * SECOND
"""When in its minute the price steps [ns]."""

NARROW_FROM = Nanos(FULL_HOUR + 3 * MINUTE + STEP_AT)
"""Until then the spread is too wide to trade on, though not to begin: whoever is ready by then has
missed nothing."""

WIDE, NARROW = 3_500, 1
"""Half of the spread [cents]."""

SIZE = Quantity(Decimal("0.6"))
"""What waits at each level, and what is traded each second [BTC]."""

CENT = Decimal("0.01")

LEAPS = {5: 400_000, 6: -400_000, 8: -400_000, 10: 400_000}
"""Steps in the minutes after FULL_HOUR that are no chance [cents]: farther than any plan's target
and stop, so that positions come to their end."""


@cache
def _cents() -> list[int]:
    """The price from the middle of each minute on, FIRST's first."""
    dice = np.random.default_rng(5)
    now = (FULL_HOUR - FIRST) // MINUTE
    steps = np.rint(dice.normal(0, 3_000, now + 1_000)).astype(int)
    steps[now + np.array(list(LEAPS))] = list(LEAPS.values())
    walk = np.cumsum(steps)
    return [6_000_000 + int(cent) for cent in walk - walk[now]]


def price(at: int, plus: int = 0) -> Price:
    """At a moment from FIRST's second minute on, and so many cents more."""
    return Price((_cents()[(at - STEP_AT - FIRST) // MINUTE] + plus) * CENT)


def candle(open_time: int) -> Candle:
    """The minute's."""
    opened, closed = price(open_time), price(open_time + STEP_AT)
    low, high = sorted((opened, closed))
    volume = Quantity(SIZE * 60)
    return Candle(Timeframe.M1, Nanos(open_time), opened, high, low, closed, volume)


@cache
def minutes() -> tuple[Candle, ...]:
    """All before FULL_HOUR."""
    return tuple(candle(at) for at in range(FIRST + MINUTE, FULL_HOUR, MINUTE))


def book(at: int) -> Book:
    half = WIDE if at < NARROW_FROM else NARROW
    bids = tuple(Level(price(at, -half - n), SIZE) for n in range(5))
    asks = tuple(Level(price(at, half + n), SIZE) for n in range(5))
    return Book(Nanos(at), bids, asks)


class Steps:
    """One book, one trade and one ticker a second, without end."""

    mode = Mode.DEMO
    identity = "steps"
    modelled = False
    streamed = False
    start = START

    def history(self) -> Sequence[Candle]:
        return recent(minutes(), START)

    def summary(self) -> str:
        return ""

    def events(self) -> Iterator[MarketEvent]:
        at = START
        yield MarkPrice(at, price(at), Decimal("0.0001"), Nanos(at + 8 * HOUR))
        while True:
            yield book(at)
            yield Trade(at, at // SECOND, price(at), SIZE, buyer_is_maker=True)
            yield Ticker(at, price(at), 0.01)
            at = Nanos(at + SECOND)
            if at % MINUTE == 0:
                yield candle(at - MINUTE)
