"""The book and the trades around a candle, where only the candle was recorded.

A replay of candles needs books to judge and to fill against. They are made here, and marked so. The
figures are those of Binance's BTCUSDT spot book on 2024-08-08 23:54 to 00:05 UTC (6,493 states in
650 s around 61,750 USDT, 19,904 trades); `tests/benchmarks/calibration.py` recomputes them:

- Spread: one tick in 99.3 % of all states, else wide, median 101 ticks. Wide in 0.1 % of all states
  when the price ranges over 3 bp in 30 s, in 1.1 % at 16 bp: about 0.0008 a basis point.
- Size at the best price: median 1.99 BTC, 0.15 to 4.7 BTC in four of five cases. Behind it most
  levels are dust: median 0.046 BTC, a tenth at the smallest size allowed, a tenth above 0.32 BTC.
- Gap between two levels: one tick in a third, median 11, mean 38, a tenth above 118 ticks.
- Top five levels of both sides: median 336,000 USD, 227,000 to 483,000 in four of five cases.
  Volatility moves that by 3 % for each factor e of range, which is left out.
- Pressure (quantity bid over quantity asked): its logarithm has a standard deviation of 2.1 (the
  model's 1.7), and correlates with itself by 0.63 after half a second, 0.40 after 1 s, 0.15 after
  2 s: sizes forget themselves within some 1.2 s. The best sizes of the sides correlate by -0.62.
- The imbalance of the best sizes correlates by 0.34 with the move of the second before and by 0.30
  with that of the second after. Only the former is modelled: a made book that knew the candle's
  next move would let a replay see its own future.
- Trades: the volume of half a second has a logarithm with standard deviation 2.3, that of 5 s 1.1;
  more where the price moves; in 88 % (0.5 s) to 73 % (5 s) the larger side is that of the move.

Away from 61,750 USDT gaps and wide spreads keep their size relative to the price, and sizes keep
their value in USD. The recording of 2026-06-07 (59 s) has the same spread and half the liquidity.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import numpy as np
from numpy.typing import NDArray

from domain.instrument import BTCUSDT
from domain.market import DEPTH, Book, Candle, Level, Trade
from domain.units import (
    BASIS_POINTS,
    MILLISECOND,
    MINUTE,
    SECOND,
    Floats,
    Ints,
    Nanos,
    Price,
    Quantity,
)

BOOKS_A_MINUTE = 12
"""How often a replay of candles sees a book."""

BOOKS_A_MINUTE_MAX = 10_000
"""Trade and book of one point in time stay apart by a millisecond up to here."""

Flags = NDArray[np.bool_]

_PRICE = 61_750.0
"""Where the recorded book stood [USDT]."""

_Z = np.array(
    [-3.0902, -2.3263, -1.6449, -1.2816, -0.6745, 0.0, 0.6745, 1.2816, 1.6449, 2.3263, 3.0902]
)
"""Standard normal quantiles at .1 1 5 10 25 50 75 90 95 99 99.9 %, where the tables below are."""

_BEST = np.log(
    [9e-5, 0.00935, 0.07148, 0.14699, 0.5458, 1.99255, 3.56847, 4.70905, 5.51921, 7.0426, 10.25]
)
"""Size at the best price [log BTC]."""

_BEHIND = np.log([9e-5, 9e-5, 9e-5, 9e-5, 4e-4, 0.0455, 0.12764, 0.32429, 0.59915, 1.45641, 5.11])
"""Size at the four levels behind it [log BTC]."""

_WIDE = np.array([2.0, 5.5, 8.3, 19.0, 37.5, 101.0, 202.0, 431.0, 869.0, 1680.0, 2313.0])
"""Spread where it is not one tick [ticks]."""

_GAP_Z = np.array([-0.4261, -0.3853, -0.2533, 0.0, 0.2533, 0.6745, 1.2816, 1.6449, 2.3263])
_GAP = np.array([1.0, 2.0, 4.0, 11.0, 23.0, 53.0, 118.0, 161.0, 210.0])
"""Gap between levels [ticks], at 33.5, 35, 40, 50, 60, 75, 90, 95 and 99 %."""

_WIDE_PER_BPS = 0.0008
"""Share of books with a wide spread, for each basis point between the minute's low and high."""

_WIDE_SHARE_MAX = 0.05
_SIDES_CORRELATION = -0.8
"""Of the Gaussian behind the two best sizes: -0.62 by rank, but a thin side stands against a thick
one so often that it takes -0.8 to spread the liquidity as little as measured."""

