"""A backtest that passes over the minutes in which nothing can happen."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol, TextIO, cast

import numpy as np

from actors.backtest.ahead import Prompts, Stretch
from actors.backtest.foresight import Foresight
from actors.backtest.progress import Progress
from actors.backtest.sketch import Outline, closes, opens
from actors.backtest.stage import Cue, Stage
from actors.backtest.tracks import stretches
from actors.dashboard.view import View
from actors.feed.archive import Archive, Paths
from actors.feed.paced import LoopLine
from actors.forecast.actor import Memory
from actors.forecast.engine import Forecaster
from actors.forecast.rehearsal import rehearse
from actors.forecast.tutor import Tutor
from actors.house import Addresses, Fittings, Stores, rooms
from actors.messages import ModelReady
from domain.calibration import Calibration
from domain.errors import SettingsInvalid
from domain.facts import EVENTS, Fact, Mode, Starting, Stopped, Stopping
from domain.horizons import CONTEXT, INGESTION, Timeframe
from domain.market import Candle
from domain.modelled import Flags
from domain.signals import Signal
from domain.terms import TERMS, Terms
from domain.units import MINUTE, Ints, Nanos
from domain.version import VERSION
from persistence.calibration import CalibrationStore
from persistence.candles import CandleStore
from persistence.checkpoints import CheckpointStore
from persistence.document import Document, write
from persistence.environment import open_environment
from persistence.forecasts import ForecastStore
from persistence.home import Home
from persistence.journal import Journal, encode
from persistence.ledger import LedgerStore

SPARE = 1e-9
"""What a figure at a glance may be off by, and far more."""


FOREVER = Nanos(2**62)

Stretches = tuple[tuple[Nanos, Terms], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Playbill:
    """What is played.

    Attributes:
        archive: the market.
        paths: of its candles.
        begin: first moment.
        end: last moment.
        seed: of latencies and of the modelled book.
        stretches: the policy's numbers, each from a moment on; the first from the beginning.
    """

    archive: Archive
    paths: Paths
    begin: Nanos
    end: Nanos
    seed: int
    stretches: Stretches


def taught(archive: Archive, model: Forecaster, begin: Nanos) -> tuple[Calibration, str]:
    """What is known of a model when a period begins, and a sentence on it.

    Raises:
        SettingsInvalid: there is too little history.
    """
    history: dict[Timeframe, list[Candle]] = {timeframe: [] for timeframe in Timeframe}
    for candle in archive.history():
        history[candle.timeframe].append(candle)
    short = [x for x, candles in history.items() if len(candles) < CONTEXT]
    if short:
        raise SettingsInvalid(
            f"{CONTEXT} points of {short[0]} are needed before --from, but there are "
            f"{len(history[short[0]])}; give earlier candles with --data, or a later --from"
        )
    tutor = Tutor(_Untaught(), model.sha, begin)
    said = rehearse(tutor, model, lambda timeframe: history[timeframe][-INGESTION:])
    return tutor.known, said


class _Untaught:
    """A store that knows nothing of any model."""

    def get(self, _sha: str) -> Calibration | None:
        return None

    def put(self, _sha: str, _known: Calibration) -> None:
        """The period's own calibration is kept in the cache."""


class Prompter(Protocol):
    """Knows which signal comes when."""

    def first(self, at: Nanos) -> Signal | None:
        """The signal that stands when the market begins; None where there is none."""

    def at(self, close: Nanos) -> Cue | None:
        """What the signal of the minute that closes then may do; moments only rise."""

    def ahead(self, ends: Ints) -> Prompts:
        """The same for minutes that end at these moments, without the signals themselves."""


def perform(bill: Playbill, cues: Prompter, home: Home, model: Forecaster, stream: TextIO) -> None:
    """Trade through the period on given signals; the model lends them its name only."""
    progress = Progress("trading", bill.end - bill.begin, stream)
    home.enter(bill.archive.identity)
    with closing(open_environment(home.store, durable=False)) as environment:
        state = LastState(home)
        journal = Journal(home.log)
        scribe = Scribe(journal)
        memory = Memory(
            CandleStore(environment), CalibrationStore(environment), ForecastStore(environment)
        )
        stores = Stores(memory, LedgerStore(environment), CheckpointStore(environment), state.keep)
        held = Fittings(
            line=LoopLine(bill.archive),
            display=Unseen(),
            journal=journal,
            load_model=lambda: model,
            sweep=_nothing,
            stores=stores,
            stopwatch=_no_time,
            seed=bill.seed,
            terms=bill.stretches[0][1],
        )
        at = Addresses()
        stage = Stage(rooms(at, held), at, scribe.hear)
        scribe.hear(Starting(bill.begin, Mode.REPLAY, VERSION, "modelled"))
        ready = ModelReady(bill.begin, model.name, model.sha, model.verified)
        stage.begin(ready, cues.first(bill.begin))
        changes = list(bill.stretches[1:])
        for candle in _played(bill, cues, stage):
            while changes and candle.close_time >= changes[0][0]:
                stage.adopt(changes.pop(0)[1])
            stage.play(candle, bill.seed, cues.at(candle.close_time), bill.begin)
            progress.show(candle.close_time - bill.begin)
            scribe.flush()
        scribe.hear(Stopping(bill.end, "the source has no more data"))
        stage.end()
        scribe.hear(Stopped(bill.end, 0.0))
        journal.close()
        state.close()
    progress.end()


