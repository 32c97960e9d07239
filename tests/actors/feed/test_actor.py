from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from actors.actor import Mailbox
from actors.feed import FeedActor, Listeners, Series
from actors.feed.actor import Outage
from actors.messages import (
    Arriving,
    Begin,
    CandlesClosed,
    ClocksCompared,
    Connected,
    Disconnected,
    EndpointVitals,
    Exhausted,
    FeedInbox,
    FeedReady,
    Fetched,
    HistoryReady,
    LineVitals,
    Rejected,
    StopRequested,
    Tick,
    Traffic,
    Unreachable,
)
from domain.clock_offset import ClockOffset
from domain.facts import BadMessage, Baselined, FeedDown, FeedUp, Gap, Ingested, Noted, Progress
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.instrument import BTCUSDT
from domain.market import Candle, MarkPrice, Origin, Ticker
from domain.units import HOUR, MINUTE, SECOND, Nanos
from persistence.candles import CandleStore
from persistence.environment import open_environment
from tests.builders import NOON, a_book, a_candle, a_history, a_trade, candles, price
from tests.fakes import Outbox


class Line:
    """Records what the feed asks of it."""

    def __init__(self, *, networked: bool) -> None:
        self.networked = self.streamed = networked
        self.opened: list[Mapping[Timeframe, Nanos]] = []
        self.asked: list[tuple[Timeframe, Nanos, Nanos]] = []
        self.closed = False

    def open(self, _feed: Mailbox[FeedInbox], have: Mapping[Timeframe, Nanos]) -> None:
        self.opened.append(have)

    def refetch(self, timeframe: Timeframe, first: Nanos, last: Nanos) -> None:
        self.asked.append((timeframe, first, last))

    def close(self) -> None:
        self.closed = True


class House:
    """A feed on a real candle store, with everybody who hears it."""

    def __init__(self, path: Path, *, networked: bool = False) -> None:
        self.store = CandleStore(open_environment(path))
        self.networked = networked
        self.outage = Outage()
        self.start()

    def start(self) -> None:
        self.line = Line(networked=self.networked)
        self.micro, self.forecast, self.risk = Outbox(), Outbox(), Outbox()
        self.broker, self.dashboard, self.supervisor = Outbox(), Outbox(), Outbox()
        heard = Listeners(
            self.micro, self.forecast, self.risk, self.broker, self.dashboard, self.outage
        )
        self.feed = FeedActor(
            self.line, Series(self.store), Outbox(), heard, supervisor=self.supervisor
        )
        self.tell(Begin())

    def tell(self, *messages: object) -> None:
        for message in messages:
            self.feed.receive(message)  # type: ignore[arg-type]

    def ingest(self, count: int = 1000) -> None:
        self.tell(Fetched(NOON, tuple(a_history(NOON, count)), 6000, 0.5))

    def listen(self, first: int, seconds: int, *, silent: frozenset[int] = frozenset()) -> None:
        """Let so many seconds pass, each with a book and a ticker but for the silent ones."""
        for second in range(first, first + seconds):
            at = Nanos(NOON + second * SECOND)
            self.tell(Tick(at))
            if second not in silent:
                self.tell(a_book(at=at), Ticker(at, price(100), 0.01))

    def progress(self, criterion: str) -> list[tuple[int, bool]]:
        found = [x for x in self.dashboard.of(Progress) if x.criterion == criterion]
        return [(x.done, x.met) for x in found]

    def closed(self) -> list[Candle]:
        return [x for message in self.forecast.of(CandlesClosed) for x in message.candles]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "store")


def test_history_is_stored_counted_and_told(house: House) -> None:
    assert house.line.opened == [{}]

    house.ingest()

    assert house.dashboard.of(Ingested) == [Ingested(NOON, 6000, 0.5, 0)]
    assert [house.progress(f"{timeframe} candles") for timeframe in TIMEFRAMES] == [
        [(200, True)]
    ] * 6
    assert (house.progress("connection"), house.progress("clock")) == ([(30, True)], [(1, True)])
    assert house.forecast.told == [HistoryReady(NOON, TIMEFRAMES)]
    assert house.risk.told == [FeedReady(NOON)]


