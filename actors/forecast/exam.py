"""The examination during training: later windows of the first file, against the random walk."""

from dataclasses import dataclass

import numpy as np
import torch
from chronos.chronos_bolt import ChronosBoltModelForForecasting

from actors.forecast.corpus import Candles
from actors.forecast.windows import windows
from actors.forecast.yardstick import fit, moves, pinball
from domain.horizons import CONTEXT, STEPS, TIMEFRAMES
from domain.units import Floats

SPAN = CONTEXT + max(STEPS)
"""Closes in a window of an examination: no more than is judged."""

LOWEST = -0.99
"""A price is never less than a hundredth of the last one; the logarithm needs a floor."""


@dataclass(frozen=True, slots=True)
class Paper:
    """The windows of one timeframe and the baseline's losses on them."""

    closes: Floats
    """Shape (n, SPAN)."""
    baseline: Floats
    """Mean loss of rw-ewma at each step, shape (5,)."""


def prepare(past: Candles, later: Candles, count: int) -> tuple[Paper, ...]:
    """At most `count` evenly spread windows of each timeframe; those without any are left out."""
    papers = [
        _paper(spread(past, timeframe.minutes, 2 * count), spread(later, timeframe.minutes, count))
        for timeframe in TIMEFRAMES
        if timeframe.minutes % later.minutes == 0
    ]
    return tuple(paper for paper in papers if len(paper.closes))


def spread(candles: Candles, minutes: int, count: int) -> Floats:
    """At most `count` windows of the exchange's own candles, evenly spread, shape (n, SPAN)."""
    every = windows(candles, minutes, SPAN)
    aligned = every.aligned()
    chosen = np.linspace(0, len(aligned) - 1, min(count, len(aligned))).astype(np.int64)
    return every.closes(aligned[chosen])


def grade(model: ChronosBoltModelForForecasting, papers: tuple[Paper, ...]) -> float:
    """Mean over timeframes and steps of the model's loss over that of rw-ewma."""
    ratios = [_losses(model, paper.closes) / paper.baseline for paper in papers]
    return float(np.mean(ratios))


def log_quantiles(model: ChronosBoltModelForForecasting, closes: Floats) -> Floats:
    """Log-return quantiles at the five steps, (n, 200 + ...) -> (n, 5, 13)."""
    last = closes[:, CONTEXT - 1 : CONTEXT]
    prices = torch.tensor(closes[:, :CONTEXT] / last - 1, dtype=torch.float32)
    parts: list[Floats] = []
    columns = [step - 1 for step in STEPS]
    with torch.inference_mode():
        for part in prices.split(512):
            paths = model(context=part.to(model.device)).quantile_preds
            parts.append(paths[:, :, columns].mT.double().cpu().numpy())
    ahead = np.maximum(np.sort(np.concatenate(parts), axis=-1), LOWEST)
    return np.asarray(np.log1p(ahead))


def _paper(past: Floats, later: Floats) -> Paper:
    if not len(later) or not len(past):
        return Paper(later[:0], np.zeros(len(STEPS)))
    actual = moves(later)
    columns = range(len(STEPS))
    losses = [pinball(actual[:, k], fit(past, k).quantiles(later)).mean() for k in columns]
    return Paper(later, np.array(losses))


def _losses(model: ChronosBoltModelForForecasting, closes: Floats) -> Floats:
    actual, quantiles = moves(closes), log_quantiles(model, closes)
    return np.array([pinball(actual[:, k], quantiles[:, k]).mean() for k in range(len(STEPS))])
