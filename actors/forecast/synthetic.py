"""Made-up markets for training: what prices may do that the archive happens not to show.

Half are random walks of steady volatility, half follow two-factor stochastic volatility, which
clusters as GARCH does; all have fat tails of a drawn thickness, some a daily rhythm, some jumps.
"""

import numpy as np

from domain.units import Floats


def log_prices(count: int, length: int, rng: np.random.Generator) -> Floats:
    """Logarithms of `count` random price paths, shape (count, length)."""
    level = np.exp(rng.normal(np.log(1e-3), 1.0, (count, 1)))
    clustered = rng.random((count, 1)) < 0.5  # noqa: PLR2004 - half of them
    volatility = np.where(clustered, _clusters(count, length, rng), 0.0)
    volatility += _rhythm(count, length, rng)
    returns = level * np.exp(volatility) * _shocks(count, length, rng)
    returns += _jumps(count, length, rng) * level
    return np.cumsum(returns, axis=1)


def _clusters(count: int, length: int, rng: np.random.Generator) -> Floats:
    """A slow and a fast mean-reverting logarithm of volatility."""
    memory = np.stack([1 - 10 ** rng.uniform(-2.7, -1.5, count), rng.uniform(0.5, 0.97, count)])
    spread = np.stack([rng.uniform(0.2, 0.9, count), rng.uniform(0.1, 0.6, count)])
    state = rng.normal(size=(2, count)) * spread
    push = spread * np.sqrt(1 - memory**2)
    path = np.empty((count, length))
    for step in range(length):
        path[:, step] = state.sum(axis=0)
        state = memory * state + push * rng.normal(size=(2, count))
    return path


def _rhythm(count: int, length: int, rng: np.random.Generator) -> Floats:
    """Volatility that follows a clock of 24 to 96 steps, in a third of the paths."""
    period = rng.choice([24.0, 48.0, 96.0], (count, 1))
    height = rng.uniform(0.0, 0.6, (count, 1)) * (rng.random((count, 1)) < 1 / 3)
    phase = rng.uniform(0.0, 2 * np.pi, (count, 1))
    return np.asarray(height * np.sin(phase + 2 * np.pi * np.arange(length) / period))


def _shocks(count: int, length: int, rng: np.random.Generator) -> Floats:
    """Student shocks of unit variance, 3 to 30 degrees of freedom."""
    freedom = np.exp(rng.uniform(np.log(3.0), np.log(30.0), (count, 1)))
    shocks = rng.standard_t(freedom, (count, length))
    return np.asarray(shocks * np.sqrt((freedom - 2) / freedom))


def _jumps(count: int, length: int, rng: np.random.Generator) -> Floats:
    """Rare jumps of several deviations, in a fifth of the paths."""
    rate = rng.uniform(0.0, 0.02, (count, 1)) * (rng.random((count, 1)) < 1 / 5)
    return np.asarray(rng.normal(0.0, 6.0, (count, length)) * (rng.random((count, length)) < rate))
