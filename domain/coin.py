"""What a coin would have brought: the same trades, each in a direction that was tossed for.

Times, sizes and costs stay as they were; heads, a trade gains what it gained before costs, tails,
it loses that. So the coin knows nothing of directions and everything else that the policy knew, and
who does no better has no skill in directions.
"""

from dataclasses import dataclass

import numpy as np

from domain.units import Floats

DRAWS = 10_000
"""Runs of the coin."""

SEED = 11

CHUNK = 500
"""Runs at once: all of them with ten thousand trades would take 800 MB."""


@dataclass(frozen=True, slots=True)
class Coin:
    """What the coin brought [quote currency].

    Attributes:
        mean: on average; what the costs eat.
        interval: bounds that 95 % of its runs ended within.
        as_good: share of its runs that ended at least as well as the policy.
    """

    mean: float
    interval: tuple[float, float]
    as_good: float


def tossed(gross: Floats, pnl: Floats) -> Coin | None:
    """The coin against a run; None without a trade.

    Args:
        gross: of each trade, before its costs [quote currency], shape (n,).
        pnl: after them, shape (n,).
    """
    if not len(gross):
        return None
    rng, costs = np.random.default_rng(SEED), float((gross - pnl).sum())
    sums = np.concatenate(
        [
            rng.choice(np.array([-1.0, 1.0]), (CHUNK, len(gross))) @ gross - costs
            for _ in range(DRAWS // CHUNK)
        ]
    )
    low, high = np.quantile(sums, [0.025, 0.975]).tolist()
    # A hair's breadth, so that the toss that repeats the run counts as good as it.
    reached = sums >= float(pnl.sum()) - 1e-9
    return Coin(float(sums.mean()), (low, high), float(reached.mean()))
