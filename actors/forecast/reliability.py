"""Whether what a signal says comes true: how often, of all the times it says so.

Signals are made where all six timeframes close together, on whole hours. Each is judged by what its
own forecasts were about: the share of their weight whose price ended up in its direction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.forecast.evaluation import Forecasts
from domain.execution import ROUND_TRIP
from domain.fusion import fuse, weights_of_forecasts
from domain.horizons import LEVELS, STEPS, TIMEFRAMES
from domain.instrument import BTCUSDT
from domain.signals import Direction, Forecast, Signal
from domain.units import MILLISECOND, Floats, Nanos

EDGES = {
    "confidence": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "probability": (0.0, 0.48, 0.49, 0.5, 0.51, 0.52, 0.54, 1.0),
    "gain": (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 1.0),
}
"""Bounds of the bins of each figure; the last bin holds its upper bound too."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The signals that said about the same.

    Attributes:
        low: least that was said.
        high: bound of what was said.
        count: signals.
        said: what they said on average.
        came: what came true on average.
    """

    low: float
    high: float
    count: int
    said: float
    came: float


def of_levels(found: Sequence[Forecasts]) -> list[tuple[float, float]]:
    """Each quantile level, and the share of outcomes below it: the mean over all cells."""
    forecast = [each for each in found if len(each.origins)]
    below = [(each.actuals[:, :, None] < each.quantiles).mean(axis=0) for each in forecast]
    shares = np.concatenate(below).mean(axis=0)
    return list(zip(LEVELS, (float(share) for share in shares), strict=True))


def of_signals(found: Sequence[Forecasts]) -> dict[str, list[Bin]]:
    """Tables of a signal's confidence, its probability, and its chance of gain after costs."""
    judged = [_judged(found, hour) for hour in _common(found)]
    pointed = [(signal, right, won) for signal, right, won in judged if signal is not None]
    said = {name: np.array([getattr(one, name) for one, _, _ in pointed]) for name in EDGES}
    right, won = (np.array([one[place] for one in pointed]) for place in (1, 2))
    came = {"confidence": right, "probability": right, "gain": won}
    return {name: _binned(said[name], came[name], edges) for name, edges in EDGES.items()}


def _common(found: Sequence[Forecasts]) -> NDArray[np.int64]:
    """Moments at which every timeframe was forecast [ms]; none without all six."""
    moments = found[0].origins
    for each in found[1:]:
        moments = np.intersect1d(moments, each.origins)
    return moments if len(found) == len(TIMEFRAMES) else moments[:0]


def _judged(found: Sequence[Forecasts], moment: int) -> tuple[Signal | None, float, float]:
    """The signal of a moment, the share of it that came true, and whether its plan gained."""
    rows = [int(np.searchsorted(each.origins, moment)) for each in found]
    closes = np.stack([each.recent[row] for each, row in zip(found, rows, strict=True)])
    quantiles = np.stack([each.quantiles[row] for each, row in zip(found, rows, strict=True)])
    actuals = np.stack([each.actuals[row] for each, row in zip(found, rows, strict=True)])
    signal = fuse(Forecast(Nanos(moment * MILLISECOND), closes, quantiles, 0.0), BTCUSDT)
    if signal.direction is Direction.FLAT:
        return None, 0.0, 0.0
    sign = 1 if signal.direction is Direction.LONG else -1
    returns = sign * np.log(actuals / closes[:, -1:])  # (6, 5)
    right = float((weights_of_forecasts() * (0.5 + 0.5 * np.sign(returns))).sum())
    return signal, right, float(returns[_plan(signal)] > ROUND_TRIP)


def _plan(signal: Signal) -> tuple[int, int]:
    """Timeframe and step of a forecast that looks as far ahead as the plan.

    Where all timeframes close together, all that look as far ahead begin and end at one price.
    """
    cells = [(place, step) for place in range(len(TIMEFRAMES)) for step in range(len(STEPS))]
    return next(x for x in cells if TIMEFRAMES[x[0]].span * STEPS[x[1]] == signal.horizon)


def _binned(said: Floats, came: Floats, edges: tuple[float, ...]) -> list[Bin]:
    """A bin for each pair of bounds that holds anything."""
    places = np.clip(np.searchsorted(edges, said, side="right") - 1, 0, len(edges) - 2)
    return [
        Bin(
            edges[place],
            edges[place + 1],
            int((places == place).sum()),
            float(said[places == place].mean()),
            float(came[places == place].mean()),
        )
        for place in range(len(edges) - 1)
        if (places == place).any()
    ]
