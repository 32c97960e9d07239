"""The demo market as a source: candles, books, trades, tickers and mark prices without end."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, pairwise

from actors.feed.past import HISTORY, recent
from domain.demo import EPOCH, Day, candles, days, funding_rates
from domain.errors import SettingsInvalid
from domain.facts import Mode
from domain.funding import PERIOD
from domain.market import Book, Candle, MarketEvent, MarkPrice, Ticker, Trade
from domain.modelled import minute
from domain.units import DAY, HOUR, MINUTE, SECOND, Nanos, Price

BOOKS_A_MINUTE = 120
"""The demo shows a book every half second."""

FIRST_START = Nanos(EPOCH + HISTORY + HOUR)
"""The earliest time with a full history behind it."""

_HISTORY_DAYS = HISTORY // DAY + 2
"""Days that hold the history and the running hour."""


@dataclass(frozen=True, slots=True)
class _Funding:
    """The rate that is charged at the end of a period of eight hours."""

    rate: Decimal
    settles: Nanos


class DemoSource:
    """An embedded market that needs no network; one fixed history for each seed.

    Its books are not marked as modelled: they are the true books of a market that is itself made
    up, which is what the label DEMO says.
    """

    streamed = False
    mode = Mode.DEMO
    modelled = False

    def __init__(self, seed: int = 1, start: Nanos | None = None) -> None:
        """Choose the history by its seed, and where in it to begin.

        Args:
            seed: not negative.
            start: time of the first event; FIRST_START by default and at the earliest.

        Raises:
            SettingsInvalid: the seed is negative, or the start too early.
        """
        if seed < 0:
            raise SettingsInvalid(f"the demo market's seed is {seed}; it must not be negative")
        if start is not None and start < FIRST_START:
            raise SettingsInvalid("the demo market begins at 2026-02-11T17:00:00Z, no earlier")
        self._seed = seed
        self.start = FIRST_START if start is None else start
        self.identity = f"demo-{seed}"

    def history(self) -> list[Candle]:
        """The last INGESTION candles of each timeframe complete at the start."""
        today = (self.start - EPOCH) // DAY
        window: deque[Day] = deque(islice(days(self._seed), today + 1), maxlen=_HISTORY_DAYS)
        return recent([candle for day in window for candle in candles(day)], self.start)

    def summary(self) -> str:
        """Nothing of interest."""
        return ""

    def events(self) -> Iterator[MarketEvent]:
        """Everything from the start on, in order of time, without end."""
        for candle, day_before, funding in self._minutes():
            events = _minute(candle, day_before, funding, self._seed)
            if candle.open_time < self.start:
                yield from (event for event in events if event.at >= self.start)
            else:
                yield from events
            yield candle

    def _minutes(self) -> Iterator[tuple[Candle, Candle, _Funding]]:
        """Each candle that closes after the start, the one 24 hours before, and the funding."""
        today = (self.start - EPOCH) // DAY
        first = self.start // MINUTE * MINUTE
        rates = _fundings(self._seed, Nanos(EPOCH + today * DAY))
        funding = next(rates)
        for before, day in pairwise(islice(days(self._seed), today - 1, None)):
            for earlier, candle in zip(candles(before), candles(day), strict=True):
                if candle.open_time >= funding.settles:
                    funding = next(rates)
                if candle.open_time >= first:
                    yield candle, earlier, funding


def _fundings(seed: int, start: Nanos) -> Iterator[_Funding]:
    """The funding of each period from the one that begins at `start` on."""
    passed = (start - EPOCH) // PERIOD
    for number, rate in enumerate(islice(funding_rates(seed), passed, None), passed + 1):
        yield _Funding(rate, Nanos(EPOCH + number * PERIOD))


def _minute(
    candle: Candle, day_before: Candle, funding: _Funding, seed: int
) -> Iterator[Book | Trade | Ticker | MarkPrice]:
    """A minute's events: the mark price first, then a ticker in each second among the rest.

    The mark price is the minute's first price; a real one keeps within some 5 bp of spot.
    """
    yield MarkPrice(candle.open_time, candle.open, funding.rate, funding.settles)
    last, due = candle.open, Nanos(candle.open_time + SECOND // 2)
    for event in minute(candle, seed, BOOKS_A_MINUTE, modelled=False):
        while due < event.at:
            yield _ticker(due, last, day_before)
            due = Nanos(due + SECOND)
        if isinstance(event, Trade):
            last = event.price
        yield event
    for at in range(due, candle.close_time, SECOND):
        yield _ticker(Nanos(at), last, day_before)


def _ticker(at: Nanos, last: Price, day_before: Candle) -> Ticker:
    return Ticker(at, last, float(last / day_before.open) - 1)
