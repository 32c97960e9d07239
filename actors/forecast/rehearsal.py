"""The warm-up: a model that is new here forecasts the stored history, and learns from what came.

As the mission wants it: of the 1000 candles of each timeframe the first 800 teach, and on the last
200 it is told how well the intervals hold.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from actors.forecast.engine import Forecaster, checked
from actors.forecast.tutor import Past, Tutor
from domain.candles import newest_run
from domain.horizons import CONTEXT, INTERVALS, STEPS, TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.units import Floats

VALIDATION = 200
"""Candles of each timeframe that the intervals are judged on."""

EVERY = 8
"""Candles from one forecast to the next: all of them would take seconds and teach little more."""


def rehearse(
    tutor: Tutor, model: Forecaster, history: Callable[[Timeframe], Sequence[Candle]]
) -> str:
    """Let the tutor live through the history; returns how well the intervals held at its end.

    Args:
        tutor: learns.
        model: forecasts.
        history: the newest INGESTION candles of a timeframe, oldest first.
    """
    inside: list[NDArray[np.bool_]] = []
    for timeframe in TIMEFRAMES:
        past = _past(model, history(timeframe))
        if past is None:
            continue
        said = tutor.relive(past)
        late = past.origins > past.origins[-1] - VALIDATION * timeframe.span
        inside.append(_held(said[late], past.actuals[late]))
    if not inside:
        return "the calibration begins without a history"
    held = "/".join(f"{share:.0%}" for share in np.concatenate(inside).mean(axis=0))
    wanted = "/".join(f"{share:.0%}" for share, _, _ in INTERVALS)
    return f"calibrated on the history: of its end the {wanted} intervals held {held}"


def _past(model: Forecaster, candles: Sequence[Candle]) -> Past | None:
    """Forecasts of the history whose outcomes it holds; None where it is too short for one."""
    tail = newest_run(candles)
    closes = np.array([float(candle.close) for candle in tail])
    if len(closes) < CONTEXT + max(STEPS):
        return None
    windows = sliding_window_view(closes, CONTEXT + max(STEPS))[::EVERY]
    first = CONTEXT - 1
    origins = [candle.close_time for candle in tail[first : first + EVERY * len(windows) : EVERY]]
    seen = windows[:, :CONTEXT].astype(np.float64)
    return Past(
        candles[0].timeframe,
        np.array(origins[: len(windows)], np.int64),
        checked(seen, model.forecast(seen)),
        windows[:, [first + step for step in STEPS]],
    )


def _held(said: Floats, actuals: Floats) -> NDArray[np.bool_]:
    """Whether each outcome was within each interval, shape (forecasts x steps, 3)."""
    return np.stack(
        [(actuals >= said[..., low]) & (actuals <= said[..., high]) for _, low, high in INTERVALS],
        axis=-1,
    ).reshape(-1, len(INTERVALS))
