"""Corrects forecasts by what came of earlier ones, and remembers what it has learnt."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from domain.calibration import Calibration, calibrated, corrected
from domain.horizons import STEPS, TIMEFRAMES
from domain.market import Candle
from domain.units import HOUR, Floats, Nanos
from persistence.calibration import CalibrationStore

SAVE_EVERY = HOUR
"""How much of what was learnt a crash may cost [market time]."""


@dataclass(frozen=True, slots=True)
class Open:
    """A forecast whose outcome is not known yet: when it was made, and its quantiles (5, 13)."""

    at: Nanos
    said: Floats


class Tutor:
    """The calibration of one model, learning candle by candle."""

    def __init__(self, store: CalibrationStore, model_sha: str) -> None:
        self._store = store
        self._sha = model_sha
        known = store.get(model_sha)
        self._factors, self._counts = known.factors.copy(), known.counts.copy()
        self._open = [deque[Open](maxlen=max(STEPS) + 1) for _ in TIMEFRAMES]
        self._saved: Nanos | None = None

    def correct(self, quantiles: Floats) -> Floats:
        """The quantiles as far as experience corrects them, shape (6, 5, 13)."""
        return calibrated(quantiles, self._factors)

    def remember(self, at: Nanos, said: Floats) -> None:
        """Forecasts were made at this moment; those of candles that closed with it are judged."""
        for place, timeframe in enumerate(TIMEFRAMES):
            if at % timeframe.span == 0:
                self._open[place].append(Open(at, said[place]))

    def learn(self, candle: Candle) -> None:
        """A candle closed: judge every forecast that was made for its close."""
        place = TIMEFRAMES.index(candle.timeframe)
        span = candle.timeframe.span
        for forecast in self._open[place]:
            ahead = (candle.close_time - forecast.at) // span
            if ahead in STEPS:
                self._judge((place, STEPS.index(ahead)), forecast.said, float(candle.close))
        self._save(candle.close_time)

    def save(self) -> None:
        """Write what is known."""
        known = Calibration(np.array(self._factors), np.array(self._counts))
        self._store.put(self._sha, known)

    def _judge(self, place: tuple[int, int], said: Floats, actual: float) -> None:
        step = place[1]
        self._factors[place] = corrected(
            self._factors[place], float(self._counts[place]), said[step], actual, STEPS[step]
        )
        self._counts[place] += 1

    def _save(self, now: Nanos) -> None:
        if self._saved is None:
            self._saved = now
        if now - self._saved >= SAVE_EVERY:
            self._saved = now
            self.save()
