"""Corrects forecasts by what came of earlier ones, and remembers what it has learnt."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from actors.forecast.experience import experience
from domain.calibration import Calibration, Cell, calibrated
from domain.candles import closes_at
from domain.horizons import STEPS, TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.seasons import Season, season
from domain.units import HOUR, Floats, Nanos

SAVE_EVERY = HOUR
"""How much of what was learnt a crash may cost [market time]."""


@dataclass(frozen=True, slots=True)
class Past:
    """Forecasts of one timeframe whose outcomes are known, oldest first.

    Attributes:
        timeframe: of the candles.
        origins: when each was made [ns], shape (n,).
        quantiles: as the model said them, shape (n, 5, 13) [quote].
        actuals: closes that came, shape (n, 5) [quote].
    """

    timeframe: Timeframe
    origins: NDArray[np.int64]
    quantiles: Floats
    actuals: Floats


def relive(known: Calibration, past: Past) -> Floats:
    """Learn from the past as if it happened again; returns what would have been said.

    Each forecast is corrected by outcomes only that were known when it was made.

    Args:
        known: what is known before; learnt further in place.
        past: evenly spaced, but for holes.

    Returns:
        Corrected quantiles, shape (n, 5, 13).
    """
    span, place = past.timeframe.span, TIMEFRAMES.index(past.timeframe)
    origins = [Nanos(int(origin)) for origin in past.origins]
    apart = Nanos(int(np.diff(past.origins).min())) if len(origins) > 1 else span
    cells = [Cell(known, (place, step), apart) for step in range(len(STEPS))]
    seasons = [season(origin) for origin in origins]
    said = np.empty_like(past.quantiles)
    seen = [0] * len(STEPS)
    for number, origin in enumerate(origins):
        for step, cell in enumerate(cells):
            while origins[seen[step]] + STEPS[step] * span <= origin:
                one = seen[step]
                raw, actual = past.quantiles[one, step], float(past.actuals[one, step])
                cell.learn(seasons[one], raw, said[one, step], actual)
                seen[step] += 1
        factors = np.array([cell.factors(seasons[number]) for cell in cells])
        said[number] = calibrated(past.quantiles[number], factors)
    return said


@dataclass(frozen=True, slots=True)
class Open:
    """A forecast of one timeframe whose outcome is not known yet.

    Attributes:
        at: when it was made.
        season: of that moment.
        raw: as the model said it, shape (5, 13).
        said: as it was corrected, shape (5, 13).
    """

    at: Nanos
    season: Season
    raw: Floats
    said: Floats


class Kept(Protocol):
    """Where calibrations are kept."""

    def get(self, model: str, /) -> Calibration | None:
        """That of a model; None where none was kept."""

    def put(self, model: str, known: Calibration, /) -> None:
        """Keep it."""


class Tutor:
    """The calibration of one model, learning candle by candle."""

    def __init__(self, store: Kept, model_sha: str, at: Nanos) -> None:
        """Begin with what this model was taught here, else with what it brings along.

        Args:
            store: where it is kept.
            model_sha: whose calibration it is.
            at: now; nothing is taken that was learnt later.
        """
        self._store = store
        self._sha = model_sha
        kept = store.get(model_sha)
        self.new = kept is None
        """Whether nothing was kept of it here."""
        self._known = experience(model_sha, at) if kept is None else kept.copy()
        self._cells = [
            [Cell(self._known, (place, step), timeframe.span) for step in range(len(STEPS))]
            for place, timeframe in enumerate(TIMEFRAMES)
        ]
        self._open = [deque[Open](maxlen=max(STEPS) + 1) for _ in TIMEFRAMES]
        self._saved: Nanos | None = None

    @property
    def known(self) -> Calibration:
        """What is known now."""
        return self._known

    def relive(self, past: Past) -> Floats:
        """As the function of this name; keeps what was learnt."""
        return relive(self._known, past)

    def correct(self, at: Nanos, timeframes: Sequence[Timeframe], raw: Floats) -> Floats:
        """The quantiles as far as experience corrects them; they will be judged by what comes.

        Args:
            at: when they were made; those of candles that closed at this moment are judged.
            timeframes: of which candles, n of them.
            raw: as the model said them, shape (n, 5, 13).
        """
        when = season(at)
        places = [TIMEFRAMES.index(timeframe) for timeframe in timeframes]
        factors = [[cell.factors(when) for cell in self._cells[place]] for place in places]
        said = calibrated(raw, np.array(factors))
        for number, place in enumerate(places):
            if closes_at(timeframes[number], at):
                self._open[place].append(Open(at, when, raw[number], said[number]))
        return said

    def learn(self, candle: Candle) -> None:
        """A candle closed: judge every forecast that was made for its close."""
        place = TIMEFRAMES.index(candle.timeframe)
        span, actual = candle.timeframe.span, float(candle.close)
        for forecast in self._open[place]:
            ahead = (candle.close_time - forecast.at) // span
            if ahead in STEPS:
                step = STEPS.index(ahead)
                self._cells[place][step].learn(
                    forecast.season, forecast.raw[step], forecast.said[step], actual
                )
        self._save(candle.close_time)

    def save(self) -> None:
        """Write what is known."""
        self._store.put(self._sha, self._known)

    def _save(self, now: Nanos) -> None:
        if self._saved is None:
            self._saved = now
        if now - self._saved >= SAVE_EVERY:
            self._saved = now
            self.save()
