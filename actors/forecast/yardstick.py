"""What a forecast is measured with: pinball loss, coverage, and the baseline to beat.

The baseline `rw-ewma` is a random walk whose spread is the exponentially weighted volatility of
the window times the root of the step. Its decay is the one of `DECAYS` with the least loss, its
shape the empirical quantiles of the standardised moves, both on the past only.
"""

from dataclasses import dataclass

import numpy as np

from domain.horizons import CONTEXT, LEVELS, STEPS
from domain.units import Floats

DECAYS = (0.85, 0.9, 0.94, 0.97, 0.985)
"""Weights of yesterday's variance that the baseline may choose from."""

CORE = slice(2, 11)
"""The levels .1 to .9 among the thirteen."""

BPS = 1e4
"""Basis points in a relative price of one."""

FLOOR = 1e-9
"""Volatility of a window that never moves [relative price]."""


def moves(closes: Floats) -> Floats:
    """Log returns from the context's last close to each step, (n, 200 + ...) -> (n, 5)."""
    last = closes[:, CONTEXT - 1 : CONTEXT]
    ahead = closes[:, [CONTEXT - 1 + step for step in STEPS]]
    return np.log(ahead / last)


def pinball(actual: Floats, quantiles: Floats) -> Floats:
    """Mean pinball loss over the levels .1 to .9: (n,), (n, 13) -> (n,)."""
    levels = np.array(LEVELS)[CORE]
    error = actual[:, None] - quantiles[:, CORE]
    return np.asarray(np.maximum(levels * error, (levels - 1) * error).mean(axis=1))


def coverage(actual: Floats, quantiles: Floats) -> tuple[float, float, float]:
    """Share of outcomes inside the 80, 90 and 95 % intervals: (n,), (n, 13)."""
    inside = [
        float(np.mean((actual >= quantiles[:, k]) & (actual <= quantiles[:, -1 - k])))
        for k in (2, 1, 0)
    ]
    return inside[0], inside[1], inside[2]


def volatility(closes: Floats, decay: float) -> Floats:
    """Exponentially weighted root mean square of the context's log returns, shape (n,)."""
    returns = np.diff(np.log(closes[:, :CONTEXT]), axis=1)
    weights = decay ** np.arange(returns.shape[1])[::-1]
    return np.asarray(np.sqrt(returns**2 @ (weights / weights.sum())) + FLOOR)


@dataclass(frozen=True, slots=True)
class RandomWalk:
    """The fitted baseline of one timeframe and step."""

    decay: float
    step: int
    shape: Floats
    """Quantiles of the standardised move at the 13 levels."""

    def quantiles(self, closes: Floats) -> Floats:
        """Log-return quantiles, (n, 200 + ...) closes -> (n, 13)."""
        spread = volatility(closes, self.decay) * np.sqrt(self.step)
        return np.asarray(spread[:, None] * self.shape)


def fit(closes: Floats, column: int) -> RandomWalk:
    """The random walk with the least loss for step `STEPS[column]` on these past windows."""
    step, actual = STEPS[column], moves(closes)[:, column]
    candidates = [_shaped(closes, actual, step, decay) for decay in DECAYS]
    losses = [pinball(actual, walk.quantiles(closes)).mean() for walk in candidates]
    return candidates[int(np.argmin(losses))]


def _shaped(closes: Floats, actual: Floats, step: int, decay: float) -> RandomWalk:
    standard = actual / (volatility(closes, decay) * np.sqrt(step))
    return RandomWalk(decay, step, np.quantile(standard, LEVELS))
