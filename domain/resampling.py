"""How far a Sharpe ratio may be off, by drawing the run's own days again in blocks.

The stationary bootstrap (Politis and Romano, Journal of the American Statistical Association 89,
1994) draws blocks of geometric length, so what was drawn is as stationary as what it was drawn
from, and days that hang together stay together. The mean length is chosen from the days themselves
(Politis and White, Econometric Reviews 23, 2004; corrected by Patton, Politis and White, 28, 2009).
"""

from collections.abc import Iterator
from math import ceil, log10, sqrt

import numpy as np
from numpy.typing import NDArray

from domain.units import Floats

DAYS_MIN = 30
"""Fewer returns than this say next to nothing of their own spread."""

DRAWS = 5_000
"""How often the run is drawn again; the ends then move by about 1 % of the interval's width."""

COVERAGE = 0.95

SEED = 1994
"""The same days give the same interval."""

CELLS = 1 << 16
"""Returns drawn at a time: what is held in memory does not grow with the run."""

QUIET_RUN = 5
"""So many autocorrelations in a row must be insignificant before the days count as independent."""

SIGNIFICANT = 2.0
"""Standard errors, in the rule of Politis and White."""

Places = NDArray[np.int64]


def sharpe_interval(returns: Floats, seed: int = SEED) -> tuple[float, float] | None:
    """Where the Sharpe ratio of one period lies with 95 % confidence; None where nobody can say.

    The interval is the percentile one. A draw in which nothing moved has no ratio and is left out.

    Args:
        returns: simple returns of equal periods [fraction], shape (n,), in their order.
        seed: of the draws.
    """
    if len(returns) < DAYS_MIN or np.ptp(returns) == 0:
        return None
    ratios = np.concatenate([_sharpes(returns[x]) for x in draws(returns, DRAWS, seed)])
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(ratios[np.isfinite(ratios)], (tail, 1 - tail))
    return float(low), float(high)


def draws(returns: Floats, count: int, seed: int) -> Iterator[Places]:
    """Where each day of each draw is taken from, a part of the draws at a time, shape (m, n)."""
    random = np.random.default_rng(seed)
    length, chance = len(returns), 1 / block_length(returns)
    rows = max(1, CELLS // length)
    for begun in range(0, count, rows):
        yield stationary(length, min(rows, count - begun), chance, random)


def stationary(length: int, count: int, chance: float, random: np.random.Generator) -> Places:
    """Draws by blocks of geometric length, wrapped around the end, shape (count, length).

    Args:
        length: values there are to draw from, and values in a draw.
        count: how many draws.
        chance: that a block ends after any of its values, 1 over its mean length.
        random: where chance comes from.
    """
    begins = random.random((count, length)) < chance
    begins[:, 0] = True
    starts = random.integers(0, length, (count, length))
    here = np.arange(length)
    since = np.maximum.accumulate(np.where(begins, here, 0), axis=1)
    return np.asarray((np.take_along_axis(starts, since, axis=1) + here - since) % length)


def block_length(returns: Floats) -> float:
    """The mean length of block that suits these returns, at least 1.

    Politis and White's rule for the stationary bootstrap: b = (2 G² / D)^(1/3) n^(1/3), where G is
    the sum of |k| R(k) and D twice the square of the sum of R(k), both under a flat-top window
    whose width is where the autocorrelations die out.
    """
    length = len(returns)
    covariances = _autocovariances(returns)
    if len(covariances) < QUIET_RUN + 1 or covariances[0] == 0:
        return 1.0
    width = _width(covariances / covariances[0], length)
    lags = np.arange(1, width + 1)
    weighed = np.minimum(1.0, 2 * (1 - lags / width)) * covariances[1 : width + 1]
    slope, spectrum = 2 * float(lags @ weighed), float(covariances[0] + 2 * weighed.sum())
    if spectrum == 0:
        return _longest(length)
    return float(np.clip(np.cbrt(slope**2 / spectrum**2 * length), 1.0, _longest(length)))


def _longest(length: int) -> float:
    return float(ceil(min(3 * sqrt(length), length / 3)))


def _autocovariances(returns: Floats) -> Floats:
    """R(0) to R(the last lag that the rule looks at)."""
    length = len(returns)
    last = min(length - 1, ceil(sqrt(length)) + _quiet_run(length))
    apart = returns - returns.mean()
    return np.array([apart[lag:] @ apart[: length - lag] for lag in range(last + 1)]) / length


def _width(correlations: Floats, length: int) -> int:
    """Twice the first lag of a run of insignificant autocorrelations; the last lag without one.

    The paper's rule would take the lag before; Patton's program, R's `np` and Python's `arch` take
    the run's own first lag, and so do we.
    """
    limit, run = SIGNIFICANT * sqrt(log10(length) / length), _quiet_run(length)
    last = len(correlations) - 1
    quiet = np.abs(correlations[1:]) < limit
    runs = np.lib.stride_tricks.sliding_window_view(quiet, run).all(axis=1)
    if not runs.any():
        return last
    return min(last, 2 * (int(runs.argmax()) + 1))


def _quiet_run(length: int) -> int:
    return max(QUIET_RUN, ceil(sqrt(log10(length))))


def _sharpes(drawn: Floats) -> Floats:
    """The ratio of each draw, shape (m,); NaN or infinite where nothing in it moved."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(drawn.mean(axis=1) / drawn.std(axis=1, ddof=1))
