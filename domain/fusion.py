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
)
from domain.instrument import Instrument, to_tick
from domain.signals import Direction, Forecast, Signal
from domain.units import BASIS_POINTS, Floats, Nanos

PLAN_LEVELS = (LEVELS.index(0.1), LEVELS.index(0.9))
"""The plan's stop and target stand on the bounds of the 80 % interval."""


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

    The plan takes the forecast that speaks loudest in the direction, the one with the greatest
    u_ih |z_ih| of them: its horizon is the plan's time limit, the bounds of its 80 % interval are
    target and stop, each at least one usual move s_i sqrt(h) away from the last close, so that a
    skewed forecast cannot put the stop where the price already is. Its chance of gain is
    P(return in the direction at that horizon > costs) by the same forecast, with costs the taker
    fee both ways; below the outermost quantile it is called that quantile's level.
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
    low, high = _bounds(forecast, timeframe, step, float(usual[timeframe, step]))
    stop, target = (low, high) if sign >= 0 else (high, low)
    up = float((weights * _chance_up(returns)).sum())
    return Signal(
        at=forecast.at,
        direction=(Direction.FLAT, Direction.LONG, Direction.SHORT)[sign],
        confidence=_agreement(weights, medians, sign),
        probability=up if sign >= 0 else 1 - up,
        gain=_gain(returns[timeframe, step], sign or 1),
        expected_bps=score * float((weights * usual).sum()) * BASIS_POINTS,
        by_timeframe=tuple(float(move) * BASIS_POINTS for move in medians[:, -1]),
        horizon=Nanos(TIMEFRAMES[timeframe].span * STEPS[step]),
        stop=to_tick(stop, instrument),
        target=to_tick(target, instrument),
        volatility=forecast.volatility,
    )


def _bounds(forecast: Forecast, timeframe: int, step: int, usual: float) -> tuple[float, float]:
    """Prices below and above the last close between which the plan is open."""
    low, high = (float(forecast.quantiles[timeframe, step, level]) for level in PLAN_LEVELS)
    last = float(forecast.closes[timeframe, -1])
    return min(low, last * float(np.exp(-usual))), max(high, last * float(np.exp(usual)))


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
