"""How good each timeframe's forecasts were: calibration, and skill against a random walk.

The random walk is the one to beat: no drift, normal moves, their variance by exponential weights
(RiskMetrics, J.P. Morgan 1996: decay .94), times the steps ahead. Like the model it knows only what
had closed when the forecast was made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import lmdb
import numpy as np
from numpy.typing import NDArray

from domain.horizons import CONTEXT, INTERVALS, LEVELS, MEDIAN, STEPS, TIMEFRAMES, Timeframe
from domain.performance import Times
from domain.units import BASIS_POINTS, Floats, Nanos
from persistence.candles import CandleStore
from persistence.forecasts import ForecastStore, Said, came

DECAY = 0.94
"""Weight of the variance until now against that of the newest move."""

MOVES_MIN = 20
"""Moves that the walk has seen before it says anything."""

PART = 2048
"""Forecasts that are judged at a time."""

Counts = NDArray[np.int64]

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
        said = store.said(timeframe, first, last)
        if len(said.at):
            closes = came(timeframe, said.at, candles)
            found.append(_outlook(said, closes, _walk(said, candles)))
    return tuple(outlook for outlook in found if outlook is not None)


@dataclass(slots=True)
class _Tally:
    """What is counted of forecasts, a part of them at a time.

    Attributes:
        inside: moves inside each of INTERVALS.
        below: moves below the quantile at each of LEVELS.
        right: moves that went where the median pointed.
        pointed: those that went somewhere, and of which the median said where to.
    """

    inside: Counts
    below: Counts
    right: int = 0
    pointed: int = 0

    def count(self, move: Floats, said: Floats) -> None:
        """Add moves, shape (k,), and the quantiles that were said of them [log], (k, 13)."""
        self.inside += [
            np.sum((move >= said[:, x]) & (move <= said[:, y])) for _, x, y in INTERVALS
        ]
        self.below += np.sum(move[:, None] <= said, axis=0)
        sides = np.sign(move) * np.sign(said[:, MEDIAN])
        self.right += int(np.sum(sides > 0))
        self.pointed += int(np.sum(sides != 0))


def _outlook(said: Said, closes: Floats, spread: Floats) -> Outlook | None:
    """What is told of forecasts.

    Args:
        said: n forecasts of one timeframe.
        closes: those that they were made for, shape (n, 5); NaN where unknown.
        spread: the walk's deviation of one step when each was made [log], shape (n,); may be NaN.
    """
    due = np.isfinite(closes)
    count = int(due.sum())
    if count == 0:
        return None
    tally = _Tally(np.zeros(len(INTERVALS), np.int64), np.zeros(len(LEVELS), np.int64))
    known = np.isfinite(np.repeat(spread[:, None], len(STEPS), axis=1)[due])
    losses = _losses(_judged(said, closes, tally), count)
    loss, on_those = _mean(losses), _mean(losses if known.all() else losses[known])
    del losses  # one of these is as large as all that the forecasts take
    walked = _mean(_losses(_walked(said, closes, spread), int(known.sum())))
    return Outlook(
        timeframe=said.timeframe,
        count=count,
        inside=tuple((tally.inside / count).tolist()),
        below=tuple((tally.below / count).tolist()),
        # What went nowhere, or was to, is left out.
        right=tally.right / tally.pointed if tally.pointed else None,
        loss_bps=loss,
        walk_bps=walked if known.any() else None,
        skill=1 - on_those / walked if known.any() and walked > 0 else None,
    )


Judged = Iterator[tuple[Floats, Floats]]
"""Moves [log], shape (k,), and the quantiles that were said of each [log], (k, 13), by parts."""


def _judged(said: Said, closes: Floats, tally: _Tally) -> Judged:
    """The moves that came due, beside what the model said of them; counted as they pass."""
    for rows in _parts(len(said.at)):
        due, base = np.isfinite(closes[rows]), said.base[rows, None]
        quantiles = np.log(said.quantiles(rows) / base[..., None])[due]
        move = np.log(closes[rows] / base)[due]
        tally.count(move, quantiles)
        yield move, quantiles


def _walked(said: Said, closes: Floats, spread: Floats) -> Judged:
    """The same moves beside what the walk said, where it said something."""
    for rows in _parts(len(said.at)):
        due = np.isfinite(closes[rows]) & np.isfinite(spread[rows, None])
        move = np.log(closes[rows] / said.base[rows, None])[due]
        steps = np.broadcast_to(np.sqrt(STEPS), due.shape)[due]
        wide = np.repeat(spread[rows, None], len(STEPS), axis=1)[due]
        yield move, (wide * steps)[:, None] * DEVIATES


def _parts(count: int) -> Iterator[slice]:
    return (slice(begin, begin + PART) for begin in range(0, count, PART))


def _losses(judged: Judged, count: int) -> Floats:
    """Pinball losses at LEVELS of so many moves, shape (count, 13)."""
    levels, found, filled = np.array(LEVELS), np.empty((count, len(LEVELS))), 0
    for move, said in judged:
        error = move[:, None] - said
        place = found[filled : filled + len(move)]
        np.maximum(levels * error, (levels - 1) * error, out=place)
        filled += len(move)
    return found


def _mean(losses: Floats) -> float:
    """Mean loss [basis points]; 0 where there is none."""
    return float(losses.mean() * BASIS_POINTS) if len(losses) else 0.0


def _walk(said: Said, candles: CandleStore) -> Floats:
    """The walk's deviation of one step when each forecast was made [log], shape (n,), or NaN."""
    span = said.timeframe.span
    before = Nanos(max(0, int(said.at[0]) - (CONTEXT + 1) * span))
    known = candles.closes(said.timeframe, before, Nanos(int(said.at[-1])))
    if len(known.close) <= MOVES_MIN:
        return np.full(len(said.at), np.nan)
    moves = np.diff(np.log(known.close))
    deviation = np.concatenate(((np.nan,), _deviations(moves)))
    deviation[:MOVES_MIN] = np.nan
    return _at(known.opened + span, deviation, said.at)


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
