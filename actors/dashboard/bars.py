"""The candles of a chart: those we were told, and before them what the forecast's closes say."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from actors.dashboard.view import View
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.signals import Forecast
from domain.units import Nanos


class Bar(NamedTuple):
    """One candle as a picture needs it; `at` is when it closes."""

    at: Nanos
    open: float
    high: float
    low: float
    close: float


def bars(view: View, timeframe: Timeframe, wanted: int) -> tuple[Bar, ...]:
    """The newest bars of a timeframe, oldest first, the last one still open.

    A close that is known from the forecast's input alone makes a bar without wicks: it opens at
    the close before it, and its high and low are not known.
    """
    number = TIMEFRAMES.index(timeframe)
    told = {candle.close_time: _bar(candle) for candle in view.candles[number][-wanted:]}
    before = () if view.forecast is None else _closes(view.forecast, number)
    merged = [told.pop(bar.at, bar) for bar in before[-wanted:]]
    last = merged[-1].at if merged else Nanos(0)
    merged += [bar for at, bar in told.items() if at > last]
    return tuple(bar for bar in (*merged, *_open(view, timeframe, merged)) if _real(bar))[-wanted:]


def _bar(candle: Candle) -> Bar:
    prices = (candle.open, candle.high, candle.low, candle.close)
    return Bar(candle.close_time, *map(float, prices))


@lru_cache(maxsize=12)
def _closes(forecast: Forecast, number: int) -> tuple[Bar, ...]:
    span = TIMEFRAMES[number].span
    closes = forecast.closes[number].tolist()
    first = forecast.at // span - len(closes) + 1
    return tuple(
        Bar(Nanos((first + i + 1) * span), a, max(a, b), min(a, b), b)
        for i, (a, b) in enumerate(pairwise(closes))
    )


def _open(view: View, timeframe: Timeframe, merged: Sequence[Bar]) -> tuple[Bar, ...]:
    """The bar that has not closed yet, as far as the price since the last close says."""
    if view.quote is None:
        return ()
    price = float(view.quote.price)
    begun = merged[-1].close if merged else price
    at = merged[-1].at + timeframe.span if merged else view.quote.at
    return (Bar(Nanos(at), begun, max(begun, price), min(begun, price), price),)


def _real(bar: Bar) -> bool:
    return all(isfinite(value) for value in bar[1:])
