"""The calibration of a whole period: what `Tutor` learns and says, a timeframe at a time.

The same arithmetic, cell by cell and bit by bit, five steps in one go; a test holds the two against
each other. What is kept of it are the factors: with the model's own quantiles they give the
corrected ones.
"""

import math
from dataclasses import dataclass

import numpy as np

from domain.calibration import (
    BEYOND,
    BOUNDS,
    LOWER,
    PRICE_MIN,
    RATE_FIRST,
    RATE_LEAST,
    SEASON_DOUBT,
    SEASON_MOST,
    SEASON_RATE,
    SURPRISE_MAX,
    TAILS,
    USUAL_RATE,
    WIDEST,
    WORKDAYS,
    Calibration,
)
from domain.horizons import MEDIAN, STEPS, TIMEFRAMES, Timeframe
from domain.seasons import QUARTER, WEEKDAYS, season
from domain.units import DAY, Floats, Ints, Nanos

OPEN = 16
"""Forecasts whose outcome may still come: one more than the farthest step."""

SIDE = np.where(np.arange(len(TAILS)) < LOWER, 1.0, -1.0)
"""An outcome lies beyond a tail where their difference has this sign."""

STEP = np.arange(len(STEPS))


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Forecasts of one timeframe in the order in which they were made, shape (n, ...).

    Attributes:
        at: when each was made [ns].
        raw: as the model said them, shape (n, 5, 13).
    """

    at: Ints
    raw: Floats


class Lessons:
    """One timeframe's five cells at work, over a period that is told in parts, oldest first."""

    def __init__(self, known: Calibration, timeframe: Timeframe) -> None:
        """Begin with what is known; it stays as it is.

        Args:
            known: before the period.
            timeframe: of the candles.
        """
        place = TIMEFRAMES.index(timeframe)
        self._span = timeframe.span
        self._factors = known.factors[place].copy()
        self._counts: list[float] = known.counts[place].tolist()
        self._quarters: list[list[float]] = known.quarters[place].tolist()
        self._weekdays: list[list[float]] = known.weekdays[place].tolist()
        self._usual: list[float] = known.usual[place].tolist()
        self._overlaps = [max(1.0, step * timeframe.span / timeframe.span) for step in STEPS]
        self._roots = [float(np.sqrt(overlap)) for overlap in self._overlaps]
        self._days = timeframe.span / DAY
        self._visits = max(1.0, QUARTER / timeframe.span), max(1.0, DAY / timeframe.span)
        self._rates: Floats | None = None
        self._made = [-1] * OPEN
        self._tails = np.zeros((OPEN, len(STEPS), len(TAILS)))
        self._medians = np.zeros((OPEN, len(STEPS)))
        self._halves = np.zeros((OPEN, len(STEPS)))
        self._seasons = [(0, 0)] * OPEN

    def live(self, told: Told, ends: Ints, closes: Floats) -> Floats:
        """Go through one part of the period.

        Args:
            told: the forecasts made in it.
            ends: when the candles of it were complete [ns], shape (m,); of each the outcome is
                learnt before a forecast of the same moment is made.
            closes: theirs [quote per base].

        Returns:
            Log factors on the six tails of each forecast, shape (n, 5, 6).
        """
        factors = np.empty((len(told.at), len(STEPS), len(TAILS)))
        medians = told.raw[:, :, MEDIAN]
        away = told.raw[:, :, list(TAILS)] - medians[:, :, None]
        halves = (told.raw[:, :, BOUNDS[1]] - told.raw[:, :, BOUNDS[0]]) / 2
        candles = iter(zip(ends.tolist(), closes.tolist(), strict=True))
        end, close = next(candles, (math.inf, 0.0))
        for number, at in enumerate(told.at.tolist()):
            while end <= at:
                self._learn(int(end), close)
                end, close = next(candles, (math.inf, 0.0))
            self._say(at, medians[number], away[number], halves[number], factors[number])
        while end < math.inf:
            self._learn(int(end), close)
            end, close = next(candles, (math.inf, 0.0))
        return factors

    def _say(self, at: int, medians: Floats, away: Floats, halves: Floats, factors: Floats) -> None:
        """Correct a forecast; judge it later where a candle closed with it."""
        when = season(Nanos(at))
        quarter, weekday = when
        spread = [
            quarters[quarter] + weekdays[weekday]
            for quarters, weekdays in zip(self._quarters, self._weekdays, strict=True)
        ]
        np.add(self._factors, np.array(spread)[:, None], out=factors)
        if at % self._span:
            return
        place = at // self._span % OPEN
        tails = self._tails[place]
        middle = medians[:, None]
        np.maximum(middle + away * np.exp(factors), PRICE_MIN, out=tails)
        np.minimum(tails[:, 1], tails[:, 2], out=tails[:, 1])
        np.minimum(tails[:, 0], tails[:, 1], out=tails[:, 0])
        np.maximum(tails[:, 4], tails[:, 3], out=tails[:, 4])
        np.maximum(tails[:, 5], tails[:, 4], out=tails[:, 5])
        self._medians[place] = medians
        self._halves[place] = halves
        self._made[place] = at
        self._seasons[place] = quarter, weekday

    def _learn(self, end: int, close: float) -> None:
        """A candle closed: judge the five forecasts that were made for its close."""
        number = end // self._span
        places = [(number - step) % OPEN for step in STEPS]
        known = [
            self._made[place] == end - step * self._span
            for place, step in zip(places, STEPS, strict=True)
        ]
        if not any(known):
            return
        self._learn_tails(places, known, close)
        spread = [
            self._quarters[n][self._seasons[place][0]] + self._weekdays[n][self._seasons[place][1]]
            for n, place in enumerate(places)
        ]
        widths = np.exp(np.array(spread)).tolist()
        halves = self._halves[places, STEP].tolist()
        medians = self._medians[places, STEP].tolist()
        for n, place in enumerate(places):
            if known[n]:
                self._counts[n] += 1
                if halves[n] > 0:
                    distance = abs(close - medians[n]) / halves[n]
                    self._learn_season(n, self._seasons[place], distance, widths[n])

    def _learn_tails(self, places: list[int], known: list[bool], close: float) -> None:
        """As `corrected`; where a forecast is missing its factors stay."""
        beyond = (self._tails[places, STEP] - close) * SIDE > 0
        rates = self._rates
        if rates is None:
            rates = self._rate()
        factors = np.clip(self._factors + rates * (beyond - BEYOND), -WIDEST, WIDEST)
        if all(known):
            self._factors = factors
        else:
            self._factors[known] = factors[known]

    def _rate(self) -> Floats:
        """Steps of the correction, shape (5, 1); once all are the least, they stay."""
        found = []
        for count, overlap, root in zip(self._counts, self._overlaps, self._roots, strict=True):
            rate = RATE_FIRST / float(np.sqrt(1 + count / overlap))
            found.append((max(RATE_LEAST, rate) / root, rate <= RATE_LEAST))
        rates = np.array([rate for rate, _ in found])[:, None]
        if all(least for _, least in found):
            self._rates = rates
        return rates

    def _learn_season(
        self, step: int, when: tuple[int, int], distance: float, width: float
    ) -> None:
        """As `Cell` does."""
        quarter, weekday = when
        overlap, count = self._overlaps[step], self._counts[step]
        ratio = distance / (width * self._usual[step])
        excess = min(ratio, SURPRISE_MAX) - 1
        fast = max(USUAL_RATE, 1 / (1 + count / overlap))
        self._usual[step] *= 1 + fast / overlap * excess
        rate = max(SEASON_RATE, 1 / (SEASON_DOUBT + count * self._days))
        days_alike = WORKDAYS if weekday < WORKDAYS else WEEKDAYS - WORKDAYS
        by = rate * WEEKDAYS * excess
        by_quarter, by_weekday = self._visits
        _move(self._quarters[step], quarter, by / by_quarter / days_alike)
        _move(self._weekdays[step], weekday, by / by_weekday)


def _move(factors: list[float], place: int, by: float) -> None:
    factors[place] = min(max(factors[place] + by, -SEASON_MOST), SEASON_MOST)