_MEMORY_S = 1.2
_PUSH = 0.45
"""What past moves add to the bid's size and take from the ask's, for a correlation of 0.34."""

_WITH_THE_MOVE = 0.8
_RANGE_PER_DEVIATION = 1.596
"""Expected range of a Brownian motion in units of its standard deviation, sqrt(8 / pi)."""


@dataclass(frozen=True, slots=True)
class _Path:
    """Where the price is at each point in time of a minute.

    Attributes:
        ticks: price of the trade at each point [ticks], shape (cadence,).
        low: lowest of them; `high` the highest.
        buys: whether it was the buyer who crossed the spread, shape (cadence,).
        anchors: indices of the open, the two extremes and the close.
    """

    ticks: Ints
    low: int
    high: int
    buys: Flags
    anchors: tuple[int, int, int, int]


def minute(
    candle: Candle, seed: int, cadence: int = BOOKS_A_MINUTE, *, modelled: bool = True
) -> tuple[Book | Trade, ...]:
    """What may have happened within this one-minute candle, in order of time.

    At each of `cadence` points in time there is one trade, and a millisecond later one book around
    it. The trades start at the open, then touch the low and the high, the one nearer to the open
    first (the low where both are equally far), stay between them, and end at the close; their
    quantities add up to the volume exactly. A volume of fewer lots than points has fewer trades,
    none at all where it is zero.

    Args:
        candle: of one minute, on the instrument's tick.
        seed: of the market; it and the open time determine everything, so that each minute can be
            made by itself.
        cadence: books a minute, 4 to BOOKS_A_MINUTE_MAX.
        modelled: what the books say of themselves.
    """
    return made(candle, seed, cadence, modelled=modelled).events()


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What may have happened within a minute; its books and trades are made when asked for.

    Attributes:
        number: of the minute since 1970.
        times: when each point in time is, oldest first.
        path: where the price is then.
        volume: of the whole minute; `weights` share it out, shape (cadence,).
        levels: prices [ticks] and sizes [lots], shape (cadence, 2, 2, DEPTH): bids, then asks, of
            each first the prices.
        modelled: what the books say of themselves.
    """

    number: int
    times: list[Nanos]
    path: _Path
    volume: Decimal
    weights: Floats
    levels: Ints
    modelled: bool

    def events(self) -> tuple[Book | Trade, ...]:
        """All of them, in order of time."""
        return tuple(self.later(Nanos(0)))

    def later(self, first: Nanos) -> Iterator[Book | Trade]:
        """Those from this moment on, in order of time."""
        volumes = _trades(self.volume, self.path, self.weights)
        for index, at in enumerate(self.times):
            if at >= first and index in volumes:
                yield self._trade(index, volumes[index])
            if at + MILLISECOND >= first:
                yield self.book(index)

    def book(self, index: int) -> Book:
        """The book at one point in time; -1 is the last."""
        bids, asks = (_levels(*side) for side in self.levels[index].tolist())
        return Book(Nanos(self.times[index] + MILLISECOND), bids, asks, self.modelled)

    def extreme(self, sign: int, first: Nanos) -> Book | None:
        """Of the books from this moment on the one with the highest mid (sign +1), or lowest (-1).

        None where there is no book any more.
        """
        begin = int(np.searchsorted(self.times, first - MILLISECOND))
        if begin == len(self.times):
            return None
        twice = self.levels[begin:, 0, 0, 0] + self.levels[begin:, 1, 0, 0]
        return self.book(begin + int(np.argmax(sign * twice)))

    def _trade(self, index: int, quantity: Quantity) -> Trade:
        trade_id = self.number * len(self.times) + index
        price, buy = _price(int(self.path.ticks[index])), bool(self.path.buys[index])
        return Trade(self.times[index], trade_id, price, quantity, not buy)


def made(
    candle: Candle, seed: int, cadence: int = BOOKS_A_MINUTE, *, modelled: bool = True
) -> Made:
    """As `minute`, for who needs only a part of it."""
    assert 4 <= cadence <= BOOKS_A_MINUTE_MAX, cadence  # noqa: PLR2004 - open, low, high, close
    number = candle.open_time // MINUTE
    rng = np.random.default_rng((seed, number))
    times = _times(candle.open_time, cadence, rng)
    path = _path(candle, cadence, rng)
    weights = _weights(path, rng)
    levels = _books(path, rng)
    return Made(number, times, path, candle.volume, weights, levels, modelled)


def _times(start: Nanos, cadence: int, rng: np.random.Generator) -> list[Nanos]:
    """When the trades happen: each in the first four fifths of its share of the minute.

    The last is within the minute's last second, however few there are: what is decided at the
    close has a fresh book to be decided on.
    """
    slot = MINUTE // cadence
    draws = rng.random(cadence) * 0.8
    offsets = (draws * (slot // MILLISECOND)).astype(np.int64) * MILLISECOND
    times = [Nanos(start + n * slot + offset) for n, offset in enumerate(offsets.tolist())]
    late = start + MINUTE - SECOND + int(draws[-1] * (SECOND // MILLISECOND)) * MILLISECOND
    times[-1] = max(times[-1], Nanos(late))
    return times


def _path(candle: Candle, cadence: int, rng: np.random.Generator) -> _Path:
    opened, high, low, closed = (
        _ticks(price) for price in (candle.open, candle.high, candle.low, candle.close)
    )
    extremes = (low, high) if opened - low <= high - opened else (high, low)
    first, second = sorted(rng.choice(np.arange(1, cadence - 1), 2, replace=False).tolist())
    anchors = (0, first, second, cadence - 1)
    line = np.interp(np.arange(cadence), anchors, (opened, *extremes, closed))
    step = (high - low) / _RANGE_PER_DEVIATION / np.sqrt(cadence)
    walk = np.cumsum(rng.standard_normal(cadence)) * step
    wander = walk - np.interp(np.arange(cadence), anchors, walk[list(anchors)])
    ticks = np.rint(_reflected(line + wander, low, high)).astype(np.int64)
    return _Path(ticks, low, high, _buys(ticks, low, high, rng), anchors)


def _moves(ticks: Ints) -> Ints:
    """What each price is above the one before, none at the first [ticks]."""
    moves = np.zeros_like(ticks)
    np.subtract(ticks[1:], ticks[:-1], out=moves[1:])
    return moves


def _reflected(path: Floats, low: int, high: int) -> Floats:
    """The path folded back at the candle's bounds, so that it does not stick to them."""
    folded = high - np.abs(high - (low + np.abs(path - low)))
    return np.asarray(np.clip(folded, low, high))


