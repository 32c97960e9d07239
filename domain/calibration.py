"""Making intervals mean what they say: online correction of a forecast's spread and tails.

Two things are learnt from what really happened, and multiplied:

- A factor for the season (see `domain.seasons`) on the distance of every quantile from the median.
- Adaptive conformal inference (Gibbs and Candès 2021, "Adaptive Conformal Inference Under
  Distribution Shift") in its quantile-tracking form: each tail of each forecast has a factor on
  its distance from the median. An outcome beyond the tail widens it a little, one within narrows
  it by so much less that the two balance exactly when the tail is passed as often as its level
  says.

The median is never moved, so the signal stays the model's.
"""

from dataclasses import dataclass

import numpy as np

from domain.horizons import LEVELS, MEDIAN, STEPS, TIMEFRAMES
from domain.seasons import QUARTER, QUARTERS, WEEKDAYS, Season
from domain.units import DAY, Floats, Nanos

TAILS = (0, 1, 2, 10, 11, 12)
"""Indices in LEVELS of the bounds of the 95, 90, 80 % intervals: lower ones, then upper ones."""

LOWER = 3
"""How many of TAILS are below the median."""

BOUNDS = TAILS[LOWER - 1], TAILS[LOWER]
"""Those of the 80 % interval."""

_FACTOR_OF = np.array([0, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 5])
"""Which tail's factor each of LEVELS moves with."""

PRICE_MIN = 1e-9
"""A price stays positive, however far its tail is moved."""

BEYOND = np.array([LEVELS[i] if i < MEDIAN else 1 - LEVELS[i] for i in TAILS])
"""How often an outcome should lie beyond each tail."""

RATE_FIRST = 0.2
RATE_LEAST = 0.02
"""Step of the correction after n outcomes: RATE_FIRST / sqrt(1 + n), never below RATE_LEAST.

Forecasts that overlap in time miss together: of so many overlapping ones each counts for one over
their root. With one over their number the slowest cells (15 steps of 1h) could not follow within
a quarter: worst miss 3.2 points in 2025-06..08, with the root 2.2, for .1 % of pinball loss.
"""

WIDEST = 1.5
"""Bound of the log factor: no tail is moved beyond 4.5 times, or within 0.22 of, its distance."""

SEASON_RATE = 0.003
SEASON_DOUBT = 60
"""Step of a season's factor for each of n days: 1 / (SEASON_DOUBT + n), never below SEASON_RATE.

In the end it remembers about a year; at first it takes two months to be half believed. A season
that comes on some days of the week only takes the steps of all seven on those.
"""

WORKDAYS = 5
"""Of the seven."""

SEASON_MOST = 1.0
"""Bound of a log factor of a quarter or a weekday; the largest that was learnt is .74."""

USUAL_RATE = 0.01
"""Step of what is usual after one of n outcomes: 1 / (1 + n), never below USUAL_RATE."""

USUAL_FIRST = 0.6
"""Mean distance of an outcome from the median, of a normal distribution, in half 80 % intervals."""

SURPRISE_MAX = 4.0
"""An outcome counts for no more than so many times what was usual: one crash is no season."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What has been learnt from what really happened.

    Attributes:
        factors: log of the factor on each tail's distance, shape (6, 5, 6): timeframe, step, tail.
        counts: outcomes seen, shape (6, 5).
        quarters: log of the factor of each quarter of the day, shape (6, 5, 192).
        weekdays: log of the factor of each weekday, shape (6, 5, 7).
        usual: mean distance of outcomes from the median, seasons apart, shape (6, 5)
            [halves of the model's 80 % interval].
    """

    factors: Floats
    counts: Floats
    quarters: Floats
    weekdays: Floats
    usual: Floats

    def copy(self) -> "Calibration":
        """The same, to go on learning from."""
        return Calibration(
            self.factors.copy(),
            self.counts.copy(),
            self.quarters.copy(),
            self.weekdays.copy(),
            self.usual.copy(),
        )


def untaught() -> Calibration:
    """Nothing was learnt yet; nothing is corrected."""
    shape = (len(TIMEFRAMES), len(STEPS))
    return Calibration(
        np.zeros((*shape, len(TAILS))),
        np.zeros(shape),
        np.zeros((*shape, QUARTERS)),
        np.zeros((*shape, WEEKDAYS)),
        np.full(shape, USUAL_FIRST),
    )


