"""A forecaster that says anything, cheaply: mostly what is allowed, with strong opinions."""

import numpy as np

from domain.horizons import LEVELS, STEPS
from domain.units import Floats
from tests.simulation.world import World

Z = np.array(
    [-1.96, -1.645, -1.282, -0.842, -0.524, -0.253, 0.0, 0.253, 0.524, 0.842, 1.282, 1.645, 1.96]
)
"""Standard normal quantiles at LEVELS."""

assert len(Z) == len(LEVELS)


class ModelBroken(Exception):  # noqa: N818 - it names what a model is then
    """A model fails of something."""


class Oracle:
    """A `Forecaster` without a model."""

    name = "oracle"
    sha = "0" * 64
    verified = True

    def __init__(self, world: World) -> None:
        self._world = world

    def forecast(self, closes: Floats) -> Floats:
        """Normal quantiles about a random drift; wider the farther ahead."""
        world = self._world
        if world.fails("model", 0.05, "the model raises"):
            raise ModelBroken
        width = 0.0 if world.happens(0.02) else world.about(1e-4, 3e-2)
        drift = world.normal() * max(width, 1e-3)
        ahead = np.sqrt(np.array(STEPS, np.float64))[:, None]
        moves = ahead * (drift + width * Z)  # (5, 13)
        said = closes[:, -1][:, None, None] * np.exp(np.clip(moves, -2, 2))
        return self._spoilt(np.asarray(said))

    def _spoilt(self, said: Floats) -> Floats:
        """The same, or what no forecaster may say."""
        world = self._world
        if world.fails("model", 0.03, "the model says no number"):
            said[world.number(len(said)), world.number(len(STEPS))] = world.one_of(
                (np.nan, np.inf, -np.inf)
            )
        if world.fails("model", 0.03, "the model says levels out of order"):
            said = said[..., ::-1].copy()
        if world.fails("model", 0.03, "the model says a negative price"):
            said[world.number(len(said))] *= -1
        if world.fails("model", 0.02, "the model says too little"):
            said = said[:, 1:]
        return said
