"""Windows for training and judging: 200 closes and the closes that came after them.

A candle of m minutes closes where its last one-minute candle closes, so the closes of m-minute
candles are every m-th one-minute close, from any starting minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from actors.forecast.corpus import MINUTE_MS, Candles, runs
from domain.horizons import CONTEXT, TIMEFRAMES
from domain.units import Floats, Ints

HORIZON = 64
"""Steps that a checkpoint of ours predicts."""

RECENCY = 0.55
"""Exponent below 1: of a file's windows the later ones are drawn more often."""

SHARES = {1: 0.3, 3: 0.22, 5: 0.15, 15: 0.11, 30: 0.11, 60: 0.11}
"""Of each timeframe in a batch, by its minutes: most of the shortest, which are hardest to learn.

There the gain over a random walk is smallest, so an error that costs nothing at 1h undoes it.
"""

USUAL = 5e-4
"""Typical volatility of one minute [relative price a root minute]."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Every window of one timeframe in one file: unbroken, inside the file's range of dates."""

    candles: Candles
    every: int
    """Base candles in one candle of the timeframe."""
    length: int
    """Closes in a window, context and future together."""
    firsts: Ints
    """Index of the first usable window's first close in each run."""
    ends: Ints
    """Usable windows up to and including each run."""

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def starts(self, numbers: Ints) -> Ints:
        """Index of the first close of each numbered window."""
        run = np.searchsorted(self.ends, numbers, side="right")
        before = np.concatenate(([0], self.ends))[run]
        return self.firsts[run] + numbers - before

    def closes(self, numbers: Ints) -> Floats:
        """Closes of the numbered windows, oldest first, shape (n, length)."""
        places = self.starts(numbers)[:, None] + np.arange(self.length) * self.every
        return self.candles.closes[places]

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Closes of `count` windows drawn at random, shape (count, length)."""
        numbers = (len(self) * rng.random(count) ** RECENCY).astype(np.int64)
        return self.closes(np.minimum(numbers, len(self) - 1))

    def aligned(self) -> Ints:
        """Numbers of those windows whose candles are the exchange's own (whole from midnight)."""
        numbers = np.arange(len(self), dtype=np.int64)
        opened = self.candles.opened[self.starts(numbers)] // MINUTE_MS
        whole = self.every * self.candles.minutes
        aligned: Ints = numbers[(opened + self.candles.minutes) % whole == 0]
        return aligned


def windows(candles: Candles, minutes: int, length: int = CONTEXT + HORIZON) -> Windows:
    """All windows of `length` closes of `minutes`-minute candles in unbroken runs."""
    every = minutes // candles.minutes
    span = (length - 1) * every
    usable = [(first, last - first - span) for first, last in runs(candles)]
    usable = [(first, count) for first, count in usable if count > 0]
    firsts = np.array([first for first, _ in usable], dtype=np.int64)
    ends = np.cumsum(np.array([count for _, count in usable], dtype=np.int64), dtype=np.int64)
    return Windows(candles, every, length, firsts, ends)


class Drawn(NamedTuple):
    """Windows that were drawn."""

    closes: Floats
    """Shape (n, CONTEXT + HORIZON)."""
    usual: Floats
    """Typical volatility of each window's timeframe [relative price a step], shape (n,)."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Windows of all files, each timeframe with its share."""

    minutes: tuple[int, ...]
    """Of each timeframe that there is."""
    timeframes: tuple[tuple[Windows, ...], ...]
    """For each timeframe the files that have it."""
    weights: tuple[Floats, ...]
    """For each timeframe the chance of each of its files."""

    def draw(self, count: int, rng: np.random.Generator) -> Drawn:
        """So many windows."""
        parts: list[Floats] = []
        wanted = np.array([SHARES[minutes] for minutes in self.minutes])
        shares = rng.multinomial(count, wanted / wanted.sum())
        for share, files, weights in zip(shares, self.timeframes, self.weights, strict=True):
            counts = rng.multinomial(share, weights)
            drawn = zip(files, counts, strict=True)
            parts += [file.draw(int(many), rng) for file, many in drawn if many]
        usual = USUAL * np.sqrt(np.repeat(self.minutes, shares))
        return Drawn(np.concatenate(parts), usual)


def mixture(corpus: Sequence[Candles]) -> Mixture | None:
    """The files' windows; None where no file has a single one.

    A file counts by the number of its candles; the first, the one to be traded, counts twice.
    """
    found: list[int] = []
    timeframes: list[tuple[Windows, ...]] = []
    weights: list[Floats] = []
    for minutes in (timeframe.minutes for timeframe in TIMEFRAMES):
        fitting = [candles for candles in corpus if minutes % candles.minutes == 0]
        files = [file for file in (windows(candles, minutes) for candles in fitting) if len(file)]
        if not files:
            continue
        sizes = np.array(
            [len(f.candles.closes) * (2 if f.candles is corpus[0] else 1) for f in files]
        )
        found.append(minutes)
        timeframes.append(tuple(files))
        weights.append(sizes / sizes.sum())
    return Mixture(tuple(found), tuple(timeframes), tuple(weights)) if found else None
