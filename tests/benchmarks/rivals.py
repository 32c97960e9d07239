"""Volatility models of the field, beside which a forecaster is measured: HAR and GARCH(1,1).

Each forecasts a spread; its shape, the quantiles of the move in units of that spread, is fitted per
timeframe and step on the same past, as that of `yardstick.RandomWalk` is.
"""

from dataclasses import dataclass

import numpy as np

from actors.forecast.yardstick import FLOOR, moves
from domain.horizons import CONTEXT, LEVELS, STEPS
from domain.units import Floats

SPANS = (1, 5, 22, 199)
"""Returns over which HAR takes volatility: Corsi's day, week and month, and all that is seen."""

PERCENT = 100.0
"""GARCH is fitted on returns in per cent, where its optimiser works best."""

RETURNS_MAX = 50_000
"""Returns that GARCH is fitted on at most."""


@dataclass(frozen=True, slots=True)
class Har:
    """Heterogeneous autoregression (Corsi 2009) of the size of a move, by least squares."""

    weights: tuple[Floats, ...]
    """For each step: a constant, then a weight for each span, shape (5,)."""

    @classmethod
    def fit(cls, closes: Floats) -> "Har":
        """Learn from past windows, shape (n, 200 + ...)."""
        weights = np.linalg.pinv(_features(closes)) @ np.abs(moves(closes))
        return cls(tuple(weights.T))

    def spread(self, closes: Floats, column: int) -> Floats:
        """Expected size of the move at a step, shape (n,)."""
        features = _features(closes)
        least = 0.2 * features[:, -1] * np.sqrt(STEPS[column])
        return np.asarray(np.maximum(features @ self.weights[column], least) + FLOOR)


def _features(closes: Floats) -> Floats:
    """One, and the root mean square return over each span, shape (n, 5)."""
    squares = np.diff(np.log(closes[:, :CONTEXT]), axis=1) ** 2
    spans = [np.sqrt(squares[:, -span:].mean(axis=1)) for span in SPANS]
    return np.stack([np.ones(len(closes)), *spans], axis=1)


@dataclass(frozen=True, slots=True)
class Garch:
    """GARCH(1,1) with Student's innovations (Bollerslev 1987), fitted by the package `arch`."""

    constant: float
    shock: float
    memory: float

    @classmethod
    def fit(cls, returns: Floats) -> "Garch":
        """Learn from past log returns of the timeframe, shape (n,).

        Raises:
            ImportError: `arch` is not installed.
        """
        from arch import arch_model  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: PLC0415

        model = arch_model(PERCENT * returns[-RETURNS_MAX:], mean="Zero", dist="t", rescale=False)
        found = model.fit(disp="off").params
        constant = float(found["omega"]) / PERCENT**2
        return cls(constant, float(found["alpha[1]"]), float(found["beta[1]"]))

    def spread(self, closes: Floats, column: int) -> Floats:
        """Deviation of the move at a step, shape (n,)."""
        squares = np.diff(np.log(closes[:, :CONTEXT]), axis=1) ** 2
        variance = squares.mean(axis=1)
        for square in squares.T:
            variance = self.constant + self.shock * square + self.memory * variance
        total = np.zeros(len(closes))
        for _ in range(STEPS[column]):
            total += variance
            variance = self.constant + (self.shock + self.memory) * variance
        return np.asarray(np.sqrt(total) + FLOOR)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A volatility model with the shape of the moves in units of its spread."""

    model: Har | Garch
    shapes: tuple[Floats, ...]
    """For each step the quantiles at the 13 levels."""

    @classmethod
    def fit(cls, model: Har | Garch, closes: Floats) -> "Shaped":
        """Learn the shapes from past windows."""
        actual = moves(closes)
        standard = [actual[:, k] / model.spread(closes, k) for k in range(len(STEPS))]
        return cls(model, tuple(np.quantile(each, LEVELS) for each in standard))

    def quantiles(self, closes: Floats, column: int) -> Floats:
        """Log-return quantiles at a step, (n, 200 + ...) closes -> (n, 13)."""
        return self.model.spread(closes, column)[:, None] * self.shapes[column]
