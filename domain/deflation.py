"""What is left of a Sharpe ratio once its length, its shape and the search for it are counted.

Who tries a hundred strategies without skill finds one that shines. Bailey and López de Prado ask
how likely a ratio is to be above what the best of so many worthless ones would have had. All ratios
here are those of one period, not annualised.
"""

from math import e, sqrt
from statistics import NormalDist

import numpy as np

from domain.performance import sharpe
from domain.units import Floats

EULER = 0.5772156649015329
"""The Euler-Mascheroni constant."""

NORMAL = NormalDist()

SHAPED_MIN = 4
"""Fewer returns than this have no fourth moment worth the name."""


def probabilistic_sharpe(returns: Floats, benchmark: float = 0.0) -> float | None:
    """How likely the true Sharpe ratio is above a benchmark; None where nobody can say.

    Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15 (2012).

    Args:
        returns: simple returns of equal periods [fraction], shape (n,).
        benchmark: the ratio to beat, of one period.
    """
    ratio = sharpe(returns, 1)
    if ratio is None or len(returns) < SHAPED_MIN:
        return None
    return confidence(ratio - benchmark, _variance(ratio, *shape(returns)), len(returns))


def confidence(above: float, variance: float, length: int) -> float | None:
    """How likely a ratio is truly above a benchmark that it was measured this much above."""
    if variance <= 0:  # two values alone: the ratio of such a sample has no error to speak of
        return None
    return NORMAL.cdf(above * sqrt((length - 1) / variance))


def shape(returns: Floats) -> tuple[float, float]:
    """Skewness and kurtosis (3 for a normal distribution) of a sample that varies."""
    apart = returns - returns.mean()
    apart = apart / sqrt(float(np.mean(apart**2)))
    return float(np.mean(apart**3)), float(np.mean(apart**4))


def expected_best(spread: float, trials: int) -> float:
    """The best Sharpe ratio to expect of so many worthless strategies, of one period.

    Args:
        spread: standard deviation of the ratios that were found.
        trials: how many independent ones were tried; one alone was not chosen, so it is 0.
    """
    if trials <= 1:
        return 0.0
    best, next_best = NORMAL.inv_cdf(1 - 1 / trials), NORMAL.inv_cdf(1 - 1 / (trials * e))
    return spread * ((1 - EULER) * best + EULER * next_best)


def deflated_sharpe(returns: Floats, found: Floats, trials: int) -> float | None:
    """How likely the true Sharpe ratio is above the best that luck would have found.

    Bailey and López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40
    (2014). Variants that resemble each other count in full, so the figure is rather too low.

    Args:
        returns: of the strategy that was kept [fraction], shape (n,).
        found: ratios of the variants that were tried, of one period, shape (m,); those too short
            to have one are not among them.
        trials: how many were tried in all, m at least.

    Returns:
        The probability; None where nobody can say, as of several trials of which fewer than two
        have a ratio.
    """
    if trials > 1 and len(found) <= 1:
        return None
    spread = float(np.std(found, ddof=1)) if len(found) > 1 else 0.0
    return probabilistic_sharpe(returns, expected_best(spread, trials))


def _variance(ratio: float, skewness: float, kurtosis: float) -> float:
    """Variance of a measured ratio times the sample's length less one (Mertens 2002)."""
    return 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2