def looked_through(foresight: Foresight, stream: TextIO) -> Outline:
    """The whole period at a glance."""
    progress, done = Progress("calibration", foresight.words, stream), 0

    def tell(some: int) -> None:
        nonlocal done
        done += some
        progress.show(done)

    outline = foresight.prepare(tell)
    progress.end()
    return outline


def _played(bill: Playbill, cues: Prompter, stage: Stage) -> Iterator[Candle]:
    """The minutes in which something may happen.

    They close after the beginning and not after the end.
    """
    first = Nanos(bill.begin // MINUTE * MINUTE)
    for rows in stretches(bill.paths, first, Nanos(bill.end // MINUTE * MINUTE)):
        stretch = Stretch(rows, cues.ahead(rows.opened + MINUTE))
        place = stage.skip(stretch, 0, bill.seed)
        while place < len(rows.opened):
            yield rows.candle(place)
            place = stage.skip(stretch, place + 1, bill.seed)


def _nothing() -> None:
    """What there is to sweep."""


def _no_time() -> float:
    """What a clock on the wall would say; in a backtest nobody waits."""
    return 0.0


class Cues:
    """Which signals may matter, and those themselves."""

    def __init__(self, foresight: Foresight, outline: Outline, stretches: Stretches) -> None:
        self._foresight = foresight
        self._at = outline.at
        blank = np.zeros(len(outline.at), bool)
        self._opens, self._closes = blank.copy(), (blank.copy(), blank.copy())
        for (begin, terms), (end, _) in pairwise((*stretches, (FOREVER, TERMS))):
            first, last = np.searchsorted(outline.at, (begin, end)).tolist()
            part = outline.between(begin - 1, end - 1)
            self._opens[first:last] = opens(part, terms, SPARE)
            for kept, found in zip(self._closes, closes(part, terms, SPARE), strict=True):
                kept[first:last] = found

    def first(self, at: Nanos) -> Signal | None:
        """The signal that stands when the market begins; None where there is none."""
        number = int(np.searchsorted(self._at, at, side="right")) - 1
        return self._foresight.signal(number) if number >= 0 else None

    def at(self, close: Nanos) -> Cue | None:
        """What the signal of this minute may do."""
        number = int(np.searchsorted(self._at, close))
        if number >= len(self._at) or self._at[number] != close:
            return None
        may_close = bool(self._closes[0][number]), bool(self._closes[1][number])
        return Cue(bool(self._opens[number]), may_close, partial(self._foresight.signal, number))

    def ahead(self, ends: Ints) -> Prompts:
        """What signals may do at the ends of minutes [ns]."""
        there = np.isin(ends, self._at)
        places = np.searchsorted(self._at, ends)[there]
        return Prompts(*(_spread(kept[places], there) for kept in (self._opens, *self._closes)))


def _spread(kept: Flags, there: Flags) -> Flags:
    """Flags where there are some, false elsewhere."""
    spread = np.zeros(len(there), bool)
    spread[there] = kept
    return spread


class Scribe:
    """Writes facts to the log, and shows nothing."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def hear(self, message: object) -> None:
        """Whatever is a fact is logged, as the dashboard does."""
        if type(message) in EVENTS:
            fact = cast(Fact, message)
            self._journal.append(fact.at, encode(fact, Mode.REPLAY))

    def flush(self) -> None:
        """Write what waits."""
        self._journal.flush()


class LastState:
    """Keeps the newest state, and writes it once.

    The document tells every trade: made each hour, it would take a year's backtest most of its
    time, and no copy of an hour before is worth anything to who can run it again.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._described: Callable[[], Document] | None = None

    def keep(self, _at: Nanos, described: Callable[[], Document]) -> str:
        """Remember how it is described; no copy is kept."""
        self._described = described
        return ""

    def close(self) -> None:
        """Write it."""
        if self._described is not None:
            write(self._home.state, self._described(), durable=False)


class Unseen:
    """A display that shows nothing: the facts are in the log."""

    def open(self) -> None:
        """Nothing to take."""

    def fact(self, line: bytes) -> None:
        """Nothing to show."""

    def draw(self, view: Callable[[], View]) -> None:
        """Nothing to draw."""

    def close(self) -> None:
        """Nothing to give back."""
