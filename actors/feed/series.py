"""The feed's candles: what stands in the cache, what is missing, what each new one completes."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.baselines import disagreeing, outliers
from domain.candles import aggregate, closes_at, newest_run, unbroken, wrong
from domain.horizons import CONTEXT, INGESTION, TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.units import Nanos
from persistence.candles import CandleStore

LONGEST = TIMEFRAMES[-1].minutes
"""One-minute candles that the longest timeframe is made of."""


class Series:
    """All candles of all timeframes. A candle is stored before anyone hears of it."""

    def __init__(self, store: CandleStore) -> None:
        self._store = store
        self._minutes: deque[Candle] = deque(maxlen=LONGEST)

    @property
    def expected(self) -> Nanos | None:
        """Open time of the next one-minute candle; None before the first."""
        return self._minutes[-1].close_time if self._minutes else None

    def have(self) -> dict[Timeframe, Nanos]:
        """Open time of the newest candle of each timeframe whose history stands without a hole."""
        newest = {timeframe: self._store.newest(timeframe, INGESTION) for timeframe in TIMEFRAMES}
        return {
            timeframe: candles[-1].open_time
            for timeframe, candles in newest.items()
            if unbroken(candles) == INGESTION
        }

    def take(self, candles: Iterable[Candle]) -> list[str]:
        """Store what is valid; returns what was wrong with the rest, a sentence each."""
        faults = []
        good = []
        for candle in candles:
            fault = wrong(candle)
            if fault is None:
                good.append(candle)
            else:
                faults.append(f"{candle.timeframe} candle of {candle.open_time}: {fault}")
        self._store.put(good)
        self._derive([candle.open_time for candle in good if candle.timeframe is Timeframe.M1])
        self._minutes.clear()
        self._minutes.extend(self._store.newest(Timeframe.M1, LONGEST))
        return faults

    def history(self) -> dict[Timeframe, tuple[Candle, ...]]:
        """The last INGESTION candles of each timeframe, shortest first, each oldest first."""
        return {timeframe: self._store.newest(timeframe, INGESTION) for timeframe in TIMEFRAMES}

    def points(self, timeframe: Timeframe) -> int:
        """How many points stand for the model, short holes of the exchange bridged."""
        return len(newest_run(self._store.newest(timeframe, CONTEXT)))

    def close(self, minute: Candle) -> tuple[Candle, ...]:
        """Store a closed minute and every longer candle it completes; returns all, shortest first.

        A longer candle with a missing minute in it is not made.
        """
        self._minutes.append(minute)
        closed = [minute]
        for timeframe in TIMEFRAMES[1:]:
            if closes_at(timeframe, minute.close_time):
                closed.extend(self._made(timeframe, minute.close_time))
        self._store.put(closed)
        return tuple(closed)

    def closed_from(self, first: Nanos) -> list[tuple[Candle, ...]]:
        """Stored minutes from this open time on, each with the longer candles it completed."""
        return [
            (minute, *self._completed(minute.close_time))
            for minute in self._minutes
            if minute.open_time >= first
        ]

    def _completed(self, close_time: Nanos) -> Iterator[Candle]:
        for timeframe in TIMEFRAMES[1:]:
            if closes_at(timeframe, close_time):
                opened = Nanos(close_time - timeframe.span)
                yield from self._store.between(timeframe, opened, opened)

    def _derive(self, minutes: Sequence[Nanos]) -> None:
        """Make the longer candles that these minutes are part of; real ones stay as they are."""
        if not minutes:
            return
        hour = TIMEFRAMES[-1].span
        first, last = min(minutes) // hour * hour, max(minutes)
        around = self._store.between(Timeframe.M1, Nanos(first), last)
        for timeframe in TIMEFRAMES[1:]:
            self._store.put(aggregate(around, timeframe))

    def _made(self, timeframe: Timeframe, close_time: Nanos) -> Sequence[Candle]:
        start = close_time - timeframe.span
        return aggregate([x for x in self._minutes if x.open_time >= start], timeframe)


def remarks(history: Mapping[Timeframe, Sequence[Candle]]) -> list[str]:
    """What stands out of the candles of all timeframes, a sentence each."""
    odd = {timeframe: len(outliers(candles)) for timeframe, candles in history.items()}
    wrong = [
        f"the candle of {one.timeframe} that closed at {one.close} is not what its minutes are"
        for timeframe in TIMEFRAMES[1:]
        for one in disagreeing(history[Timeframe.M1], history[timeframe])
    ]
    flagged = ", ".join(f"{count} of {timeframe}" for timeframe, count in odd.items() if count)
    return [
        *wrong,
        *([f"candles that stand out, and are believed: {flagged}"] if flagged else []),
    ]
