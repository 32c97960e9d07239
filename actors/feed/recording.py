"""A recording as a source: books, trades, tickers and candles in the order in which they came.

The time line is the exchange's: each event has the time that the exchange wrote into it. A frame
without one (a depth5 book) gets its arrival, moved by what the newest frame that has both says the
recorder's clock was off. Time never runs backwards: what is older than the newest time seen takes
that time.

The book comes from the depth5 stream where that was recorded, else it is rebuilt from its changes.

What the live line does with its frames is done here too: what came twice is dropped, what cannot be
is refused, and of frames that it took at once (they arrived at the same nanosecond) the newest book
and ticker stand for all. So a replay hears what was heard live.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar

from actors.feed.archive import read_candles
from actors.feed.depth import RebuiltBook
from actors.feed.frames import Damage, Taken, frames, recording_files
from actors.feed.minutes import Minutes
from actors.feed.order import BookOrder, Disorder, TradeOrder, check_time
from actors.feed.outlet import Outlet
from actors.feed.past import HISTORY, recent
from actors.feed.protocol import Decoded, DepthDiff, DepthSnapshot, OpenCandle, read, unwrap
from actors.feed.timeline import moment
from actors.feed.wire import BadFrame
from actors.messages import Rejected
from domain.errors import SettingsInvalid
from domain.facts import Mode
from domain.horizons import Timeframe
from domain.market import Book, Candle, MarketEvent, MarkPrice, Ticker, Trade
from domain.units import HOUR, MINUTE, SECOND, Nanos

SURVEYED = 2_000
"""Frames at the beginning by which we see what a recording holds."""

SILENCE = Nanos(5 * SECOND)
"""A pause longer than this between two frames, and trades may have been missed."""

SNAPSHOT = "depth snapshot"
"""What the bodies of REST depth requests are counted as."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the beginning of a recording shows.

    Attributes:
        start: when it begins, on the exchange's clock.
        offset: what the exchange's clock is ahead of the arrivals [ns].
        partial: whether it holds depth5 books.
        published: whether it holds the exchange's candles.
        streamed: whether it is what a live line listens to, so that its steadiness shows.
    """

    start: Nanos
    offset: Nanos
    partial: bool
    published: bool
    streamed: bool


class _TimeLine:
    """The newest time seen, and how far the exchange's clock is ahead of the arrivals."""

    __slots__ = ("now", "offset")

    def __init__(self, offset: Nanos) -> None:
        self.offset = offset
        self.now = Nanos(0)

    def happened(self, at: Nanos, arrived: Nanos) -> Nanos:
        """An event of this time arrived; what it happened at on this line."""
        self.offset = Nanos(at - arrived)
        self.now = max(self.now, at)
        return self.now

    def came(self, arrived: Nanos) -> Nanos:
        """Something without a time arrived; when that was on this line."""
        self.now = max(self.now, Nanos(arrived + self.offset))
        return self.now


