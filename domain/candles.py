"""Candles as a series: what is valid, what is missing, how short ones make long ones."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby, pairwise

from domain.horizons import Timeframe
from domain.market import Candle, Origin
from domain.units import Nanos, Price, Quantity

BRIDGE_MAX = 15
"""Longest hole of the exchange's own that we bridge for the model's input [candles]."""


def wrong(candle: Candle) -> str | None:
    """What is impossible about this candle, in a few words; None where nothing is."""
    if candle.open_time % candle.timeframe.span:
        return "its open time is off the grid"
    prices = (candle.open, candle.high, candle.low, candle.close)
    if not all(price.is_finite() and price > 0 for price in prices):
        return "a price is not a positive number"
    if candle.high < max(candle.open, candle.close):
        return "its high is below its open or close"
    if candle.low > min(candle.open, candle.close):
        return "its low is above its open or close"
    if not candle.volume.is_finite() or candle.volume < 0:
        return "its volume is not a number or negative"
    return None


def alike(one: Candle, other: Candle) -> bool:
    """Whether they say the same of the same time, wherever each comes from."""
    return replace(one, kind=other.kind) == other


def aggregate(candles: Sequence[Candle], timeframe: Timeframe) -> list[Candle]:
    """The candles of a longer timeframe that one-minute candles make up.

    Opens with the first, closes with the last, spans the highest high and the lowest low, and adds
    the volumes, as Binance does; equal to the exchange's own candle. Only groups without a missing
    minute count: a candle with a hole in it would be invented.

    Args:
        candles: one-minute candles, oldest first, no duplicates.
        timeframe: of the result; one minute returns the input.

    Returns:
        Complete candles, oldest first, marked DERIVED.
    """
    if timeframe is Timeframe.M1:
        return list(candles)
    span = timeframe.span
    groups = (
        (start, list(group))
        for start, group in groupby(candles, lambda candle: candle.open_time // span)
    )
    return [
        _joined(group, timeframe, Nanos(start * span))
        for start, group in groups
        if len(group) == timeframe.minutes
    ]


def _joined(group: Sequence[Candle], timeframe: Timeframe, open_time: Nanos) -> Candle:
    made_up = any(candle.kind is Origin.INTERPOLATED for candle in group)
    return Candle(
        timeframe=timeframe,
        open_time=open_time,
        open=group[0].open,
        high=max(candle.high for candle in group),
        low=min(candle.low for candle in group),
        close=group[-1].close,
        volume=Quantity(sum((candle.volume for candle in group), Decimal(0))),
        kind=Origin.INTERPOLATED if made_up else Origin.DERIVED,
    )


def holes(candles: Sequence[Candle]) -> list[tuple[Nanos, Nanos]]:
    """Open times of the first and the last missing candle of each hole, oldest hole first.

    The candles are of one timeframe, oldest first.
    """
    return [
        (a.close_time, Nanos(b.open_time - b.timeframe.span))
        for a, b in pairwise(candles)
        if b.open_time > a.close_time
    ]


def bridged(candles: Sequence[Candle]) -> list[Candle]:
    """The series with short holes filled on a straight line between the closes around them.

    Only for the model's input: the candles put in are marked INTERPOLATED, have no volume, and are
    never stored. A hole longer than BRIDGE_MAX stays one.
    """
    filled = list(candles[:1])
    for candle in candles[1:]:
        filled.extend(_bridge(filled[-1], candle))
        filled.append(candle)
    return filled


def _bridge(before: Candle, after: Candle) -> list[Candle]:
    span = before.timeframe.span
    missing = (after.open_time - before.open_time) // span - 1
    if not 0 < missing <= BRIDGE_MAX:
        return []
    rise = (after.open - before.close) / (missing + 1)
    return [
        _stand_in(before, Nanos(n * span), Price(before.close + rise * n))
        for n in range(1, missing + 1)
    ]


def _stand_in(before: Candle, later: Nanos, price: Price) -> Candle:
    return Candle(
        timeframe=before.timeframe,
        open_time=Nanos(before.open_time + later),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Quantity(Decimal(0)),
        kind=Origin.INTERPOLATED,
    )


def unbroken(candles: Sequence[Candle]) -> int:
    """How many candles stand without a hole, counted back from the newest."""
    for back, (a, b) in enumerate(pairwise(reversed(candles)), start=1):
        if b.close_time != a.open_time:
            return back
    return len(candles)


def newest_run(candles: Sequence[Candle]) -> list[Candle]:
    """The newest candles of a series, back to the last hole that cannot be bridged."""
    whole = bridged(candles)
    return whole[len(whole) - unbroken(whole) :]


def closes_at(timeframe: Timeframe, at: Nanos) -> bool:
    """Whether a candle of this timeframe ends at this moment.

    >>> closes_at(Timeframe.M5, Nanos(300 * 10**9)), closes_at(Timeframe.H1, Nanos(300 * 10**9))
    (True, False)
    """
    return at % timeframe.span == 0
