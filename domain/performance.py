"""How good a run was: the usual ratios, each with its formula and where it comes from.

All of them read what the account was worth over time, or what each closed trade brought after all
costs. A ratio that its data cannot support is None, never zero: two days have no Sharpe ratio, and
a run without a loss has no profit factor.
"""

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from domain.units import DAY, Floats, Nanos

TRADING_DAYS = 252
"""Days a year that stock exchanges trade; the mission's annualisation."""

CALENDAR_DAYS = 365
"""Days a year that this market trades."""

SAMPLE_MIN = 2
"""Fewer returns than this are no sample."""

TRADES_MIN = 50
"""Fewer closed trades than this prove nothing."""

NORMAL_95 = 1.959963984540054
"""Standard deviations around the mean that hold 95 % of a normal distribution."""

Times = NDArray[np.int64]
"""Moments [ns since the epoch], rising."""


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """What each UTC day brought.

    Attributes:
        day: number of the day since the epoch, shape (n,), without a hole.
        equity: what the account was worth as the day ended [quote currency], shape (n,).
        returns: the day's simple return [fraction], shape (n,).
    """

    day: Times
    equity: Floats
    returns: Floats


def daily(at: Times, equity: Floats) -> Days:
    """Days of an equity curve; a day without a value ends as the day before it did.

    Args:
        at: moments [ns], shape (n,), rising, n > 0.
        equity: what the account was worth then [quote currency], shape (n,). The first value is
            what the run began with; a value at midnight closes the day that ends there.
    """
    later = at > at[0]
    day = (at[later] - 1) // DAY
    if len(day) == 0:
        return Days(day, equity[:0], equity[:0])
    whole = np.arange(day[0], day[-1] + 1)
    last = np.searchsorted(day, whole, side="right") - 1
    closes = equity[later][last]
    before = np.concatenate((equity[:1], closes[:-1]))
    return Days(whole, closes, closes / before - 1)


def monthly(days: Days) -> dict[tuple[int, int], float]:
    """The return of each (year, month) that the days touch [fraction], in order."""
    months = days.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    found = {}
    for month in np.unique(months):
        growth = np.prod(1 + days.returns[months == month])
        found[1970 + int(month) // 12, int(month) % 12 + 1] = float(growth) - 1
    return found


def sharpe(returns: Floats, periods: int) -> float | None:
    """Mean over standard deviation (n - 1), times the root of the periods a year.

    Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1994), against a riskless rate
    of zero: what lies in a virtual wallet earns no interest.
    """
    if len(returns) < SAMPLE_MIN:
        return None
    return _annualised(returns, float(np.std(returns, ddof=1)), periods)


def sharpe_error(returns: Floats, periods: int) -> float | None:
    """Standard error of the Sharpe ratio, where returns are independent.

    Lo, "The Statistics of Sharpe Ratios", Financial Analysts Journal 58 (2002):
    sqrt((1 + s² / 2) / n) for the ratio s of one period.
    """
    ratio = sharpe(returns, 1)
    return None if ratio is None else sqrt((1 + ratio**2 / 2) / len(returns) * periods)


def sortino(returns: Floats, periods: int) -> float | None:
    """Mean over the root of the mean squared loss, times the root of the periods a year.

    Sortino and Price (1994); every period counts below the root, as in Red Rock Capital's "Sortino:
    A 'Sharper' Ratio", not only those that lost.
    """
    if len(returns) < SAMPLE_MIN:
        return None
    losses = np.minimum(returns, 0.0)
    return _annualised(returns, sqrt(float(np.mean(losses**2))), periods)


def growth(returns: Floats, periods: int) -> float | None:
    """What a year at this pace would bring, compounded [fraction]; None below zero wealth."""
    wealth = float(np.prod(1 + returns))
    if len(returns) < SAMPLE_MIN or wealth < 0:
        return None
    try:
        return float(wealth ** (periods / len(returns))) - 1
    except OverflowError:
        return None


def calmar(returns: Floats, periods: int) -> float | None:
    """A year's growth over the deepest drawdown of the same daily returns.

    Young, "Calmar Ratio: A Smoother Tool", Futures (October 1991).
    """
    depth = max_drawdown(np.concatenate((np.ones(1), np.cumprod(1 + returns))))
    pace = growth(returns, periods)
    return None if pace is None or depth == 0 else pace / depth


def drawdowns(equity: Floats) -> Floats:
    """How far each value stands below the highest before it [fraction], shape as given."""
    return np.asarray(1 - equity / np.maximum.accumulate(equity))


def max_drawdown(equity: Floats) -> float:
    """The deepest fall below the highest value before it [fraction]."""
    return float(drawdowns(equity).max()) if len(equity) else 0.0


def wilson(wins: int, trials: int) -> tuple[float, float] | None:
    """Where the true rate lies with 95 % confidence.

    Wilson, "Probable Inference", Journal of the American Statistical Association 22 (1927). Unlike
    the usual interval it holds for few trials and for rates near 0 and 1.

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    if trials == 0:
        return None
    z2 = NORMAL_95**2
    rate = wins / trials
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = rate * (1 - rate) / trials + z2 / (4 * trials**2)
    width = NORMAL_95 * sqrt(spread) / (1 + z2 / trials)
    # At both ends the bound is exact; rounding would put the rate outside its own interval.
    low = 0.0 if wins == 0 else centre - width
    return low, 1.0 if wins == trials else centre + width


def profit_factor(pnl: Floats) -> float | None:
    """What the winners won over what the losers lost; None where nothing was lost."""
    lost = float(-pnl[pnl < 0].sum())
    return None if lost == 0 else float(pnl[pnl > 0].sum()) / lost


def expectancy(pnl: Floats) -> float | None:
    """What a trade brings on average, after all costs [quote currency]."""
    return None if len(pnl) == 0 else float(pnl.mean())


def exposure(spans: list[tuple[Nanos, Nanos]], first: Nanos, last: Nanos) -> float:
    """Share of the time from first to last in which a position was held; spans do not overlap."""
    held = sum(max(0, min(end, last) - max(begin, first)) for begin, end in spans)
    return held / (last - first) if last > first else 0.0


def turnover(traded: float, equity: Floats) -> float:
    """How often the account was turned over: all that was bought and sold over mean equity."""
    return traded / float(equity.mean())


def _annualised(returns: Floats, deviation: float, periods: int) -> float | None:
    if deviation == 0:
        return None
    ratio = float(returns.mean()) / deviation * sqrt(periods)
    return ratio if isfinite(ratio) else None
