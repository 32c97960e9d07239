"""The random walk in the model's place: what the same policy does with a forecast of nothing.

No drift, normal moves, their variance by exponential weights (RiskMetrics, J.P. Morgan 1996: decay
.94), times the steps ahead.
"""

import hashlib
from statistics import NormalDist

import numpy as np

from actors.forecast.engine import Forecaster
from domain.horizons import LEVELS, STEPS
from domain.units import Floats

NAME = "rw-ewma"

DECAY = 0.94
"""Weight that one more candle leaves of a squared return."""

_DEVIATES = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


class Walk:
    """A `Forecaster` without a model."""

    name = NAME
    sha = hashlib.sha256(NAME.encode()).hexdigest()
    verified = True

    def forecast(self, closes: Floats) -> Floats:
        """As `Forecaster.forecast`: around the last close, which is the median."""
        squares = np.diff(np.log(closes), axis=1) ** 2
        weights = DECAY ** np.arange(squares.shape[1])[::-1]
        # Row by row, so that a forecast does not depend on what it is made together with.
        variance = (squares * weights).sum(axis=1) / weights.sum()
        spread = np.sqrt(variance)[:, None] * np.sqrt(np.array(STEPS))
        return np.asarray(closes[:, -1, None, None] * np.exp(spread[:, :, None] * _DEVIATES))


def instead(_model: Forecaster) -> Forecaster:
    """The walk in place of any model."""
    return Walk()
