"""What training minimises: pinball loss in relative price, the first steps and recent spread first.

The stock loss counts each window in deviations of the whole window, so a window with one wild
stretch in its past counts little. Here the error is measured in units of the window's recent
volatility times the root of the step, the scale that the move itself should have, and windows that
are wild for their timeframe count more than quiet ones, three quarters of the way to counting in
plain basis points.
"""

import torch
from torch import Tensor

from actors.forecast.windows import HORIZON
from domain.horizons import CONTEXT, LEVELS, STEPS

FIRST, READ, BETWEEN, BEYOND = 6.0, 2.0, 0.4, 0.05
"""What steps count: the first, the others that the signal reads, those between, those after.

The first counts most since it is the hardest: there an error in where the price stands now, which
the network sees only in deviations of the whole window, is largest against the move itself.
"""

RECENT = 0.96
"""Decay of the volatility that a window's error is measured in."""

WILD = 0.75
"""Power of a window's volatility, over its timeframe's, by which it counts."""


def loss(
    quantiles: Tensor, mean: Tensor, deviation: Tensor, prices: Tensor, usual: Tensor
) -> Tensor:
    """Weighted mean pinball loss.

    Args:
        quantiles: in deviations of the window, shape (n, levels, HORIZON).
        mean: of each context, shape (n, 1).
        deviation: of each context, shape (n, 1).
        prices: relative to the last context close, minus one, (n, CONTEXT + HORIZON).
        usual: volatility that is typical of each window's timeframe, (n,).

    Returns:
        A scalar, about .3 for a good forecast.
    """
    spread, moved = recent_spread(prices[:, :CONTEXT])
    weight = (spread[:, 0] / usual).clamp(0.2, 5.0).pow(WILD) * moved
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
    """Recent volatility of each window (n, 1), and whether it moved at all (n,)."""
    squares = torch.diff(context, dim=1).square()
    age = torch.arange(squares.shape[1], device=context.device).flip(0)
    decay = RECENT**age
    recent = (squares @ (decay / decay.sum())).sqrt()
    usual = squares.mean(dim=1).sqrt()
    spread = torch.maximum(recent, 0.2 * usual)
    return spread.clamp_min(1e-9)[:, None], usual > 0
