"""How good each timeframe's forecasts were: calibration, and skill against a random walk.

The random walk is the one to beat: no drift, normal moves, their variance by exponential weights
(RiskMetrics, J.P. Morgan 1996: decay .94), times the steps ahead. Like the model it knows only what
had closed when the forecast was made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import lmdb
import numpy as np

from domain.horizons import CONTEXT, INTERVALS, LEVELS, MEDIAN, STEPS, TIMEFRAMES, Timeframe
from domain.performance import Times
from domain.units import BASIS_POINTS, Floats, Nanos
from persistence.candles import CandleStore
from persistence.forecasts import ForecastRecord, ForecastStore, realised

DECAY = 0.94
"""Weight of the variance until now against that of the newest move."""

MOVES_MIN = 20
"""Moves that the walk has seen before it says anything."""

DEVIATES = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
"""Standard deviations from the middle, at LEVELS."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the forecasts of one timeframe fared, over all steps ahead.

    Attributes:
        timeframe: whose.
        count: forecasts whose candle has come, each step ahead counted.
        inside: share that fell inside each of INTERVALS.
        below: share that fell below the quantile at each of LEVELS: the level, if calibrated.
        right: share that went where the median pointed; None where it never pointed anywhere.
        loss_bps: mean pinball loss over LEVELS [basis points].
        walk_bps: the random walk's on the same; None where too little came before.
        skill: how much less the model loses than the walk [fraction]; None likewise.
    """

    timeframe: Timeframe
    count: int
    inside: tuple[float, ...]
    below: tuple[float, ...]
    right: float | None
    loss_bps: float
    walk_bps: float | None
    skill: float | None


def outlooks(environment: lmdb.Environment, first: Nanos, last: Nanos) -> tuple[Outlook, ...]:
    """Of each timeframe whose forecasts from `first` to `last` are kept and came due.

    Raises:
        StoreCorrupt: a forecast is not one of ours.
    """
    store, candles = ForecastStore(environment), CandleStore(environment)
    found = []
    for timeframe in TIMEFRAMES:
        records = store.between(timeframe, first, last)
        if records:
            found.append(_outlook(records, realised(records, candles), _walk(records, candles)))
    return tuple(outlook for outlook in found if outlook is not None)


def _outlook(records: Sequence[ForecastRecord], came: Floats, spread: Floats) -> Outlook | None:
    """What is told of forecasts.

    Args:
        records: n forecasts of one timeframe.
        came: closes that they were made for, shape (n, 5); NaN where unknown.
        spread: the walk's deviation of one step when each was made [log], shape (n,); may be NaN.
    """
    due = np.isfinite(came)
    if not due.any():
        return None
    base = np.array([record.base for record in records])[:, None]
    said = np.log(np.array([record.quantiles for record in records]) / base[..., None])[due]
    move = np.log(came / base)[due]
    steps = np.broadcast_to(np.sqrt(STEPS), came.shape)[due]
    walk = (np.repeat(spread[:, None], len(STEPS), axis=1)[due] * steps)[:, None] * DEVIATES
    known = np.isfinite(walk[:, 0])
    loss, walked = _loss(move, said), _loss(move[known], walk[known])
    on_those = _loss(move[known], said[known])
    return Outlook(
        timeframe=records[0].timeframe,
        count=len(move),
        inside=tuple(_share_inside(move, said, low, high) for _, low, high in INTERVALS),
        below=tuple(np.mean(move[:, None] <= said, axis=0).tolist()),
        right=_right(move, said[:, MEDIAN]),
        loss_bps=float(loss),
        walk_bps=float(walked) if known.any() else None,
        skill=1 - float(on_those / walked) if known.any() and walked > 0 else None,
    )


def _share_inside(move: Floats, said: Floats, low: int, high: int) -> float:
    return float(np.mean((move >= said[:, low]) & (move <= said[:, high])))


def _right(move: Floats, median: Floats) -> float | None:
    """Share of moves in the median's direction; what went nowhere, or was to, is left out."""
    sides = np.sign(move) * np.sign(median)
    pointed = sides[sides != 0]
    return float(np.mean(pointed > 0)) if len(pointed) else None


def _loss(move: Floats, said: Floats) -> float:
    """Mean pinball loss over LEVELS [basis points]: (n,), (n, 13).

    >>> round(_loss(np.zeros(1), np.full((1, len(LEVELS)), 1e-4)), 2)
    0.5
    """
    if not len(move):
        return 0.0
    levels, error = np.array(LEVELS), move[:, None] - said
    return float(np.maximum(levels * error, (levels - 1) * error).mean() * BASIS_POINTS)


def _walk(records: Sequence[ForecastRecord], candles: CandleStore) -> Floats:
    """The walk's deviation of one step when each forecast was made [log], shape (n,), or NaN."""
    timeframe = records[0].timeframe
    before = Nanos(max(0, records[0].at - (CONTEXT + 1) * timeframe.span))
    known = candles.between(timeframe, before, records[-1].at)
    if len(known) <= MOVES_MIN:
        return np.full(len(records), np.nan)
    closes = np.array([float(candle.close) for candle in known])
    ends = np.array([candle.close_time for candle in known], np.int64)
    deviation = np.concatenate(((np.nan,), _deviations(np.diff(np.log(closes)))))
    deviation[:MOVES_MIN] = np.nan
    return _at(ends, deviation, np.array([record.at for record in records], np.int64))


def _deviations(moves: Floats) -> Floats:
    """Exponentially weighted root mean square of the moves up to each one, shape (n,)."""
    variance, found = float(np.mean(moves[:MOVES_MIN] ** 2)), np.empty(len(moves))
    for number, square in enumerate((moves**2).tolist()):
        variance = DECAY * variance + (1 - DECAY) * square
        found[number] = variance
    return np.sqrt(found)


def _at(ends: Times, values: Floats, wanted: Times) -> Floats:
    """The values that stood at these times; NaN where none did."""
    place = np.minimum(np.searchsorted(ends, wanted), len(ends) - 1)
    return np.where(ends[place] == wanted, values[place], np.nan)
