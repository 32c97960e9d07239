"""No candle passes before one that is missing."""

from collections.abc import Callable
from dataclasses import replace

from actors.feed.continuity import Continuity
from actors.messages import Fetched, Rejected
from domain.horizons import Timeframe
from domain.market import Candle
from domain.units import MINUTE, Nanos
from tests.exchange.handmade import START, candle


def minute(number: int) -> Candle:
    """The candle of this minute after START."""
    return candle(Timeframe.M1, START + number * MINUTE)


class Bench:
    """A `Continuity` whose fetches are done when the test says so."""

    def __init__(self, *, answers: bool = True) -> None:
        self.told: list[str] = []
        self.asked: list[tuple[int, int]] = []
        self.answers = answers
        self._waiting: list[Callable[[], None]] = []
        self.continuity = Continuity(self._tell, self._fetch, self._waiting.append)
        self.continuity.begin(START)

    def work(self) -> None:
        """Do all fetches that were asked for."""
        while self._waiting:
            self._waiting.pop(0)()

    def close(self, *numbers: int) -> None:
        """These minutes close at the exchange."""
        for number in numbers:
            self.continuity.candle(minute(number))

    def _tell(self, message: Candle | Fetched | Rejected) -> None:
        if isinstance(message, Candle):
            self.told.append(f"{number_of(message)}")
        elif isinstance(message, Rejected):
            self.told.append(message.reason)
        else:
            self.told.append("fetched " + " ".join(str(number_of(c)) for c in message.candles))

    def _fetch(self, first: Nanos, last: Nanos) -> Fetched:
        span = range(first, last + MINUTE, MINUTE)
        self.asked.append(((first - START) // MINUTE, (last - START) // MINUTE))
        candles = [minute((at - START) // MINUTE) for at in span] if self.answers else []
        return Fetched(last, tuple(candles), len(span), 0.0)


def number_of(candle: Candle) -> int:
    return (candle.open_time - START) // MINUTE


def test_candles_in_order_pass_at_once() -> None:
    bench = Bench()

    bench.close(1, 2, 3)

    assert bench.told == ["1", "2", "3"]


def test_candle_after_a_hole_waits_until_the_hole_is_fetched() -> None:
    bench = Bench()

    bench.close(1, 4, 5)
    assert bench.told == ["1"]
    bench.work()

    assert bench.told == ["1", "fetched 2 3", "4", "5"]
    assert bench.asked == [(2, 3)]


def test_candle_that_comes_again_is_dropped() -> None:
    bench = Bench()

    bench.close(1, 1, 2, 1)

    assert bench.told == ["1", "2"]


def test_what_was_missed_before_a_connection_is_fetched_and_not_told_twice() -> None:
    bench = Bench()

    bench.continuity.catch_up(minute(3).open_time)
    bench.close(3, 4)
    bench.work()
    bench.continuity.catch_up(minute(4).open_time)
    bench.work()

    assert bench.told == ["fetched 1 2 3", "4"]


def test_candle_that_is_doubted_waits_for_the_exchanges_second_word() -> None:
    bench = Bench()
    wrong = replace(minute(1), close=minute(2).close)

    bench.continuity.candle(wrong, doubtful=True)
    bench.continuity.candle(minute(2), doubtful=True)
    bench.close(3)
    assert bench.told == []
    bench.work()

    assert bench.told[1:] == ["fetched 1", "fetched 2", "3"]
    assert f"streamed as {wrong.close}" in bench.told[0]
    assert bench.asked == [(1, 1), (2, 2)]


def test_doubted_candle_goes_on_where_there_is_no_second_word() -> None:
    bench = Bench(answers=False)

    bench.continuity.candle(minute(1), doubtful=True)
    bench.work()

    assert bench.told == ["fetched ", "1"]


def test_second_word_that_could_not_be_had_is_asked_for_with_the_next_candle() -> None:
    bench = Bench(answers=False)
    bench.continuity.candle(minute(1), doubtful=True)
    bench.work()

    bench.answers = True
    bench.close(2)
    bench.work()
    bench.close(3)

    assert bench.told == ["fetched ", "1", "fetched 1", "2", "3"]


def test_minutes_in_which_the_line_broke_are_fetched_again() -> None:
    bench = Bench()

    bench.close(1, 2, 3)
    bench.continuity.catch_up(minute(4).open_time, doubted=minute(3).open_time)
    bench.work()
    bench.close(5)

    assert bench.told == ["1", "2", "3", "fetched 3 4", "5"]


def test_held_candles_go_on_where_the_hole_cannot_be_fetched() -> None:
    bench = Bench(answers=False)

    bench.close(3, 4)
    bench.work()
    bench.close(5)
    bench.work()

    assert bench.told == ["fetched ", "3", "4", "fetched ", "5"]
