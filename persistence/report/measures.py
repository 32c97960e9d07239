"""The figures of a run, as `metrics.json` has them."""

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np

from domain import performance
from domain.coin import Coin, tossed
from domain.deflation import deflated_sharpe, probabilistic_sharpe
from domain.performance import CALENDAR_DAYS, TRADES_MIN, TRADING_DAYS, Days
from domain.resampling import sharpe_interval
from domain.trades import Trade
from domain.units import Floats, Nanos
from persistence.experiments import Trials
from persistence.report.curve import Curve, held
from persistence.report.source import Source

Interval = tuple[float, float]

DIGITS = 10
"""Decimals that are kept of a figure."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """What an equity curve is worth; None where it cannot say.

    Attributes:
        pnl: gained, after all costs [quote currency].
        days: UTC days that the daily returns come from.
        sharpe_252: annualised by 252 days, as the mission says.
        sharpe_365: annualised by 365 days, as this market trades.
        sharpe_365_error: standard error of the latter.
        sharpe_252_interval: where the true one of 252 days lies with 95 % confidence, by the
            stationary bootstrap.
        sharpe_365_interval: likewise of 365 days.
        probabilistic_sharpe: how likely the true one is above zero.
        sortino: by 252 days.
        sortino_365: by 365 days.
        calmar: a year's growth, by 365 days, over the deepest daily drawdown.
        max_drawdown: the deepest within the whole curve [fraction].
        max_drawdown_daily: the deepest between two days' ends [fraction].
    """

    pnl: float
    days: int
    sharpe_252: float | None
    sharpe_365: float | None
    sharpe_365_error: float | None
    sharpe_252_interval: Interval | None
    sharpe_365_interval: Interval | None
    probabilistic_sharpe: float | None
    sortino: float | None
    sortino_365: float | None
    calmar: float | None
    max_drawdown: float
    max_drawdown_daily: float


@dataclass(frozen=True, slots=True)
class Search:
    """What a run's Sharpe ratio is worth among all that was tried.

    Attributes:
        trials: variants in the experiment log.
        deflated: how likely the true ratio is above the best that luck would have found among so
            many; None where nobody can say.
        broken: lines of the log that could not be read.
    """

    trials: int
    deflated: float | None
    broken: int


@dataclass(frozen=True, slots=True)
class Trading:
    """What the trades were and cost.

    Attributes:
        trades: closed ones.
        wins: those that gained after costs.
        win_rate: share of them [fraction].
        win_rate_interval: where the true share lies with 95 % confidence.
        significant: whether there are enough trades to say anything.
        gross: realised before fees and funding [quote currency].
        fees: paid.
        funding: received, negative when paid.
        slippage: what fills were worse than the mid they were decided on; it lies within `gross`.
        profit_factor: won over lost.
        expectancy: a trade's average gain after costs [quote currency].
        exposure: share of the time in which a position was held.
        turnover: bought and sold over mean equity, in the whole period.
    """

    trades: int
    wins: int
    win_rate: float | None
    win_rate_interval: tuple[float, float] | None
    significant: bool
    gross: float
    fees: float
    funding: float
    slippage: float | None
    profit_factor: float | None
    expectancy: float | None
    exposure: float
    turnover: float


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A run in figures, with what they were made from; it began with `begun` [quote currency]."""

    trades: tuple[Trade, ...]
    days: Days
    months: dict[tuple[int, int], float]
    ratios: Ratios
    trading: Trading
    holding: Ratios | None
    coin: Coin | None
    first: Nanos
    last: Nanos
    begun: float


def measured(source: Source, curve: Curve) -> Measured:
    """All figures of a run."""
    days = performance.daily(curve.at, curve.equity)
    other = held(source.prices, float(curve.equity[0]))
    return Measured(
        trades=source.history.trades,
        days=days,
        months=performance.monthly(days),
        ratios=_ratios(curve, days),
        trading=_trading(source, curve),
        holding=None
        if other is None
        else _ratios(other, performance.daily(other.at, other.equity)),
        coin=_tossed(source.history.trades),
        first=Nanos(int(curve.at[0])),
        last=Nanos(int(curve.at[-1])),
        begun=float(curve.equity[0]),
    )


