"""A market that is played at a pace, and a feed that misses some of it."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from pathlib import Path

from actors.actor import Address, launch
from actors.feed import FeedActor, Listeners, Series
from actors.feed.paced import PacedLine
from actors.messages import Begin, Connected, Exhausted, FeedInbox, Fetched, Tick, Unreachable
from domain.candles import unbroken
from domain.errors import SettingsInvalid
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.market import Book, Candle, MarketEvent
from domain.units import MINUTE, Nanos
from persistence.candles import CandleStore
from persistence.environment import open_environment
from tests.actors.feed.listening import Ear, wait_for
from tests.exchange.handmade import START, HandMade, history

TEN_MINUTES_A_SECOND = 600.0
AS_FAST_AS_IT_GOES = 1e9


class Ended(HandMade):
    """The same market, with an end."""

    def __init__(self, minutes: int) -> None:
        super().__init__()
        self._end = START + minutes * MINUTE

    def events(self) -> Iterator[MarketEvent]:
        return takewhile(lambda event: self._at(event) <= self._end, super().events())

    def summary(self) -> str:
        return "all of it"

    @staticmethod
    def _at(event: MarketEvent) -> Nanos:
        return event.close_time if isinstance(event, Candle) else event.at


class Unreadable(HandMade):
    """A source that breaks off."""

    def events(self) -> Iterator[MarketEvent]:
        raise SettingsInvalid("the file ends in the middle of a word")


@contextmanager
def playing(
    source: HandMade, *everyone: Ear, speed: float = AS_FAST_AS_IT_GOES, waiting: int = 0
) -> Iterator[PacedLine]:
    loaded = threading.Event()
    loaded.set()
    line = PacedLine(source, speed, everyone, lambda: waiting, loaded)
    try:
        yield line
    finally:
        line.stop()


def test_history_comes_first_then_all_events_and_the_end_with_ticks_for_everyone() -> None:
    feed, other = Ear(), Ear()

    with playing(Ended(minutes=2), other) as line:
        line.open(feed, {})
        end = feed.wait(Exhausted)

    first = feed.all(Fetched)[0]
    assert first.candles == history(START)
    assert feed.told[:2] == [first, Connected(START, "hand-made")]
    assert [one.close_time for one in feed.all(Candle)] == [START + MINUTE, START + 2 * MINUTE]
    assert len(feed.all(Book)) == 121
    assert end == Exhausted(Nanos(START + 2 * MINUTE), "all of it")
    assert len(other.all(Tick)) == 121


def test_feed_that_opens_again_is_told_the_minutes_that_it_missed() -> None:
    first, second = Ear(), Ear()

    with playing(Ended(minutes=5)) as line:
        line.open(first, {})
        first.wait(Exhausted)
        line.open(second, dict.fromkeys(TIMEFRAMES, Nanos(START + MINUTE)))

    (missed,) = second.all(Fetched)
    assert [one.open_time - START for one in missed.candles] == [2 * MINUTE, 3 * MINUTE, 4 * MINUTE]
    assert missed.at == START + 5 * MINUTE


def test_feed_that_opens_again_without_a_history_is_told_all_of_it() -> None:
    first, second = Ear(), Ear()

    with playing(Ended(minutes=2)) as line:
        line.open(first, {})
        first.wait(Exhausted)
        line.open(second, {})

    (whole,) = second.all(Fetched)
    assert whole.candles == (*history(START), *first.all(Candle))


def test_minutes_that_were_told_can_be_asked_for_again_and_no_others() -> None:
    feed = Ear()

    with playing(Ended(minutes=3)) as line:
        line.open(feed, {})
        feed.wait(Exhausted)
        line.refetch(Timeframe.M1, Nanos(START + MINUTE), Nanos(START + 9 * MINUTE))
        line.refetch(Timeframe.M5, START, Nanos(START + 9 * MINUTE))

    found, none = feed.all(Fetched)[1:]
    assert [one.open_time - START for one in found.candles] == [MINUTE, 2 * MINUTE]
    assert none.candles == ()


def test_market_waits_for_actors_that_have_not_kept_up() -> None:
    feed = Ear()

    with playing(Ended(minutes=1), waiting=10**6) as line:
        line.open(feed, {})
        feed.wait(Connected)

    assert feed.all(Book) == []


def test_source_that_cannot_be_read_ends_the_program_with_its_reason() -> None:
    feed = Ear()

    with playing(Unreadable()) as line:
        line.open(feed, {})
        told = feed.wait(Unreachable)

    assert told == Unreachable("the file ends in the middle of a word", SettingsInvalid.status)


def test_feed_that_was_dead_for_minutes_leaves_no_hole(tmp_path: Path) -> None:
    home, supervisor = Address[FeedInbox](), Ear()
    heard = Listeners(Ear(), Ear(), Ear(), Ear(), Ear())
    with (
        closing(open_environment(tmp_path / "store", durable=False)) as environment,
        playing(HandMade(), speed=TEN_MINUTES_A_SECOND) as line,
    ):
        store = CandleStore(environment)

        def a_feed() -> None:
            feed = launch(FeedActor, line, Series(store), home, heard, supervisor=supervisor)
            home.move_to(feed)
            home.tell(Begin())
            feeds.append(feed)

        def newest() -> Nanos:
            return next((one.open_time for one in store.newest(Timeframe.M1, 1)), Nanos(0))

        feeds: list[object] = []
        a_feed()
        wait_for(lambda: newest() >= START)
        home.vacate()
        dead_at, dropped = newest(), home.dropped
        wait_for(lambda: home.dropped > dropped + 3 * 181)
        a_feed()
        wait_for(lambda: newest() > dead_at + 6 * MINUTE)
        for feed in feeds:
            feed.stop()  # type: ignore[attr-defined]
        minutes = store.newest(Timeframe.M1, INGESTION)

    assert unbroken(minutes) == INGESTION
    assert supervisor.told == []