def test_history_on_its_way_is_told_as_far_as_it_is(house: House) -> None:
    house.tell(Arriving(NOON, 1000, 6000))
    house.ingest()

    assert house.progress("history") == [(1000, False), (6000, True)]


def test_traffic_is_passed_on(house: House) -> None:
    house.tell(Traffic(NOON, 7))

    assert house.dashboard.of(Traffic) == [Traffic(NOON, 7)]


def test_second_start_asks_only_for_what_is_missing(house: House) -> None:
    house.ingest()

    house.start()

    (have,) = house.line.opened
    assert have[Timeframe.M1] == NOON - MINUTE
    assert set(have) == set(TIMEFRAMES)


def test_too_little_history_ends_the_program_with_the_criterion_named(house: House) -> None:
    house.ingest(count=199)

    (stop,) = house.supervisor.of(StopRequested)
    assert stop.status == 3
    assert "1h has 199" in stop.reason
    assert house.forecast.told == []


def test_closed_minute_is_stored_before_it_is_told(house: House) -> None:
    house.ingest()
    candle = a_candle(open_time=NOON)

    house.tell(candle)

    assert house.closed() == [candle]
    assert house.store.newest(Timeframe.M1, 1) == (candle,)
    assert len(house.risk.of(FeedReady)) == 2


def test_longer_candles_close_with_the_minute_that_completes_them(house: House) -> None:
    house.ingest()

    house.tell(*candles(60))

    (last,) = house.forecast.of(CandlesClosed)[-1:]
    assert [x.timeframe for x in last.candles] == list(TIMEFRAMES)
    assert {x.kind for x in last.candles[1:]} == {Origin.DERIVED}
    assert last.at == NOON + HOUR


def test_minute_heard_twice_is_taken_once(house: House) -> None:
    house.ingest()

    house.tell(
        a_candle(open_time=NOON), a_candle(open_time=NOON), a_candle(open_time=NOON - MINUTE)
    )

    assert len(house.closed()) == 1


def test_hole_is_fetched_before_later_minutes_are_believed(house: House) -> None:
    house.ingest()
    whole = candles(5)

    house.tell(whole[0], whole[3], whole[4])
    assert house.line.asked == [(Timeframe.M1, whole[1].open_time, whole[2].open_time)]
    assert len(house.forecast.of(CandlesClosed)) == 1

    house.tell(Fetched(whole[4].close_time, tuple(whole[1:3]), 2, 0.1))

    assert house.dashboard.of(Gap) == [Gap(whole[4].close_time, Timeframe.M1, 2, 2)]
    assert [x.open_time for x in house.closed() if x.timeframe is Timeframe.M1] == [
        whole[0].open_time,
        whole[3].open_time,
        whole[4].open_time,
    ]
    assert house.store.newest(Timeframe.M1, 5) == tuple(whole)
    assert house.store.newest(Timeframe.M3, 1)[0].open_time == NOON


def test_hole_that_the_exchange_itself_has_is_said_and_stays_one(house: House) -> None:
    house.ingest()
    whole = candles(3)

    house.tell(whole[0], whole[2], Fetched(whole[2].close_time, (), 1, 0.1))

    assert house.dashboard.of(Gap) == [Gap(whole[2].close_time, Timeframe.M1, 1, 0)]
    assert house.store.newest(Timeframe.M1, 2) == (whole[0], whole[2])


def test_minutes_fetched_after_a_reconnect_are_forecast_on(house: House) -> None:
    house.ingest()

    house.tell(Fetched(Nanos(NOON + 2 * MINUTE), tuple(candles(2)), 2, 0.1))
    house.tell(candles(3)[2])

    assert len(house.forecast.of(HistoryReady)) == 1
    assert house.line.asked == []
    assert [x.open_time - NOON for x in house.closed()][:3] == [0, MINUTE, 2 * MINUTE]