def calibrated(quantiles: Floats, factors: Floats) -> Floats:
    """The quantiles with their tails corrected; nested, around the same median.

    The levels between the 80 % interval and the median keep their share of the way: they move
    with the bound of that interval on their side.

    Args:
        quantiles: prices, shape (..., 13), rising along the last axis.
        factors: log factors, shape (..., 6).

    Returns:
        Shape (..., 13), rising, with the median as it was.
    """
    each = np.exp(factors[..., _FACTOR_OF])  # (..., 13), of no account at the median
    median = quantiles[..., MEDIAN, None]
    moved = np.maximum(median + (quantiles - median) * each, PRICE_MIN)
    lower = np.minimum.accumulate(moved[..., MEDIAN::-1], axis=-1)[..., ::-1]
    upper = np.maximum.accumulate(moved[..., MEDIAN:], axis=-1)
    return np.concatenate([lower, upper[..., 1:]], axis=-1)


def corrected(
    factors: Floats, count: float, quantiles: Floats, actual: float, overlap: float
) -> Floats:
    """The factors of one timeframe and step after one more outcome.

    Args:
        factors: before it, shape (6,).
        count: outcomes seen before it.
        quantiles: the corrected forecast for it, shape (13,).
        actual: what came.
        overlap: forecasts of this step that are open at any moment, at least 1.
    """
    tails = quantiles[list(TAILS)]
    beyond = np.concatenate([actual < tails[:LOWER], actual > tails[LOWER:]])
    rate = max(RATE_LEAST, RATE_FIRST / np.sqrt(1 + count / overlap)) / np.sqrt(overlap)
    return np.asarray(np.clip(factors + rate * (beyond - BEYOND), -WIDEST, WIDEST))


def surprise(quantiles: Floats, actual: float) -> float:
    """How far an outcome is from the median, in halves of the 80 % interval.

    Args:
        quantiles: as the model said them, shape (13,), with some spread.
        actual: what came.
    """
    half = float(quantiles[BOUNDS[1]] - quantiles[BOUNDS[0]]) / 2
    return abs(actual - float(quantiles[MEDIAN])) / half


class Cell:
    """One timeframe and step at work: corrects what is said, learns from what comes.

    It writes into the arrays of the Calibration that it was made for.
    """

    __slots__ = (
        "_days",
        "_factors",
        "_known",
        "_overlap",
        "_place",
        "_quarters",
        "_visits",
        "_weekdays",
    )

    def __init__(self, known: Calibration, place: tuple[int, int], apart: Nanos) -> None:
        """Begin.

        Args:
            known: what is known; learnt further in place.
            place: of the timeframe and of the step in theirs.
            apart: time from one forecast to the next.
        """
        self._known, self._place = known, place
        self._factors, self._quarters = known.factors[place], known.quarters[place]
        self._weekdays = known.weekdays[place]
        ahead = STEPS[place[1]] * TIMEFRAMES[place[0]].span
        self._overlap = max(1.0, ahead / apart)
        self._days = apart / DAY
        self._visits = max(1.0, QUARTER / apart), max(1.0, DAY / apart)
        """Forecasts in a quarter, and in a day."""

    def factors(self, when: Season) -> Floats:
        """Log factors on the six tails of a forecast that is made then."""
        spread = self._quarters[when.quarter] + self._weekdays[when.weekday]
        return np.asarray(self._factors + spread)

    def learn(self, when: Season, raw: Floats, said: Floats, actual: float) -> None:
        """Take note of one outcome.

        Args:
            when: the forecast was made.
            raw: the model's quantiles, shape (13,).
            said: the corrected ones, shape (13,).
            actual: what came.
        """
        place, counts = self._place, self._known.counts
        self._factors[:] = corrected(
            self._factors, float(counts[place]), said, actual, self._overlap
        )
        counts[place] += 1
        if raw[BOUNDS[1]] > raw[BOUNDS[0]]:
            self._learn_season(when, surprise(raw, actual))

    def _learn_season(self, when: Season, distance: float) -> None:
        """The season's factors follow the mean distance over what is usual."""
        usual = self._known.usual
        spread = self._quarters[when.quarter] + self._weekdays[when.weekday]
        ratio = distance / (float(np.exp(spread)) * float(usual[self._place]))
        excess = min(ratio, SURPRISE_MAX) - 1
        count = float(self._known.counts[self._place])
        fast = max(USUAL_RATE, 1 / (1 + count / self._overlap))
        usual[self._place] *= 1 + fast / self._overlap * excess
        rate = max(SEASON_RATE, 1 / (SEASON_DOUBT + count * self._days))
        days_alike = WORKDAYS if when.weekday < WORKDAYS else WEEKDAYS - WORKDAYS
        step = rate * WEEKDAYS * excess
        by_quarter, by_weekday = self._visits
        _move(self._quarters, when.quarter, step / by_quarter / days_alike)
        _move(self._weekdays, when.weekday, step / by_weekday)


def _move(factors: Floats, place: int, by: float) -> None:
    factors[place] = min(max(factors[place] + by, -SEASON_MOST), SEASON_MOST)
