"""What is usual for a market: volatility and correlation of the timeframes, and what stands out.

Robust on purpose: a median and the median distance from it are moved by no single candle, so a
false price shows against them, and so does a crash. Which of the two it is no statistics can say,
so what stands out is flagged, and believed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from domain.candles import aggregate, alike
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.units import DAY, Nanos

STANDS_OUT = 12.0
"""So many robust deviations from the median return, and a candle stands out."""

NORMAL = 1.4826
"""What makes the median distance from the median a standard deviation, where all is normal."""

RETURNS_MIN = 30
"""Of fewer returns nothing is said."""

PAIRS_MIN = 10
"""Of fewer pairs of returns no correlation is told; a thousand minutes hold sixteen hours."""


@dataclass(frozen=True, slots=True)
class Baselines:
    """What is usual.

    Attributes:
        volatility: standard deviation of the returns of each timeframe [fraction a candle].
        correlation: of the timeframes' returns, in the order of TIMEFRAMES, where both close.
    """

    volatility: tuple[float, ...]
    correlation: tuple[tuple[float, ...], ...]

    @property
    def daily_volatility(self) -> tuple[float, ...]:
        """Volatility of each timeframe, scaled to a day: times the root of its periods in one."""
        days = (DAY / timeframe.span for timeframe in TIMEFRAMES)
        return tuple(one * sqrt(day) for one, day in zip(self.volatility, days, strict=True))


def returns(candles: Sequence[Candle]) -> NDArray[np.float64]:
    """Close-to-close logarithmic returns [fraction]."""
    closes = np.array([float(candle.close) for candle in candles])
    return np.diff(np.log(closes))


def outliers(candles: Sequence[Candle]) -> list[Candle]:
    """Candles whose close is farther from the one before than is usual for this series."""
    moves = returns(candles)
    if len(moves) < RETURNS_MIN:
        return []
    distance = np.abs(moves - np.median(moves))
    scale = NORMAL * float(np.median(distance))
    if not scale:
        return []
    return [candles[int(n) + 1] for n in np.flatnonzero(distance > STANDS_OUT * scale)]


def disagreeing(minutes: Sequence[Candle], longer: Sequence[Candle]) -> list[Candle]:
    """Candles of a longer timeframe that their minutes do not add up to."""
    if not longer:
        return []
    made = {one.open_time: one for one in aggregate(minutes, longer[0].timeframe)}
    return [one for one in longer if not alike(one, made.get(one.open_time, one))]


def baselines(series: Mapping[Timeframe, Sequence[Candle]]) -> Baselines:
    """What is usual, from the candles of all timeframes, each oldest first."""
    moves = {timeframe: _moves(series[timeframe]) for timeframe in TIMEFRAMES}
    volatility = tuple(float(np.std(list(moves[timeframe].values()))) for timeframe in TIMEFRAMES)
    correlation = tuple(
        tuple(_correlation(moves[one], moves[other]) for other in TIMEFRAMES) for one in TIMEFRAMES
    )
    return Baselines(volatility, correlation)


def _moves(candles: Sequence[Candle]) -> dict[Nanos, float]:
    """Returns by the time at which they were complete."""
    ends = [candle.close_time for candle in candles[1:]]
    return dict(zip(ends, returns(candles).tolist(), strict=True))


def _correlation(one: Mapping[Nanos, float], other: Mapping[Nanos, float]) -> float:
    """Of the returns that were complete at the same times; 0 where there are none to speak of."""
    both = sorted(one.keys() & other.keys())
    pairs = np.array([[one[at] for at in both], [other[at] for at in both]])
    if len(both) < PAIRS_MIN or not pairs.std(axis=1).all():
        return 0.0
    return float(np.corrcoef(pairs)[0, 1])
