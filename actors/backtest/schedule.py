"""When a forecaster would have spoken in a period, and on which windows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from actors.backtest.tracks import Track
from domain.horizons import CONTEXT
from domain.modelled import Flags
from domain.units import Ints, Nanos


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """The forecasts of a period, oldest first.

    Attributes:
        at: when each was made [ns], shape (n,): the close of the newest minute.
        newest: number of the word that stands at each of them, by timeframe, shape (6, n), int32.
        words: what each timeframe says anew.
    """

    at: Ints
    newest: Ints
    words: tuple["Words", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The forecasts of one timeframe in the order in which they are made, shape (n,) each.

    Attributes:
        at: when [ns].
        places: on its track, of the newest candle of the window.
    """

    at: Ints
    places: Ints


def schedule(found: Sequence[Track], begin: Nanos, end: Nanos) -> Schedule:
    """What `ForecastActor` would do: a minute's close after the other, each time what is new.

    It is silent while a timeframe has fewer than 200 points without a hole. After a hole it reads
    its input anew, and forecasts all of it anew.
    """
    minutes = found[0].ends[found[0].real]
    last = np.searchsorted(minutes, begin, side="right") - 1
    times = minutes[max(int(last), 0) : int(np.searchsorted(minutes, end, side="right"))]
    newest = np.stack([_newest(one, times) for one in found])
    known = np.stack([one.points[places] for one, places in zip(found, newest, strict=True)])
    speaks = (known >= CONTEXT).all(axis=0) & (newest >= 0).all(axis=0)
    anew = _anew(found, newest, times)
    # Whatever was read anew while it was silent is forecast when it speaks next.
    spoken = np.flatnonzero(speaks)
    whole = _any_between(anew, spoken)
    at, newest = times[spoken], newest[:, spoken]
    words, numbers = [], []
    for row in newest:
        due = whole | (np.diff(row, prepend=row[:1] - 1) != 0)
        numbers.append(np.cumsum(due, dtype=np.int32) - np.int32(1))
        words.append(Words(at[due], row[due]))
    return Schedule(at, np.stack(numbers), tuple(words))


def _newest(one: Track, times: Ints) -> Ints:
    """Place of the newest candle that is known at each time; -1 before the first."""
    real = np.flatnonzero(one.real)
    number = np.searchsorted(one.ends[real], times, side="right") - 1
    return np.asarray(np.where(number >= 0, real[np.maximum(number, 0)], -1))


def _anew(found: Sequence[Track], newest: Ints, times: Ints) -> Flags:
    """Minutes with which a candle closes that does not follow on the one before it."""
    anew = np.zeros(len(times), bool)
    for one, places in zip(found, newest, strict=True):
        ends = one.ends[one.real]
        broken = ends[1:][np.diff(ends) != one.timeframe.span]
        anew |= np.isin(times, broken) & (one.ends[places] == times)
    if len(anew):
        anew[0] = True
    return anew


def _any_between(flags: Flags, places: Ints) -> Flags:
    """Whether a flag stands after the place before and up to each place."""
    before = np.concatenate(([0], np.cumsum(flags)))
    until = before[places + 1]
    since = np.concatenate(([0], until[:-1]))
    return np.asarray(until > since)
