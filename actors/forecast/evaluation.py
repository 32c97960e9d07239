"""What a model's forecasts were worth: every forecast of a period beside what came."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from actors.forecast.corpus import MINUTE_MS, Candles
from actors.forecast.engine import Forecaster
from actors.forecast.experience import experience
from actors.forecast.tutor import Past, relive
from actors.forecast.windows import windows
from actors.forecast.yardstick import BPS, coverage, pinball
from domain.calibration import Calibration
from domain.horizons import CONTEXT, STEPS, TIMEFRAMES, VOLATILITY_WINDOW, Timeframe
from domain.units import MILLISECOND, Floats, Ints, Nanos

WARM_UP_MS = 30 * 24 * 60 * MINUTE_MS
"""Before the period the calibration learns for so long, where there is data [ms]."""

RECENT = VOLATILITY_WINDOW + 1
"""Closes kept of each context: what a signal needs beside the forecast."""

BATCH = 512
"""Windows forecast in one go."""


@dataclass(frozen=True, slots=True)
class Forecasts:
    """All forecasts of one timeframe in a period, oldest first.

    Attributes:
        timeframe: of the candles.
        origins: close time of the last candle used [ms], shape (n,).
        recent: the last closes up to its own [quote], shape (n, RECENT).
        actuals: closes that came [quote], shape (n, 5).
        quantiles: forecast prices [quote], shape (n, 5, 13).
    """

    timeframe: Timeframe
    origins: Ints
    recent: Floats
    actuals: Floats
    quantiles: Floats

    def since(self, start_ms: int) -> "Forecasts":
        """Those made at this time or later."""
        late = self.origins >= start_ms
        return Forecasts(
            self.timeframe,
            self.origins[late],
            self.recent[late],
            self.actuals[late],
            self.quantiles[late],
        )

    @property
    def last_closes(self) -> Floats:
        """Close of the last candle used [quote], shape (n,)."""
        return self.recent[:, -1]


def forecasts(
    model: Forecaster, candles: Candles, timeframe: Timeframe, span: tuple[int, int], stride: int
) -> Forecasts:
    """Forecast at every candle of the timeframe that closes in the span.

    Args:
        model: the forecaster.
        candles: of one minute.
        timeframe: whose candles are forecast.
        span: first and last moment [ms], the last excluded; outcomes must lie within it too.
        stride: only origins on whole multiples of so many minutes.
    """
    every = timeframe.minutes
    cut = windows(candles, every, CONTEXT + max(STEPS))
    numbers = cut.aligned()
    last = cut.starts(numbers) + (CONTEXT - 1) * every
    origins = candles.opened[last] + MINUTE_MS
    known = origins + max(STEPS) * every * MINUTE_MS
    kept = (origins >= span[0]) & (known <= span[1]) & (origins // MINUTE_MS % stride == 0)
    closes = cut.closes(numbers[kept])
    contexts = closes[:, :CONTEXT]
    parts = [model.forecast(contexts[n : n + BATCH]) for n in range(0, len(contexts), BATCH)]
    steps = [CONTEXT - 1 + step for step in STEPS]
    return Forecasts(
        timeframe=timeframe,
        origins=origins[kept],
        recent=contexts[:, -RECENT:].copy(),
        actuals=closes[:, steps],
        quantiles=np.concatenate(parts) if parts else np.empty((0, len(STEPS), 13)),
    )


def corrected_online(raw: Forecasts, known: Calibration) -> Forecasts:
    """The forecasts as the calibration corrects them, each by outcomes known at its origin only.

    Args:
        raw: as the model made them.
        known: what is known before the first of them; learnt further in place.
    """
    past = Past(raw.timeframe, raw.origins * MILLISECOND, raw.quantiles, raw.actuals)
    said = relive(known, past)
    return replace(raw, quantiles=said)


@dataclass(frozen=True, slots=True)
class Score:
    """How good the forecasts of one timeframe and step were.

    Attributes:
        timeframe: of the candles.
        step: candles ahead.
        count: forecasts.
        pinball_bps: mean pinball loss of log returns over the levels .1 to .9 [basis points].
        coverage: share of outcomes within the 80, 90 and 95 % intervals.
        width_bps: mean width of the 80 % interval [basis points].
    """

    timeframe: Timeframe
    step: int
    count: int
    pinball_bps: float
    coverage: tuple[float, float, float]
    width_bps: float


def scores(found: Forecasts) -> Iterator[Score]:
    """A score for each step; nothing where there are no forecasts."""
    if not len(found.origins):
        return
    for place, step in enumerate(STEPS):
        actual = np.log(found.actuals[:, place] / found.last_closes)
        said = np.log(found.quantiles[:, place] / found.last_closes[:, None])
        yield Score(
            timeframe=found.timeframe,
            step=step,
            count=len(actual),
            pinball_bps=float(pinball(actual, said).mean()) * BPS,
            coverage=coverage(actual, said),
            width_bps=float((said[:, 10] - said[:, 2]).mean()) * BPS,
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was forecast for one file of candles.

    Attributes:
        found: the forecasts of each timeframe in the span.
        known: what the calibration knows at the end.
    """

    found: tuple[Forecasts, ...]
    known: Calibration


def evaluated(
    model: Forecaster, candles: Candles, span: tuple[int, int], stride: int, *, raw: bool
) -> Evaluation:
    """Forecasts of all timeframes in the span, calibrated online unless `raw`."""
    begin = span[0] if raw else span[0] - WARM_UP_MS
    known = experience(model.sha, Nanos(begin * MILLISECOND))
    found = tuple(
        forecasts(model, candles, timeframe, (begin, span[1]), stride) for timeframe in TIMEFRAMES
    )
    if not raw:
        found = tuple(corrected_online(each, known).since(span[0]) for each in found)
    return Evaluation(found, known)