def _buys(ticks: Ints, low: int, high: int, rng: np.random.Generator) -> Flags:
    """Which trades lifted the ask: mostly those at a higher price than the one before.

    At the candle's low the ask would stand on it and the bid below, so there the sellers trade; at
    the high the buyers.
    """
    moves = np.sign(_moves(ticks))
    agree = rng.random(len(ticks)) < _WITH_THE_MOVE
    coin = rng.random(len(ticks)) < 0.5  # noqa: PLR2004 - a fair one
    buys = np.where(moves == 0, coin, (moves > 0) == agree)
    return np.asarray(np.where(ticks == low, ticks == high, buys | (ticks == high)), dtype=np.bool_)


def _weights(path: _Path, rng: np.random.Generator) -> Floats:
    """How the volume is shared out, shape (cadence,)."""
    cadence = len(path.ticks)
    spread = min(max(1.97 - 0.51 * math.log(60 / cadence), 0.3), 2.5)
    moves = np.abs(_moves(path.ticks))
    return np.asarray(
        np.exp(spread * rng.standard_normal(cadence)) * (0.3 + moves / max(moves.mean(), 1))
    )


def _trades(volume: Decimal, path: _Path, weights: Floats) -> dict[int, Quantity]:
    """Quantity of the trade at each point that has one; they add up to the volume."""
    cadence = len(weights)
    if volume <= 0:
        return {}
    lots = int(volume // BTCUSDT.lot)
    dust = volume - lots * BTCUSDT.lot
    chosen = _points(min(max(lots, 1), cadence), path.anchors, cadence)
    shares = weights[chosen] / weights[chosen].sum()
    sizes = (np.floor(shares * max(lots - len(chosen), 0))).astype(np.int64) + min(lots, 1)
    sizes[np.argmax(shares)] += lots - sizes.sum()
    trades = {
        index: Quantity(size * BTCUSDT.lot)
        for index, size in zip(chosen, map(Decimal, sizes.tolist()), strict=True)
    }
    trades[chosen[0]] = Quantity(trades[chosen[0]] + dust)
    return trades


def _points(count: int, anchors: tuple[int, ...], cadence: int) -> list[int]:
    """The points that trade when there is less than a lot for each: first those that must."""
    if count == cadence:
        return list(range(cadence))
    return sorted([*anchors, *(n for n in range(cadence) if n not in anchors)][:count])


def _books(path: _Path, rng: np.random.Generator) -> Ints:
    """Levels at each point: the trade's price on the side it hit, the rest by the tables."""
    cadence = len(path.ticks)
    scale = float(path.ticks[0] * BTCUSDT.tick) / _PRICE
    noise = _remembered(rng.standard_normal((cadence, 2 * (2 * DEPTH - 1))))
    spread = _spread(path, scale, rng)
    best = np.stack([path.ticks - path.buys * spread, path.ticks + ~path.buys * spread], axis=1)
    gaps = np.interp(noise[:, 2 * DEPTH :], _GAP_Z, _GAP) * scale
    steps = np.maximum(np.rint(gaps), 1).astype(np.int64).reshape(cadence, 2, DEPTH - 1)
    away = np.concatenate([np.zeros((cadence, 2, 1), np.int64), np.cumsum(steps, axis=2)], axis=2)
    prices = best[:, :, None] + np.array([-1, 1])[:, None] * away
    sizes = _sizes(noise[:, : 2 * DEPTH], path.ticks) / scale / float(BTCUSDT.lot)
    lots = np.maximum(np.rint(sizes), 1).astype(np.int64).reshape(cadence, 2, DEPTH)
    return np.stack([prices, lots], axis=2)


def _remembered(shocks: Floats) -> Floats:
    """Series with a memory of _MEMORY_S out of shocks of unit variance, shape (cadence, columns).

    x[n] = a x[n-1] + sqrt(1 - a^2) e[n], solved for all n at once; a^-cadence is exp(50) at most.
    """
    power, share = _memory(len(shocks))
    return np.asarray(np.cumsum(shocks * share / power, axis=0) * power)


@cache
def _memory(cadence: int) -> tuple[Floats, Floats]:
    """What is left of a shock after each point in time, and how much each of them counts."""
    keep = np.exp(-60 / cadence / _MEMORY_S)
    share = np.full((cadence, 1), np.sqrt(1 - keep**2))
    share[0] = 1.0
    return keep ** np.arange(cadence)[:, None], share


def _spread(path: _Path, scale: float, rng: np.random.Generator) -> Ints:
    """Ask less bid at each point [ticks]: as wide as fits in between low and high, one at least."""
    range_bps = (path.high - path.low) / path.low * BASIS_POINTS
    share = min(_WIDE_PER_BPS * range_bps, _WIDE_SHARE_MAX)
    wide = np.rint(np.interp(rng.standard_normal(len(path.ticks)), _Z, _WIDE) * scale)
    drawn = np.where(rng.random(len(path.ticks)) < share, wide, 1)
    room = np.where(path.buys, path.ticks - path.low, path.high - path.ticks)
    return np.maximum(np.minimum(drawn, room), 1).astype(np.int64)


def _sizes(noise: Floats, ticks: Ints) -> Floats:
    """Sizes in the recorded book [BTC], shape (cadence, 2 * DEPTH): five bids, then five asks."""
    moves = _moves(ticks)[:, None]
    push = _PUSH * _remembered(moves / max(float(np.sqrt(np.mean(moves**2))), 1.0))[:, 0]
    tie = np.sqrt(1 - _SIDES_CORRELATION**2)
    bid = noise[:, 0]
    ask = _SIDES_CORRELATION * bid + tie * noise[:, DEPTH]
    logs = np.interp(noise, _Z, _BEHIND)
    logs[:, 0] = np.interp((bid + push) / np.sqrt(1 + _PUSH**2), _Z, _BEST)
    logs[:, DEPTH] = np.interp((ask - push) / np.sqrt(1 + _PUSH**2), _Z, _BEST)
    return np.asarray(np.exp(logs))


def _levels(prices: list[int], lots: list[int]) -> tuple[Level, ...]:
    """One side of a book; a level whose price would not be positive is left out."""
    return tuple(
        Level(_price(price), Quantity(lot * BTCUSDT.lot))
        for price, lot in zip(prices, map(Decimal, lots), strict=True)
        if price > 0
    )


def _price(ticks: int) -> Price:
    return Price(ticks * BTCUSDT.tick)


def _ticks(price: Price) -> int:
    return int(price / BTCUSDT.tick)