class Recording:
    """Recorded frames. `counts` says how many of which stream have been read so far."""

    mode = Mode.REPLAY
    modelled = False

    def __init__(
        self,
        path: Path,
        history_path: Path | None = None,
        start: Nanos | None = None,
        end: Nanos | None = None,
    ) -> None:
        self._files = recording_files(path)
        self._survey = _survey(path, self._files)
        self._history = history_path
        self._end = end
        self.identity = f"replay-{path.resolve().name}"
        self.streamed = self._survey.streamed
        self.start = max(self._survey.start, start or Nanos(0))
        self.counts: Counter[str] = Counter()
        if end is not None and end <= self.start:
            raise SettingsInvalid(f"cannot replay {path}: nothing in it lies before the end asked")

    def history(self) -> Sequence[Candle]:
        """The last candles of each timeframe before `start`, from the candle archive."""
        if self._history is None:
            return ()
        first = Nanos(self.start // HOUR * HOUR - HISTORY)
        return recent(read_candles(self._history, first, Nanos(self.start - MINUTE)), self.start)

    def summary(self) -> str:
        """How many frames of which stream were read."""
        return "frames read: " + ", ".join(f"{n} {name}" for name, n in sorted(self.counts.items()))

    def events(self) -> Iterator[MarketEvent | Rejected]:
        """What lies from `start` to the end asked for, in order of time."""
        self.counts.clear()
        for event in _Playback(self._survey, self._archived, self.counts).events(self._files):
            at = moment(event)
            if self._end is not None and at > self._end:
                return
            if at > self.start or (at == self.start and not isinstance(event, Candle)):
                yield event

    def _archived(self, open_time: Nanos) -> Candle | None:
        """The candle of a minute that was recorded in part. It was public at its close."""
        if self._history is None:
            return None
        return next(iter(read_candles(self._history, open_time, open_time)), None)


def _survey(path: Path, files: list[Path]) -> _Survey:
    """Look at the beginning of a recording.

    Raises:
        SettingsInvalid: nothing there can be read as the exchange's frames.
    """
    arrivals, offsets, seen = list[Nanos](), list[Nanos](), set[type]()
    partial = False
    for taken in islice(frames(files), SURVEYED):
        if isinstance(taken, Damage):
            continue
        with suppress(BadFrame):
            _, decoded = _decoded(taken)
            arrivals.append(taken.arrived)
            seen.add(type(decoded))
            partial = partial or isinstance(decoded, Book)
            if isinstance(decoded, Trade | DepthDiff | Ticker):
                offsets.append(Nanos(decoded.at - taken.arrived))
    if not arrivals:
        raise SettingsInvalid(f"cannot replay {path}: none of its first frames is Binance's")
    offset = offsets[0] if offsets else Nanos(0)
    published = bool(seen & {Candle, OpenCandle})
    streamed = partial and published and seen >= {Trade, Ticker}
    return _Survey(Nanos(arrivals[0] + offset), offset, partial, published, streamed)


def _decoded(taken: Taken) -> tuple[str, Decoded]:
    stream, data = (taken.stream, taken.data) if taken.stream else unwrap(taken.data)
    decoded = read(stream, data, taken.arrived)
    return stream or SNAPSHOT, decoded


Timed = TypeVar("Timed", Book, Trade, Ticker, MarkPrice)


class _Playback:
    """One reading of a recording from its beginning."""

    def __init__(
        self,
        survey: _Survey,
        archive: Callable[[Nanos], Candle | None],
        counts: Counter[str],
    ) -> None:
        self._line = _TimeLine(survey.offset)
        self._minutes = Minutes(survey.start, archive, published=survey.published)
        self._rebuilt = None if survey.partial else RebuiltBook()
        self._counts = counts
        self._arrived: Nanos | None = None
        self._books, self._trades = BookOrder(), TradeOrder()
        self._told: list[MarketEvent | Rejected] = []
        self._outlet = Outlet(self)

    def tell(self, message: Any, /) -> None:
        """Hear from our own outlet what goes on."""
        self._told.append(message)

    def events(self, files: list[Path]) -> Iterator[MarketEvent | Rejected]:
        """Everything, from the first frame to the last."""
        for _, lot in groupby(frames(files), key=lambda taken: getattr(taken, "arrived", None)):
            for taken in lot:
                self._take(taken)
            self._outlet.flush()
            told, self._told = self._told, []
            yield from told
            yield from self._minutes.pass_time(self._line.now)

    def _take(self, taken: Taken | Damage) -> None:
        """One of the frames that came at once."""
        if isinstance(taken, Damage):
            self.tell(Rejected(self._line.now, taken.file, taken.reason))
            return
        self._note_silence(taken.arrived)
        stream = ""
        try:
            stream, decoded = _decoded(taken)
            new = self._is_new(decoded, taken.arrived)
        except BadFrame as error:
            self._reject(taken.arrived, error.stream, error.reason)
            return
        except Disorder as error:
            self._reject(taken.arrived, stream, str(error))
            return
        self._counts[stream] += 1
        for event in self._events(decoded, taken.arrived) if new else ():
            self._pass(event)

    def _reject(self, arrived: Nanos, stream: str, reason: str) -> None:
        self._counts["rejected"] += 1
        self.tell(Rejected(self._line.came(arrived), stream, reason))

    def _is_new(self, decoded: Decoded, arrived: Nanos) -> bool:
        """Whether it has not come before.

        Raises:
            Disorder: it is dated far ahead of its arrival, or contradicts what came before.
        """
        now = Nanos(arrived + self._line.offset)
        if isinstance(decoded, Candle):
            check_time(decoded.close_time, now)
        if isinstance(decoded, Trade | Ticker | MarkPrice | DepthDiff):
            check_time(decoded.at, now)
        if isinstance(decoded, Trade):
            return self._trades.new(decoded, arrived / SECOND)
        return not isinstance(decoded, Book) or self._books.new(decoded)

    def _pass(self, event: MarketEvent) -> None:
        """Books, trades and tickers with the next lot, anything else at once."""
        if isinstance(event, Book | Trade | Ticker):
            self._outlet.put(event)
        else:
            self._outlet.flush()
            self.tell(event)

    def _note_silence(self, arrived: Nanos) -> None:
        if self._arrived is not None and arrived - self._arrived > SILENCE:
            self._minutes.lose(Nanos(arrived + self._line.offset))
        self._arrived = arrived

    def _events(self, decoded: Decoded, arrived: Nanos) -> Iterator[MarketEvent]:
        match decoded:
            case Trade():
                at = self._line.happened(decoded.at, arrived)
                yield from self._minutes.trade(decoded)
                yield _at(decoded, at)
            case DepthDiff() | DepthSnapshot():
                yield from self._book(decoded, arrived)
            case Book():
                yield _at(decoded, self._line.came(arrived))
            case Candle():
                yield from self._candle(decoded)
            case Ticker():
                yield _at(decoded, self._line.happened(decoded.at, arrived))
            case MarkPrice():
                yield _at(decoded, self._line.happened(decoded.at, arrived))
            case _:
                self._line.came(arrived)

    def _book(self, change: DepthDiff | DepthSnapshot, arrived: Nanos) -> Iterator[Book]:
        if isinstance(change, DepthDiff):
            self._line.happened(change.at, arrived)
        else:
            self._line.came(arrived)
        if self._rebuilt is None:
            return
        if isinstance(change, DepthDiff):
            book = self._rebuilt.apply(change)
        else:
            book = self._rebuilt.restart(change)
        if book is not None:
            yield _at(book, self._line.now)

    def _candle(self, candle: Candle) -> Iterator[Candle]:
        self._line.now = max(self._line.now, candle.close_time)
        if candle.timeframe is Timeframe.M1:
            yield from self._minutes.candle(candle)


def _at(event: Timed, at: Nanos) -> Timed:
    return event if event.at == at else replace(event, at=at)
