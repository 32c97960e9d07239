"""Whether the signals were right: the fused forecast against what the price then did."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.horizons import TIMEFRAMES, Timeframe
from domain.performance import Times, wilson
from domain.units import BASIS_POINTS
from persistence.report.log import Log, Signals
from persistence.report.source import Prices


@dataclass(frozen=True, slots=True)
class Skill:
    """How signals fared over the span of one timeframe.

    Attributes:
        timeframe: how far ahead we look.
        count: signals; one a span, so that no two look at the same minutes.
        right: how many saw the price go where they pointed.
        interval: where the true share lies with 95 % confidence.
        sure: signals confident enough to trade on.
        sure_right: how many of those were right.
        sure_interval: likewise.
        expected_bps: mean of what they expected in their direction.
        realised_bps: mean of what came in their direction.
    """

    timeframe: Timeframe
    count: int
    right: int
    interval: tuple[float, float]
    sure: int
    sure_right: int
    sure_interval: tuple[float, float] | None
    expected_bps: float
    realised_bps: float


def skills(log: Log | None, prices: Prices) -> tuple[Skill, ...]:
    """The skill over each timeframe's span; those that nothing is known of are left out."""
    if log is None:
        return ()
    found = (_skill(log.signals, prices, timeframe) for timeframe in TIMEFRAMES)
    return tuple(skill for skill in found if skill is not None)


def _skill(signals: Signals, prices: Prices, timeframe: Timeframe) -> Skill | None:
    now, known = _places(prices, signals.at)
    then, came = _places(prices, signals.at + timeframe.span)
    use = (signals.at % timeframe.span == 0) & known & came
    if not use.any():
        return None
    moves = np.log(prices.close[then[use]] / prices.close[now[use]]) * BASIS_POINTS
    along = moves * signals.sign[use]
    sure = signals.sure[use]
    right = along > 0
    return Skill(
        timeframe=timeframe,
        count=len(along),
        right=int(right.sum()),
        interval=wilson(int(right.sum()), len(along)) or (0.0, 1.0),
        sure=int(sure.sum()),
        sure_right=int(right[sure].sum()),
        sure_interval=wilson(int(right[sure].sum()), int(sure.sum())),
        expected_bps=float((signals.expected_bps[use] * signals.sign[use]).mean()),
        realised_bps=float(along.mean()),
    )


def _places(prices: Prices, at: Times) -> tuple[Times, NDArray[np.bool_]]:
    """Where in the prices these moments are, and whether they are there at all."""
    if len(prices.at) == 0:
        return np.zeros(len(at), np.int64), np.zeros(len(at), bool)
    place = np.minimum(np.searchsorted(prices.at, at), len(prices.at) - 1)
    return place, prices.at[place] == at