def test_minute_that_was_another_than_it_seemed_has_the_history_read_anew(house: House) -> None:
    house.ingest()
    first, second, third = candles(3)
    house.tell(first)

    other = replace(first, high=price(999))
    house.tell(Fetched(third.close_time, (other, second, third), 3, 0.1))

    told = house.forecast.told[-3:]
    assert told[0] == HistoryReady(third.close_time, TIMEFRAMES)
    assert [one.candles[0] for one in told[1:]] == [second, third]
    assert [one.timeframe for one in told[2].candles] == [Timeframe.M1, Timeframe.M3]


def test_impossible_candle_is_reported_and_not_stored(house: House) -> None:
    history = a_history(NOON)
    bad = a_candle(open_time=NOON - 7)

    house.tell(Fetched(NOON, (*history, bad), 6000, 0.5))

    (fact,) = house.dashboard.of(BadMessage)
    assert fact.stream == "klines"
    assert "off the grid" in fact.reason


def test_market_reaches_everybody_it_concerns(house: House) -> None:
    book, trade, ticker = a_book(), a_trade(), Ticker(NOON, price(100), 0.01)
    mark = MarkPrice(NOON, price(100), Decimal("0.0001"), Nanos(NOON + HOUR))

    house.tell(book, trade, ticker, mark, BTCUSDT, Tick(NOON))

    assert house.micro.told == [book, trade]
    assert house.risk.told == [book, BTCUSDT]
    assert house.broker.told == [book, trade, mark, BTCUSDT]
    heard = [x for x in house.dashboard.told if not isinstance(x, Progress)]
    assert heard == [book, trade, ticker, mark]


def test_all_history_is_shown_and_whatever_is_fetched_later(house: House) -> None:
    house.ingest()
    house.start()
    late = Fetched(Nanos(NOON + 2 * MINUTE), tuple(candles(2)), 2, 0.1)

    house.tell(Fetched(NOON, (), 0, 0.1), late)

    whole, more = house.dashboard.of(Fetched)
    assert len(whole.candles) == INGESTION * len(TIMEFRAMES)
    assert more == late


def test_where_the_line_goes_and_how_its_addresses_do_is_shown(house: House) -> None:
    vitals = LineVitals(NOON, (EndpointVitals("ws", "wss://a", "open", current=False),))

    house.tell(vitals, Connected(NOON, "wss://b"))

    assert house.dashboard.told == [vitals, Connected(NOON, "wss://b")]


def test_lost_line_is_said_once_and_its_return_with_the_time_it_took(house: House) -> None:
    house.tell(Disconnected(NOON, "silence"), Disconnected(Nanos(NOON + SECOND), "refused"))
    house.tell(Connected(Nanos(NOON + 5 * SECOND), "there"), Connected(Nanos(NOON), "there"))

    assert house.dashboard.of(FeedDown) == [FeedDown(NOON, "silence")]
    assert house.dashboard.of(FeedUp) == [FeedUp(Nanos(NOON + 5 * SECOND), 5.0)]


def test_feed_that_died_while_the_line_was_down_says_in_its_next_life_that_it_is_back(
    house: House,
) -> None:
    house.tell(Disconnected(NOON, "silence"))
    house.start()

    house.tell(Connected(Nanos(NOON + 5 * SECOND), "there"))

    assert house.dashboard.of(FeedUp) == [FeedUp(Nanos(NOON + 5 * SECOND), 5.0)]


def test_flood_of_bad_messages_is_told_five_times_a_second_and_then_counted(house: House) -> None:
    house.tell(Tick(NOON), *(Rejected(NOON, "trade", "no JSON") for _ in range(100)))
    house.tell(Tick(Nanos(NOON + SECOND)), Rejected(NOON, "trade", "no JSON"))

    told = house.dashboard.of(BadMessage)
    assert len(told) == 7
    assert told[5] == BadMessage(
        Nanos(NOON + SECOND), "all", "95 more bad messages within a second"
    )


