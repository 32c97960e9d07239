"""Candles by REST: the history at the start, and whatever is missing later. Any thread may ask."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from time import perf_counter

from actors.feed.bodies import read_klines, read_time
from actors.feed.rest import Parameters, Rest
from actors.feed.wire import BadFrame
from actors.messages import Arriving, Fetched
from domain.clock_offset import SAMPLES, ClockOffset, Sample, clock_offset
from domain.errors import VenueUnavailable
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.market import Candle
from domain.units import MILLISECOND, Nanos

ROWS_MAX = 1000
"""Candles that the exchange hands out in one answer."""

UNREADABLE_MAX = 2
"""Answers without sense that are put up with before one counts."""

Span = tuple[Nanos, Nanos]
"""Open times of the first and the last candle, both included."""


def newest_closed(timeframe: Timeframe, now: int) -> Nanos:
    """Open time of the newest candle that is complete now.

    >>> newest_closed(Timeframe.M1, 179 * 10**9) // 10**9
    60
    """
    return Nanos(now - now % timeframe.span - timeframe.span)


def missing(have: Mapping[Timeframe, Nanos], now: int) -> dict[Timeframe, Span]:
    """What lacks of the last INGESTION candles of each timeframe after the newest we have."""
    spans = {}
    for timeframe in TIMEFRAMES:
        last = newest_closed(timeframe, now)
        first = Nanos(last - (INGESTION - 1) * timeframe.span)
        if timeframe in have:
            first = max(first, Nanos(have[timeframe] + timeframe.span))
        if first <= last:
            spans[timeframe] = (first, last)
    return spans


class Klines:
    """One symbol's candles at the exchange, and what its clock says."""

    def __init__(self, rest: Rest, symbol: str, clock: Callable[[], Nanos]) -> None:
        self._rest = rest
        self._symbol = symbol
        self._clock = clock
        self._offset = Nanos(0)

    @property
    def now(self) -> Nanos:
        """The time by the exchange's clock, or a little less: never ahead of it.

        So what is closed by this time is closed at the exchange, and no row is taken that will
        still change.
        """
        return Nanos(self._clock() + self._offset)

    def set_clock(self) -> ClockOffset:
        """Compare clocks; the exchange read its own, at the latest, when its answer came.

        Raises:
            VenueUnavailable: it does not answer.
            BadFrame: it answers nonsense.
        """
        samples = [self._sample() for _ in range(SAMPLES)]
        self._offset = max(Nanos(sample.theirs - sample.received) for sample in samples)
        return clock_offset(samples)

    def _sample(self) -> Sample:
        sent = self._clock()
        theirs = read_time(self._rest.get("/api/v3/time"))
        return Sample(sent, self._clock(), theirs)

    def ingest(
        self, have: Mapping[Timeframe, Nanos], tell: Callable[[Arriving], None] = lambda _: None
    ) -> Fetched:
        """The history that is missing; `tell` hears after each timeframe how much has come.

        Raises:
            VenueUnavailable: it cannot be had.
            BadFrame: it cannot be read.
        """
        begun = perf_counter()
        now = self.now
        spans = missing(have, now)
        wanted = sum(_length(timeframe, span) for timeframe, span in spans.items())
        candles: list[Candle] = []
        repaired = 0
        for timeframe, span in spans.items():
            rows = self._rows(timeframe, span)
            again = [row for hole in lacking(rows, timeframe, span) for row in self._rows(*hole)]
            repaired += len(again)
            candles += sorted((*rows, *again), key=lambda row: row.open_time)
            tell(Arriving(now, len(candles), wanted))
        return Fetched(now, tuple(candles), wanted, perf_counter() - begun, repaired)

    def fetch(self, timeframe: Timeframe, span: Span) -> Fetched:
        """These candles, or as many as there are; none where the exchange does not answer."""
        begun = perf_counter()
        try:
            candles = self._rows(timeframe, span)
        except (VenueUnavailable, BadFrame):
            candles = ()
        return Fetched(self.now, candles, _length(timeframe, span), perf_counter() - begun)

    def _rows(self, timeframe: Timeframe, span: Span) -> tuple[Candle, ...]:
        """The candles of this span, which is over, with as many requests as it takes."""
        first, last = span
        candles: list[Candle] = []
        while first <= last:
            rows = self._answer(timeframe, first, last)
            candles += rows
            if len(rows) < ROWS_MAX:
                break
            first = rows[-1].close_time
        return tuple(candles)

    def _answer(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> tuple[Candle, ...]:
        parameters = {
            "symbol": self._symbol,
            "interval": timeframe.value,
            "startTime": first // MILLISECOND,
            "endTime": last // MILLISECOND,
            "limit": min(_length(timeframe, (first, last)), ROWS_MAX),
        }
        rows = self._read(parameters, timeframe)
        return tuple(row for row in rows if first <= row.open_time <= last)

    def _read(self, parameters: Parameters, timeframe: Timeframe) -> tuple[Candle, ...]:
        """An answer that can be read; one that broke off may come whole when asked again."""
        for _ in range(UNREADABLE_MAX):
            with suppress(BadFrame):
                return read_klines(self._rest.get("/api/v3/klines", parameters), timeframe)
        return read_klines(self._rest.get("/api/v3/klines", parameters), timeframe)


def lacking(
    rows: Sequence[Candle], timeframe: Timeframe, span: Span
) -> list[tuple[Timeframe, Span]]:
    """The holes that these candles leave in the span, each as what to ask for."""
    step = timeframe.span
    edges = [span[0] - step, *(row.open_time for row in rows), span[1] + step]
    return [
        (timeframe, (Nanos(before + step), Nanos(after - step)))
        for before, after in pairwise(edges)
        if after - before > step
    ]


def _length(timeframe: Timeframe, span: Span) -> int:
    return max(0, (span[1] - span[0]) // timeframe.span + 1)
