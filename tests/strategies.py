"""Any fact and any message to the dashboard, for hypothesis."""

from decimal import Decimal
from typing import Any, cast, get_args

import numpy as np
from hypothesis import strategies as st

from actors.messages import (
    Connected,
    DashboardInbox,
    EntrySent,
    Fetched,
    LineVitals,
    Measured,
    SignalLeaves,
    Tick,
    Traffic,
    Vitals,
)
from domain.account import Account, Marked, Position
from domain.facts import Fact
from domain.horizons import CONTEXT, LEVELS, STEPS, TIMEFRAMES
from domain.market import DEPTH, Book, Candle, Level, MarkPrice, Ticker, Trade
from domain.microstructure import MarketQuality
from domain.signals import Forecast, Signal
from domain.tally import WRITE_SECONDS, Tallied, Tally
from domain.units import Money, Nanos, Price, Quantity

YEAR_2200 = 7_258_118_400 * 10**9

moments = st.integers(0, YEAR_2200).map(Nanos)
amounts = st.decimals(-(10**9), 10**9, places=8)
sizes = st.decimals("0.00001", 10**6, places=5)
numbers = st.floats()
text = st.text(st.characters(), max_size=80)

for kind, strategy in (
    (Nanos, moments),
    (Money, amounts),
    (Price, sizes),
    (Quantity, sizes),
    (Decimal, st.decimals(-1, 1, places=8)),
    (float, numbers),
    (str, text),
):
    # A NewType is not a type to mypy, but hypothesis knows what to do with it.
    st.register_type_strategy(cast("Any", kind), strategy)

facts: st.SearchStrategy[Fact] = st.sampled_from(get_args(Fact)).flatmap(st.from_type)

levels = st.lists(st.builds(Level), min_size=1, max_size=DEPTH + 2).map(tuple)
books = st.builds(Book, at=moments, bids=levels, asks=levels, modelled=st.booleans())

positions = st.builds(Position, quantity=sizes.map(Quantity))
accounts = st.builds(Account, position=st.none() | positions)
marks = st.builds(Marked, account=accounts)


def _forecast(at: Nanos, seed: int, level: float) -> Forecast:
    generator = np.random.default_rng(seed)
    closes = generator.normal(level, abs(level) / 50, (len(TIMEFRAMES), CONTEXT))
    shape = (len(TIMEFRAMES), len(STEPS), len(LEVELS))
    return Forecast(at, closes, np.sort(generator.normal(level, 9, shape), axis=-1), 0.02)


levels_of_price = st.sampled_from([43_000.0, 0.0, 1e-9, 1e12, float("nan"), float("inf")])
forecasts = st.builds(_forecast, moments, st.integers(0, 99), levels_of_price)

signals = st.builds(Signal, by_timeframe=st.tuples(*[numbers] * len(TIMEFRAMES)))


def _tallied(values: list[float]) -> Tallied:
    tally = Tally(WRITE_SECONDS)
    for value in values:
        tally.add(value)
    return tally.tallied()


tallies = st.lists(st.floats(0, 1e6), max_size=5).map(_tallied)
measured = st.builds(Measured, times=tallies)

market = st.one_of(
    books,
    st.builds(Trade),
    st.builds(Ticker),
    st.builds(Candle),
    st.builds(MarketQuality),
    forecasts,
    signals,
    marks,
    st.builds(MarkPrice),
    st.builds(Fetched),
    st.builds(Connected),
    st.builds(Vitals),
    st.builds(LineVitals),
    st.builds(Traffic),
    measured,
    st.builds(SignalLeaves),
    st.builds(EntrySent),
)
ticks = st.builds(Tick)
messages: st.SearchStrategy[DashboardInbox] = st.one_of(facts, market, ticks)