AGREED = ClockOffset(Nanos(SECOND // 100), Nanos(SECOND // 1000))
APART = ClockOffset(Nanos(14 * SECOND), Nanos(SECOND // 1000))


@pytest.fixture
def network(tmp_path: Path) -> House:
    return House(tmp_path / "store", networked=True)


def test_network_is_ready_after_thirty_steady_seconds_and_with_clocks_that_agree(
    network: House,
) -> None:
    network.tell(ClocksCompared(NOON, AGREED), Connected(NOON, "there"))
    network.ingest()

    network.listen(0, 30, silent=frozenset({7}))
    assert network.risk.of(FeedReady) == []

    network.listen(30, 1)

    assert len(network.risk.of(FeedReady)) == 1
    assert network.progress("connection")[-2:] == [(29, False), (30, True)]
    assert network.progress("clock") == [(1, True)]
    assert network.supervisor.told == []


def test_pending_candles_are_shown_before_they_have_come(network: House) -> None:
    network.tell(Tick(NOON))

    assert network.progress("1h candles") == [(0, False)]
    assert network.progress("connection") == [(0, False)]


def test_unsteady_connection_begins_its_seconds_anew_and_fails_after_five_minutes(
    network: House,
) -> None:
    network.tell(ClocksCompared(NOON, AGREED))
    network.ingest()

    network.listen(0, 25)
    network.tell(Disconnected(Nanos(NOON + 25 * SECOND), "reset"))
    network.listen(25, 6)
    assert network.risk.of(FeedReady) == []

    network.listen(31, 280, silent=frozenset(range(0, 400, 3)))

    (stop,) = network.supervisor.of(StopRequested)
    assert stop.status == 3
    assert "95% of the expected messages are needed" in stop.reason
    assert "67%" in stop.reason


def test_clock_that_is_wrong_for_a_minute_ends_the_program_and_says_by_how_much(
    network: House,
) -> None:
    network.tell(ClocksCompared(NOON, APART))
    network.ingest()

    network.listen(0, 62)

    (stop,) = network.supervisor.of(StopRequested)
    assert stop.status == 3
    assert "+14.000 s" in stop.reason
    assert network.risk.of(FeedReady) == []


def test_clock_that_goes_wrong_later_is_said(network: House) -> None:
    network.tell(ClocksCompared(NOON, AGREED))
    network.ingest()
    network.listen(0, 31)

    network.tell(ClocksCompared(Nanos(NOON + 60 * SECOND), APART))

    (note,) = [x for x in network.dashboard.of(Noted) if "clock" in x.text]
    assert "+14.000 s" in note.text
    assert network.supervisor.told == []


@pytest.mark.parametrize(
    ("message", "status"), [(Unreachable("no network"), 3), (Exhausted(NOON), 0)]
)
def test_end_of_the_line_ends_the_program(house: House, message: object, status: int) -> None:
    house.tell(message)

    assert [x.status for x in house.supervisor.of(StopRequested)] == [status]


def test_dead_feed_closes_its_line(house: House) -> None:
    house.feed.release()

    assert house.line.closed


def test_what_is_usual_is_told_once_from_the_history_and_a_hundred_books(house: House) -> None:
    house.ingest()

    house.tell(*(a_book(at=NOON + number) for number in range(99)))
    assert house.dashboard.of(Baselined) == []

    house.tell(*(a_book(at=NOON + number) for number in range(99, 300)))

    (usual,) = house.dashboard.of(Baselined)
    assert usual.at == NOON + 99
    assert usual.spread_bps == pytest.approx(2.0)
    assert len(usual.volatility) == len(TIMEFRAMES)
    assert [len(row) for row in usual.correlation] == [len(TIMEFRAMES)] * len(TIMEFRAMES)
