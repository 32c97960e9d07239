"""How thirty distributions become one signal."""

import numpy as np

from domain.execution import ROUND_TRIP
from domain.horizons import (
    DECAY,
    LEVELS,
    MEDIAN,
    STEPS,
    TIMEFRAMES,
    VOLATILITY_WINDOW,
    WEIGHTS,
    Timeframe,
)
from domain.instrument import Instrument, to_tick
from domain.signals import Direction, Forecast, Signal
from domain.units import BASIS_POINTS, Floats, Nanos

HOURS_OF_20_DAYS = 480
"""Hourly returns over which the realised volatility of 20 days is taken."""

HOURS_A_DAY = 24

PLAN = TIMEFRAMES.index(Timeframe.H1), STEPS.index(15)
"""The forecast that a plan is made of: the one that sees farthest."""

PLAN_LEVELS = (LEVELS.index(0.025), LEVELS.index(0.975))
"""The plan's stop and target stand on the bounds of its 95 % interval."""

REACH = TIMEFRAMES.index(Timeframe.H1), STEPS.index(3)
"""The forecast that says how far the price usually goes while a position is held."""

REACH_LEVELS = (LEVELS.index(0.1), LEVELS.index(0.9))


def fuse(forecast: Forecast, instrument: Instrument) -> Signal:
    """One signal from the forecasts of all timeframes and steps.

    With timeframe i of weight w_i (mission: .10 .15 .20 .25 .15 .15), step h of STEPS, last close
    C_i and median forecast m_ih:

    - expected log return        r_ih = log(m_ih / C_i)
    - volatility adjustment      z_ih = r_ih / (s_i sqrt(h)), s_i the standard deviation of the
                                 last 20 one-candle log returns: a move is worth what it is
                                 compared with what this timeframe usually does in h candles
    - weight of a forecast       u_ih = w_i .95^(h-1) / sum over all i, h; sums to 1
    - score                      z = sum u_ih z_ih; its sign is the direction
    - confidence                 c = sum of u_ih over the forecasts whose median points in the
                                 direction, and half of those that point nowhere
    - probability                p = sum u_ih P(price ends up in the direction), each P read off
                                 the forecast's own quantiles by linear interpolation
    - expected return [bps]      r = 10,000 z sum u_ih s_i sqrt(h): the score, turned back into a
                                 return by the volatility it was adjusted with

    The confidence is the *agreement* of the ensemble, not a chance of profit; p is the chance, and
    stands beside it everywhere. A forecast symmetric around the last close gives c = p = .5, and
    reflecting all log prices turns the direction round and leaves c and p.

    What the direction promises is (2 p - 1) times half the 80 % interval of the 1h forecast three
    candles ahead: the net chance, times how far the price goes in a while.

    The plan is a net below the position, not a wager: it is closed as soon as the signals no longer
    support it (see `domain.policy`). Its time limit is the farthest horizon, 15 hours; target and
    stop are as far from the last close as the bounds of that forecast's 95 % interval from its
    median. The chance of gain is that of the forecast that speaks loudest, with the greatest
    u_ih |z_ih| in the direction: P(return in the direction at its horizon > costs), with costs the
    taker fee both ways; below the outermost quantile it is called that quantile's level.
    """
    returns = np.log(forecast.quantiles / forecast.closes[:, -1][:, None, None])  # (6, 5, 13)
    medians = returns[:, :, MEDIAN]  # (6, 5)
    usual = _volatility(forecast.closes)[:, None] * np.sqrt(STEPS)  # (6, 5)
    scores = medians / usual
    weights = weights_of_forecasts()
    score = float((weights * scores).sum())
    sign = int(np.sign(score))
    loudest = np.unravel_index(int(np.argmax(weights * scores * (sign or 1))), scores.shape)
    timeframe, step = int(loudest[0]), int(loudest[1])
    low, high = _bounds(forecast)
    stop, target = (low, high) if sign >= 0 else (high, low)
    up = float((weights * _chance_up(returns)).sum())
    return Signal(
        at=forecast.at,
        direction=(Direction.FLAT, Direction.LONG, Direction.SHORT)[sign],
        confidence=_agreement(weights, medians, sign),
        probability=up if sign >= 0 else 1 - up,
        gain=_gain(returns[timeframe, step], sign or 1),
        promise_bps=2 * abs(up - 0.5) * float(_reach(forecast.quantiles[REACH])) * BASIS_POINTS,
        expected_bps=score * float((weights * usual).sum()) * BASIS_POINTS,
        by_timeframe=tuple(float(move) * BASIS_POINTS for move in medians[:, -1]),
        horizon=Nanos(TIMEFRAMES[PLAN[0]].span * STEPS[PLAN[1]]),
        stop=to_tick(stop, instrument),
        target=to_tick(target, instrument),
        volatility=forecast.volatility,
    )


