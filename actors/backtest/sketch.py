"""A policy in outline: what its terms would have brought at the closes, for many terms at once.

Entries and exits happen at the close of the signal's minute, both pay the taker fee, stop and
target are left out, and every trade has the same size. Good enough to choose terms by, and much
faster than the venue, which then says what they are worth.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from domain.horizons import CONFIDENCE_MIN
from domain.modelled import Flags
from domain.terms import ROUND_TRIP_BPS, Terms
from domain.units import BASIS_POINTS, Floats, Ints, Nanos

ENTRIES = (0.54, 0.55, 0.56, 0.57, 0.58)
PROMISES = (1.0, 1.5, 2.0, 2.5, 3.0)
LEAVES = (0.48, 0.5, 0.52)
"""What is tried; each around what trades."""

TRADES_MIN = 30
"""Terms that traded less often in the past are not judged by it."""

NEVER = Terms(entry=1.01)
"""Terms that open nothing: what is left where no others gained."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """All signals of a period, shape (n,) each, oldest first.

    Attributes:
        at: when [ns].
        close: the newest close [quote per base].
        score: its sign is the direction.
        up: fused chance that the price ends up higher.
        agreement: share of the forecasts' weight that points up.
        reach: half of the 80 % interval that a promise is made of [fraction].
    """

    at: Ints
    close: Floats
    score: Floats
    up: Floats
    agreement: Floats
    reach: Floats

    def between(self, first: int, last: int) -> "Outline":
        """Those after one moment and up to another [ns]."""
        begin, end = np.searchsorted(self.at, (first, last), side="right")
        fields = (getattr(self, name)[begin:end] for name in self.__slots__)
        return Outline(*fields)


@dataclass(frozen=True, slots=True)
class Sketched:
    """What terms brought.

    Attributes:
        terms: those.
        trades: opened and closed.
        win_rate: share that gained after costs; None without a trade.
        mean_bps: a trade's gain after costs [basis points].
        t: the mean over its standard error; None with fewer than TRADES_MIN trades.
    """

    terms: Terms
    trades: int
    win_rate: float | None
    mean_bps: float | None
    t: float | None


def opens(outline: Outline, terms: Terms, spare: float = 0.0) -> Flags:
    """Signals that may open a position, shape (n,)."""
    rises = outline.score >= 0
    chance = np.where(rises, outline.up, 1 - outline.up)
    agreement = np.where(rises, outline.agreement, 1 - outline.agreement)
    promise = 2 * np.abs(outline.up - 0.5) * outline.reach * BASIS_POINTS
    return np.asarray(
        (chance >= terms.entry - spare)
        & (agreement >= CONFIDENCE_MIN - spare)
        & (promise >= terms.promise * ROUND_TRIP_BPS - spare)
    )


def closes(outline: Outline, terms: Terms, spare: float = 0.0) -> tuple[Flags, Flags]:
    """Signals that close a short, and those that close a long, shape (n,) each."""
    # A score of nothing at all points nowhere, and may be read either way.
    still = np.abs(outline.score) <= spare
    return (
        np.asarray((1 - outline.up < terms.leave + spare) | still),
        np.asarray((outline.up < terms.leave + spare) | still),
    )


def trades(outline: Outline, terms: Terms) -> Floats:
    """What each trade gained after costs [basis points], oldest first; an open one is left out."""
    entries = np.flatnonzero(opens(outline, terms))
    exits = [np.flatnonzero(flags) for flags in closes(outline, terms)]
    late = np.searchsorted(outline.at, outline.at + terms.longest)
    log_close, gains, now = np.log(outline.close), list[float](), -1
    while (place := int(np.searchsorted(entries, now, side="right"))) < len(entries):
        entry = int(entries[place])
        rises = bool(outline.score[entry] >= 0)
        ways = exits[rises]
        after = int(np.searchsorted(ways, entry, side="right"))
        now = min(int(ways[after]) if after < len(ways) else len(late), int(late[entry]))
        if now >= len(late):
            break
        move = float(log_close[now] - log_close[entry]) * (1 if rises else -1)
        gains.append(move * BASIS_POINTS - ROUND_TRIP_BPS)
        now -= 1  # the minute that closes may open the other way at the next signal
    return np.array(gains)


def sketched(outline: Outline, terms: Terms) -> Sketched:
    """What these terms brought."""
    gains = trades(outline, terms)
    if not len(gains):
        return Sketched(terms, 0, None, None, None)
    mean = float(gains.mean())
    deviation = float(gains.std(ddof=1)) if len(gains) > 1 else 0.0
    judged = len(gains) >= TRADES_MIN and deviation > 0
    t = mean / deviation * float(np.sqrt(len(gains))) if judged else None
    return Sketched(terms, len(gains), float((gains > 0).mean()), mean, t)


def grid() -> Iterator[Terms]:
    """All terms that are tried."""
    for entry, promise, leave in product(ENTRIES, PROMISES, LEAVES):
        yield Terms(entry, promise, leave)


def fitted(outline: Outline, tried: Sequence[Terms] | None = None) -> Sketched:
    """The terms that gained most surely; NEVER where none gained.

    By the mean gain over its standard error: the largest mean alone is that of the rarest trades.
    """
    found = [sketched(outline, terms) for terms in (tuple(grid()) if tried is None else tried)]
    sure = [one for one in found if one.t is not None and one.t > 0]
    return max(sure, key=lambda one: one.t or 0.0, default=Sketched(NEVER, 0, None, None, None))


@dataclass(frozen=True, slots=True)
class Fold:
    """One stretch of a walk forward.

    Attributes:
        learnt_from: first moment of what its terms were fitted on.
        begin: first moment on which they trade; the past before it is all they know.
        end: last moment.
        fit: the terms, and what they had brought.
    """

    learnt_from: Nanos
    begin: Nanos
    end: Nanos
    fit: Sketched


def folds(begin: Nanos, end: Nanos, train: Nanos, test: Nanos) -> list[tuple[Nanos, Nanos, Nanos]]:
    """From where each stretch learns, where it begins, and where it ends."""
    return [
        (Nanos(at - train), Nanos(at), Nanos(min(at + test, end))) for at in range(begin, end, test)
    ]
