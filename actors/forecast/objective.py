"""What training minimises: pinball loss in relative price, the first steps and recent spread first.

The stock loss counts each window in deviations of the whole window, so a window with one wild
stretch in its past counts little. Here the error is measured in units of the window's recent
volatility times the root of the step, the scale that the move itself should have, and wild windows
count somewhat more than quiet ones (square root), half way to counting in plain basis points.
"""

import torch
from torch import Tensor

from actors.forecast.windows import HORIZON
from domain.horizons import CONTEXT, LEVELS, STEPS

FIRST, READ, BETWEEN, BEYOND = 4.0, 2.0, 0.4, 0.05
"""What steps count: the first, the others that the signal reads, those between, those after.

The first counts most since it is the hardest: there an error in where the price stands now, which
the network sees only in deviations of the whole window, is largest against the move itself.
"""

RECENT = 0.96
"""Decay of the volatility that a window's error is measured in."""

USUAL = 1e-3
"""Volatility of a window that counts as one [relative price a step]."""


def loss(quantiles: Tensor, mean: Tensor, deviation: Tensor, prices: Tensor) -> Tensor:
    """Weighted mean pinball loss.

    Args:
        quantiles: in deviations of the window, shape (n, levels, HORIZON).
        mean: of each context, shape (n, 1).
        deviation: of each context, shape (n, 1).
        prices: relative to the last context close, minus one, (n, CONTEXT + HORIZON).

    Returns:
        A scalar, about .3 for a good forecast.
    """
    spread, weight = recent_spread(prices[:, :CONTEXT])
    target = (prices[:, CONTEXT:] - mean) / deviation
    levels = torch.tensor(LEVELS, device=prices.device)[:, None]
    error = target[:, None, :] - quantiles
    pinball = torch.maximum(levels * error, (levels - 1) * error).mean(dim=1)
    natural = pinball * (deviation / spread) * step_weights(prices.device)
    return (natural.sum(dim=1) * weight).sum() / weight.sum()


def step_weights(device: torch.device) -> Tensor:
    """Weight of each step over the root of the step, summing to one before the root, (HORIZON,)."""
    steps = torch.arange(1, HORIZON + 1, device=device)
    counts = torch.where(steps <= max(STEPS), BETWEEN, BEYOND)
    counts[[step - 1 for step in STEPS]] = READ
    counts[0] = FIRST
    return counts / counts.sum() / steps.sqrt()


def recent_spread(context: Tensor) -> tuple[Tensor, Tensor]:
    """Recent volatility of each window (n, 1), and what the window counts (n,)."""
    squares = torch.diff(context, dim=1).square()
    age = torch.arange(squares.shape[1], device=context.device).flip(0)
    decay = RECENT**age
    recent = (squares @ (decay / decay.sum())).sqrt()
    usual = squares.mean(dim=1).sqrt()
    spread = torch.maximum(recent, 0.2 * usual)
    weight = (spread / USUAL).clamp(0.25, 8.0).sqrt() * (usual > 0)
    return spread.clamp_min(1e-9)[:, None], weight