def realised_volatility(closes: Floats) -> float:
    """Realised volatility of hourly closes, shape (n,) [fraction per day]."""
    return float(np.diff(np.log(closes)).std() * np.sqrt(HOURS_A_DAY))


def summed(timeframe: int, quantiles: Floats, closes: Floats) -> Floats:
    """What one timeframe adds to a signal's score, chance to rise, agreement upwards, and reach.

    For many forecasts at once. Added up over the timeframes they are what `fuse` computes, but for
    the last digits.

    Args:
        timeframe: its place among TIMEFRAMES.
        quantiles: corrected, shape (n, 5, 13).
        closes: the last VOLATILITY_WINDOW + 1 of each forecast's input, shape (n, 21).

    Returns:
        Shape (n, 4).
    """
    returns = np.log(quantiles / closes[:, -1, None, None])
    medians = returns[:, :, MEDIAN]
    scores = medians / (_volatility(closes)[:, None] * np.sqrt(STEPS))
    agreement = 0.5 + 0.5 * np.sign(medians)
    weights = weights_of_forecasts()[timeframe]
    told = np.stack([scores, _chances_up(returns), agreement], axis=2)
    whole = np.tensordot(told, weights, axes=(1, 0))
    reach = _reach(quantiles[:, REACH[1]]) if timeframe == REACH[0] else np.zeros(len(quantiles))
    return np.column_stack([whole, reach])


def _chances_up(returns: Floats) -> Floats:
    """As `_chance_up`, for many forecasts at once, shape (..., 13) to (...)."""
    levels = np.array(LEVELS)
    below = (returns <= 0).sum(axis=-1)
    left = np.clip(below - 1, 0, len(LEVELS) - 2)
    low, high = (
        np.take_along_axis(returns, place[..., None], axis=-1)[..., 0] for place in (left, left + 1)
    )
    wide = high > low
    share = np.where(wide, -low / np.where(wide, high - low, 1.0), 0.0)
    inside = levels[left] + np.clip(share, 0.0, 1.0) * (levels[left + 1] - levels[left])
    outer = np.where(below == 0, levels[0], np.where(below == len(LEVELS), levels[-1], inside))
    return np.asarray(1 - outer)


def _bounds(forecast: Forecast) -> tuple[float, float]:
    """Prices below and above the newest close between which the plan is open."""
    quantiles = forecast.quantiles[PLAN]
    last = float(forecast.closes[0, -1])
    low, high = (last * float(quantiles[n] / quantiles[MEDIAN]) for n in PLAN_LEVELS)
    usual = float(_volatility(forecast.closes)[PLAN[0]])
    return min(low, last * float(np.exp(-usual))), max(high, last * float(np.exp(usual)))


def _reach(quantiles: Floats) -> Floats:
    """Half of the 80 % interval [fraction], shape (..., 13) to (...)."""
    low, high = (quantiles[..., level] for level in REACH_LEVELS)
    return np.asarray(np.log(high / low) / 2)


def weights_of_forecasts() -> Floats:
    """Weight of each forecast in a signal, shape (6, 5), summing to 1."""
    decayed = np.outer(WEIGHTS, DECAY ** (np.array(STEPS) - 1.0))
    return np.asarray(decayed / decayed.sum())


def _volatility(closes: Floats) -> Floats:
    """Standard deviation of the last one-candle log returns of each timeframe, shape (6,)."""
    returns = np.diff(np.log(closes[:, -VOLATILITY_WINDOW - 1 :]), axis=1)
    return np.asarray(np.maximum(returns.std(axis=1), 1e-9))


def _agreement(weights: Floats, medians: Floats, sign: int) -> float:
    if sign == 0:
        return 0.5
    return float((weights * (0.5 + 0.5 * np.sign(medians) * sign)).sum())


def _gain(returns: Floats, sign: int) -> float:
    """Chance that a return of these quantiles, shape (13,), is a gain in the direction."""
    below = float(np.interp(sign * ROUND_TRIP, returns, LEVELS))
    return 1 - below if sign > 0 else below


def _chance_up(returns: Floats) -> Floats:
    """Chance that each return ends above zero, shape (6, 5), from its quantiles.

    The distribution function is linear between quantiles and flat beyond the outer ones.
    """
    flat = returns.reshape(-1, len(LEVELS))
    return np.array([1 - np.interp(0.0, row, LEVELS) for row in flat]).reshape(returns.shape[:2])
