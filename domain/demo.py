"""The demo market: an endless BTC/USDT history of one-minute candles that never was.

The logarithm of a minute's volatility is a sum of five Ornstein-Uhlenbeck processes
(forgetting in 4 minutes, 40 minutes, 7 hours, 3 days and 20 days) and a profile over the hours of
the day and the days of the week; the return is that volatility times a Student shock with 8 degrees
of freedom. The sum of scales gives the slowly fading memory of real volatility (Corsi 2009). High
and low are drawn as the extremes of a Brownian bridge from open to close, each left out at times as
in a market whose price rests. Volume follows the range, with a slow, a fast and no memory. A very
weak pull towards 85,000 USDT over 68 days keeps the price between some 55,000 and 130,000.

Nothing in it can be forecast but the volatility: whoever earns here has been lucky.

Calibrated on BTCUSDT spot, 876,960 minutes of 2024-01-01 to 2025-08-31. Real and made figures (mean
of seeds 1 to 8, 600 days each), as `tests/benchmarks/calibration.py` measures them:

    return of a minute, standard deviation      7.1 bp      7.1 bp
    return of a day, the same                   257 bp      272 bp
    kurtosis of 1m, 15m, 1h, 1d returns         58 19 15 5  24 16 13 6
    tail index of |return|, largest 1 %         3.2         3.4
    99 % and 99.9 % of |return| over its mean   5.6 11.5    6.2 12.0
    autocorrelation of return, lag 1            -0.009      0.000
    autocorrelation of |return| at lags         .37 .30 .23 .14 .13   .34 .30 .22 .14 .13
        of 1, 10, 60, 1440 and 10,080 minutes
    volatility of a day, log deviation          0.44        0.51
    median range at 14 over 05 UTC              2.6         2.6
    median range, weekends over other days      0.49        0.49
    median range of a minute                    5.0 bp      4.9 bp
    mean range over mean |close - open|         1.56        1.56
    median and mean volume of a minute          10.9 20.8   11.0 18.7 BTC
    correlation of log volume and log range     0.74        0.69

Half of the real kurtosis of a minute comes from ten minutes of those twenty months.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from domain.horizons import Timeframe
from domain.instrument import BTCUSDT
from domain.market import Candle
from domain.units import BASIS_POINTS, DAY, MINUTE, SECOND, Floats, Ints, Nanos, Price, Quantity

EPOCH = Nanos(int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * SECOND)
"""When the demo's history begins, a Thursday."""

MINUTES = 1440
"""Minutes in a day, made as one block."""

_MEMORY = np.array([4.0, 40.0, 400.0, 4320.0, 28800.0, 15.0, 7200.0])
"""Of the five parts of log volatility, then of the two of log volume [minutes]."""

_DEVIATION = np.array([0.137, 0.368, 0.141, 0.26, 0.26, 0.345, 0.40])
"""Of the same, in the long run."""

_VOLATILITY = np.log(4.40)
"""Median volatility of a minute in the mean hour [log basis points]."""

_FREEDOM = 8
_NIGHT = (0.09, 0.08, -0.07, -0.23, -0.34, -0.39, -0.36, -0.27, -0.18, -0.23, -0.24, -0.23)
_DAY = (0.01, 0.34, 0.57, 0.49, 0.39, 0.27, 0.21, 0.17, 0.11, 0.0, -0.03, -0.14)
_HOURS = np.array([*_NIGHT, *_DAY])
"""Log volatility of each hour of the day, UTC, against the mean: the peak is New York's morning."""

_WEEKDAYS = np.array([0.25, 0.25, 0.19, 0.17, 0.15, -0.62, -0.41])
"""Log volatility of each day of the week, Monday first, against the mean."""

_EPOCH_WEEKDAY = 3

_HOME = np.log(85_000.0)
_PULL = 1 / (68 * MINUTES)
"""Share of the distance from _HOME that a minute takes back."""

_WIGGLE = 0.7
"""Volatility of the bridge that makes high and low, in units of the minute's."""

_AT_REST = 0.15
"""Share of minutes whose high (or low) is their open or close."""

_STEP_SHARE = 0.24
"""Share of minutes that open one tick above the last close; as many below: the bid-ask bounce."""

_VOLUME = (1.02, 0.85, 0.56)
"""Log volume [log BTC] at a range of one basis point, its slope on log range, and its own noise."""

_RATE_MEMORY = np.array([1.5, 75.0])
_RATE_DEVIATION = np.sqrt([0.35, 0.65])
_RATE_Z = np.array([-2.3263, -1.6449, -1.2816, -0.6745, 0.0, 0.1247, 1.3017, 1.6449, 2.3263])
_RATE = np.array([-0.617, -0.193, 0.0, 0.309, 0.837, 1.0, 1.0, 2.192, 4.875])
"""Funding rate [basis points] at 1, 5, 10, 25, 50, 55, 90, 95 and 99 %: a third is the flat 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """One day of one-minute candles, as integers.

    Attributes:
        number: days since EPOCH.
        prices: open, high, low and close [ticks], shape (4, MINUTES).
        lots: volume [lots], shape (MINUTES,).
    """

    number: int
    prices: Ints
    lots: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What one day leaves to the next.

    Attributes:
        parts: the mean-reverting processes in units of their deviation, shape (7,).
        log_price: the price before it is rounded to ticks [log USDT].
        close: the last close [ticks].
    """

    parts: Floats
    log_price: float
    close: int


def days(seed: int) -> Iterator[Day]:
    """The one history of a seed, day after day from EPOCH on, without end."""
    state = _beginning(seed)
    number = 0
    while True:
        day, state = _day(seed, number, state)
        yield day
        number += 1