def _tossed(closed: tuple[Trade, ...]) -> Coin | None:
    gross, pnl = (
        np.array([float(amount) for amount in amounts])
        for amounts in ([one.gross for one in closed], [one.pnl for one in closed])
    )
    return tossed(gross, pnl)


def searched(returns: Floats, trials: Trials) -> Search:
    """What the daily returns of a run are worth after such a search."""
    count = len(trials.variants)
    deflated = deflated_sharpe(returns, trials.sharpes, count)
    return Search(count, None if deflated is None else round(deflated, DIGITS), trials.broken)


def metrics(run: Measured) -> dict[str, Any]:
    """The figures as one flat object; buying and holding, and the coin, have one of their own."""
    flat = asdict(run.ratios) | asdict(run.trading)
    other = None if run.holding is None else _rounded(asdict(run.holding))
    coin = None if run.coin is None else _rounded(asdict(run.coin))
    return _rounded(flat) | {"buy_and_hold": other, "coin_flip": coin}


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """Without the digits that binary fractions add to sums of cents."""
    return {
        name: round(value, DIGITS) if isinstance(value, float) else value
        for name, value in figures.items()
    }


def _ratios(curve: Curve, days: Days) -> Ratios:
    returns = days.returns
    ends = np.concatenate((curve.equity[:1], days.equity))
    interval = sharpe_interval(returns)
    return Ratios(
        pnl=float(curve.equity[-1] - curve.equity[0]),
        days=len(returns),
        sharpe_252=performance.sharpe(returns, TRADING_DAYS),
        sharpe_365=performance.sharpe(returns, CALENDAR_DAYS),
        sharpe_365_error=performance.sharpe_error(returns, CALENDAR_DAYS),
        sharpe_252_interval=_scaled(interval, TRADING_DAYS),
        sharpe_365_interval=_scaled(interval, CALENDAR_DAYS),
        probabilistic_sharpe=probabilistic_sharpe(returns),
        sortino=performance.sortino(returns, TRADING_DAYS),
        sortino_365=performance.sortino(returns, CALENDAR_DAYS),
        calmar=performance.calmar(returns, CALENDAR_DAYS),
        max_drawdown=performance.max_drawdown(curve.equity),
        max_drawdown_daily=performance.max_drawdown(ends),
    )


def _scaled(interval: Interval | None, periods: int) -> Interval | None:
    """The interval of a day's ratio as that of a year of so many."""
    if interval is None:
        return None
    low, high = (round(bound * sqrt(periods), DIGITS) for bound in interval)
    return low, high


def _trading(source: Source, curve: Curve) -> Trading:
    closed, lost = source.history.trades, source.history.slippage
    pnl: Floats = np.array([float(trade.pnl) for trade in closed])
    wins = int((pnl > 0).sum())
    first, last = source.history.first, source.history.last
    return Trading(
        trades=len(closed),
        wins=wins,
        win_rate=wins / len(closed) if closed else None,
        win_rate_interval=performance.wilson(wins, len(closed)),
        significant=len(closed) >= TRADES_MIN,
        gross=float(last.realised - first.realised),
        fees=float(last.fees - first.fees),
        funding=float(last.funding - first.funding),
        slippage=None if lost is None else float(lost),
        profit_factor=performance.profit_factor(pnl),
        expectancy=performance.expectancy(pnl),
        exposure=performance.exposure(_spans(source, closed), *_range(curve)),
        turnover=performance.turnover(float(source.history.traded), curve.equity),
    )


def _spans(source: Source, closed: tuple[Trade, ...]) -> list[tuple[Nanos, Nanos]]:
    spans = [(trade.opened, trade.closed) for trade in closed]
    position = source.history.last.position
    return spans if position is None else [*spans, (position.opened, source.kept.until)]


def _range(curve: Curve) -> tuple[Nanos, Nanos]:
    return Nanos(int(curve.at[0])), Nanos(int(curve.at[-1]))