def candles(day: Day) -> list[Candle]:
    """A day's candles, oldest first."""
    start = EPOCH + day.number * DAY
    prices = [[Price(ticks * BTCUSDT.tick) for ticks in row] for row in day.prices.tolist()]
    volumes = [Quantity(lots * BTCUSDT.lot) for lots in day.lots.tolist()]
    times = range(start, start + DAY, MINUTE)
    return [
        Candle(Timeframe.M1, Nanos(time), opened, high, low, closed, volume)
        for time, opened, high, low, closed, volume in zip(times, *prices, volumes, strict=True)
    ]


def funding_rates(seed: int) -> Iterator[Decimal]:
    """The funding rate of each period of eight hours from EPOCH on [fraction], without end.

    A fast and a slow Gaussian memory (1.5 and 75 periods), mapped to the distribution of BTCUSDT's
    rates from 2023-01 to 2025-08: median 0.84 bp, exactly 1 bp in 35 %, nine in ten from -0.2 to
    2.2 bp; rank correlation over 1, 3 and 21 periods 0.80, 0.74, 0.55 (here 0.83, 0.74, 0.59).
    """
    rng = np.random.default_rng((seed, 0, 1))
    keep = np.exp(-1 / _RATE_MEMORY)
    state = rng.standard_normal(2)
    while True:
        basis_points = np.interp(float(_RATE_DEVIATION @ state), _RATE_Z, _RATE)
        yield Decimal(f"{basis_points / BASIS_POINTS:.8f}")
        state = keep * state + np.sqrt(1 - keep**2) * rng.standard_normal(2)


def _beginning(seed: int) -> _State:
    rng = np.random.default_rng((seed, 0, 0))
    log_price = float(_HOME + 0.1 * rng.standard_normal())
    return _State(rng.standard_normal(len(_MEMORY)), log_price, _tick(log_price))


def _tick(log_price: float) -> int:
    return round(float(np.exp(log_price)) / float(BTCUSDT.tick))


def _day(seed: int, number: int, state: _State) -> tuple[Day, _State]:
    rng = np.random.default_rng((seed, number + 1))
    parts = _reverting(state.parts, rng)
    volatility = _volatility(parts[:5], number)
    shocks = rng.standard_t(_FREEDOM, MINUTES) * np.sqrt(1 - 2 / _FREEDOM)
    pull = _PULL * (_HOME - state.log_price)
    log_prices = state.log_price + np.cumsum(volatility * shocks + pull)
    ticks = np.exp(log_prices) / float(BTCUSDT.tick)
    prices = _prices(ticks, volatility, state.close, rng)
    lots = _lots(prices, parts[5:], rng)
    after = _State(parts[:, -1], float(log_prices[-1]), int(prices[3, -1]))
    return Day(number, prices, lots), after


def _reverting(state: Floats, rng: np.random.Generator) -> Floats:
    """The mean-reverting processes in units of their deviation, shape (7, MINUTES).

    x[n] = a x[n-1] + sqrt(1 - a^2) e[n], solved for all n at once; a^-MINUTES is e^360 at most.
    """
    keep = np.exp(-1 / _MEMORY)[:, None]
    power = keep ** np.arange(1, MINUTES + 1)
    shocks = np.sqrt(1 - keep**2) * rng.standard_normal((len(_MEMORY), MINUTES))
    return np.asarray(power * (state[:, None] + np.cumsum(shocks / power, axis=1)))


def _volatility(parts: Floats, number: int) -> Floats:
    """Standard deviation of each minute's return [fraction], shape (MINUTES,)."""
    season = np.repeat(_HOURS, 60) + _WEEKDAYS[(_EPOCH_WEEKDAY + number) % 7]
    logs = _VOLATILITY + season + _DEVIATION[:5] @ parts
    return np.asarray(np.exp(logs) / BASIS_POINTS)


def _prices(ticks: Floats, volatility: Floats, before: int, rng: np.random.Generator) -> Ints:
    """Open, high, low and close [ticks], shape (4, MINUTES)."""
    closes = np.rint(ticks).astype(np.int64)
    draw = rng.random(MINUTES)
    steps = (draw < _STEP_SHARE).astype(np.int64) - (draw > 1 - _STEP_SHARE)
    opens = np.concatenate([[before], closes[:-1]]) + steps
    wiggle = _WIGGLE * volatility * ticks
    highs = np.maximum(opens, closes) + _excess(closes - opens, wiggle, rng)
    lows = np.minimum(opens, closes) - _excess(closes - opens, wiggle, rng)
    return np.stack([opens, highs, lows, closes])


def _excess(body: Ints, wiggle: Floats, rng: np.random.Generator) -> Ints:
    """How far a Brownian bridge over this body runs beyond it on one side [ticks].

    Its maximum above the start is (b + sqrt(b^2 + 2 s^2 E)) / 2 with E exponential.
    """
    reach = np.sqrt(body**2 + 2 * wiggle**2 * rng.exponential(size=len(body))) - np.abs(body)
    return np.where(rng.random(len(body)) < _AT_REST, 0, np.rint(reach / 2)).astype(np.int64)


def _lots(prices: Ints, parts: Floats, rng: np.random.Generator) -> Ints:
    """Volume of each minute [lots], one at least."""
    level, slope, noise = _VOLUME
    _, highs, lows, closes = prices
    ranges = np.maximum((highs - lows) / closes * BASIS_POINTS, 0.05)
    logs = level + slope * np.log(ranges) + _DEVIATION[5:] @ parts
    volume = np.exp(logs + noise * rng.standard_normal(len(ranges)))
    return np.asarray(np.maximum(np.rint(volume / float(BTCUSDT.lot)), 1), dtype=np.int64)
