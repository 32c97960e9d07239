"""One fault of the exchange after the other; the market stays whole, or its loss is said."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import pairwise

import pytest

from actors.messages import (
    ClocksCompared,
    Connected,
    Disconnected,
    Fetched,
    LineVitals,
    Noticed,
    Rejected,
    Unreachable,
)
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.market import Book, Candle, Trade
from domain.units import MILLISECOND, MINUTE, SECOND
from tests.actors.feed.listening import QUICK, TWO_MINUTES_A_SECOND, Ear, listening, wait_for
from tests.exchange.handmade import START, HandMade, candle, history
from tests.exchange.server import Answer, Exchange


@contextmanager
def exchange(speed: float = TWO_MINUTES_A_SECOND) -> Iterator[Exchange]:
    with Exchange(HandMade(), speed=speed) as running:
        yield running


def minutes(ear: Ear) -> dict[int, Candle]:
    """Every one-minute candle told after the history; the newest word on each."""
    late = list(ear.told)[ear.told.index(ear.all(Fetched)[0]) + 1 :]
    found: dict[int, Candle] = {}
    for message in late:
        told = message.candles if isinstance(message, Fetched) else (message,)
        found.update({x.open_time: x for x in told if isinstance(x, Candle)})
    return found


def assert_whole(ear: Ear) -> None:
    """No minute is missing, and each is what the exchange says it was."""
    told = minutes(ear)
    assert len(told) >= 1
    assert all(b - a == MINUTE for a, b in pairwise(sorted(told)))
    assert all(one == candle(Timeframe.M1, at) for at, one in told.items())


def assert_no_trade_twice(ear: Ear) -> list[int]:
    numbers = [trade.trade_id for trade in ear.all(Trade)]
    assert len(numbers) == len(set(numbers))
    return numbers


def more(ear: Ear, count: int = 1) -> None:
    """Wait for further candles."""
    ear.wait(Candle, len(ear.all(Candle)) + count)


def reasons(ear: Ear) -> list[str]:
    return [one.reason for one in ear.all(Rejected)]


def test_lost_trades_are_noticed_and_fetched_again() -> None:
    with exchange() as venue, listening(venue) as ear:
        ear.wait(Trade, 5)
        venue.faults.lost_trades = 30
        wait_for(lambda: any("30 fetched again" in reason for reason in reasons(ear)))
        more(ear)

    numbers = sorted(assert_no_trade_twice(ear))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert_whole(ear)


def test_lost_trades_that_cannot_be_fetched_are_said_to_be_lost() -> None:
    with exchange() as venue, listening(venue) as ear:
        ear.wait(Trade, 5)
        venue.order(Answer("/api/v3/historicalTrades", 400, b'{"code":-1,"msg":"no"}'), times=9)
        venue.faults.lost_trades = 3
        wait_for(lambda: any("cannot be fetched" in reason for reason in reasons(ear)))


def test_frames_that_come_twice_are_taken_once() -> None:
    with exchange() as venue:
        venue.faults.twice = True
        with listening(venue) as ear:
            ear.wait(Candle, 2)

    assert_no_trade_twice(ear)
    assert_whole(ear)
    assert ear.all(Rejected) == []
    books = [book.update_id for book in ear.all(Book)]
    assert books == sorted(set(books))


def test_frames_in_the_wrong_order_lose_nothing() -> None:
    with exchange() as venue:
        venue.faults.swapped = True
        with listening(venue) as ear:
            ear.wait(Candle, 1)

    numbers = sorted(assert_no_trade_twice(ear))
    assert len(numbers) >= numbers[-1] - numbers[0]
    books = [book.update_id for book in ear.all(Book)]
    assert books == sorted(books)


def test_candle_that_differs_from_rest_is_replaced_and_said() -> None:
    with exchange() as venue, listening(venue) as ear:
        ear.wait(Candle, 2)
        venue.faults.false_candles = 1
        wait_for(lambda: any("second word" in reason for reason in reasons(ear)))
        more(ear)

    assert_whole(ear)


def test_stream_that_falls_silent_alone_is_noticed() -> None:
    with exchange() as venue, listening(venue) as ear:
        ear.wait(Book)
        venue.faults.muted = {"ticker"}
        lost = ear.wait(Disconnected)
        venue.faults.muted = set()
        ear.wait(Connected, 2)

    assert lost.reason == "no ticker for 1.6 s"


def test_stream_that_only_repeats_itself_is_silent() -> None:
    stale = b'{"lastUpdateId":1,"bids":[["2.0","1.0"]],"asks":[["3.0","1.0"]]}'
    with exchange() as venue, listening(venue) as ear:
        ear.wait(Book)
        venue.faults.muted = {"depth5@100ms"}
        repeated = threading.Event()
        while not ear.all(Disconnected):
            venue.say("depth5@100ms", stale)
            repeated.wait(0.01)

    assert ear.all(Disconnected)[0].reason == "no depth5@100ms for 0.8 s"


def test_connection_is_replaced_before_its_time_is_over_and_nothing_is_lost() -> None:
    timing = replace(QUICK, rotate=0.8)
    with exchange() as venue:
        venue.faults.lifetime = 2.5
        with listening(venue, timing=timing) as ear:
            ear.wait(Noticed, 3)
            more(ear)

    assert venue.connections >= 4
    assert ear.all(Disconnected) == []
    numbers = sorted(assert_no_trade_twice(ear))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert_whole(ear)


def test_connection_that_the_exchange_ends_is_followed_by_another() -> None:
    with exchange() as venue:
        venue.faults.lifetime = 0.7
        with listening(venue) as ear:
            ear.wait(Connected, 3)
            wait_for(lambda: len(minutes(ear)) >= 3)

    assert "closed the connection" in ear.all(Disconnected)[0].reason
    assert_whole(ear)


BAD = {
    "no JSON": b"{",
    "wrong types": b'{"lastUpdateId":"x","bids":[],"asks":[]}',
    "missing keys": b'{"lastUpdateId":9}',
    "NaN": b'{"lastUpdateId":9,"bids":[["NaN","1"]],"asks":[["3","1"]]}',
    "negative size": b'{"lastUpdateId":9,"bids":[["2","-1"]],"asks":[["3","1"]]}',
    "crossed": b'{"lastUpdateId":9,"bids":[["4","1"]],"asks":[["3","1"]]}',
    "no UTF-8": b'{"lastUpdateId":9,"bids":[["\xff","1"]],"asks":[["3","1"]]}',
    "ten megabytes": b'{"lastUpdateId":9,"bids":[["%b","1"]]}' % (b"1" * 10_485_760),
}


def provoked(venue: Exchange, ear: Ear, frame: bytes) -> Rejected:
    """What the line says of a frame; one that a newer book overtook unread is sent again."""
    for _ in range(20):
        venue.say("depth5@100ms", frame)
        with suppress(AssertionError):
            return ear.wait(Rejected, seconds=0.5)
    return ear.wait(Rejected)


@pytest.mark.parametrize("kind", BAD)
def test_bad_frame_is_said_and_changes_nothing(kind: str) -> None:
    with exchange() as venue, listening(venue) as ear:
        ear.wait(Book)
        rejected = provoked(venue, ear, BAD[kind])
        ear.wait(Book, len(ear.all(Book)) + 2)

    assert rejected.reason
    assert len(rejected.reason) < 250
    assert ear.all(Disconnected) == []


def test_frame_dated_far_ahead_is_refused() -> None:
    ahead = (START + 3600 * SECOND) // MILLISECOND
    with exchange() as venue, listening(venue) as ear:
        ear.wait(Trade, 2)
        venue.say(
            "trade",
            b'{"e":"trade","E":1,"s":"BTCUSDT","t":%d,"p":"1","q":"1","T":%d,"m":true}'
            % (ear.all(Trade)[-1].trade_id + 1, ahead),
        )
        rejected = ear.wait(Rejected)
        ear.wait(Trade, len(ear.all(Trade)) + 2)

    assert "ahead of the clock" in rejected.reason
    assert max(trade.at for trade in ear.all(Trade)) < START + 1800 * SECOND


def test_flood_of_bad_frames_moves_the_line_to_the_next_address() -> None:
    with exchange() as first, exchange() as second, listening(first, second) as ear:
        ear.wait(Book)
        first.faults.silent = True
        for _ in range(80):
            first.say("trade", b"{")
        lost = ear.wait(Disconnected)
        ear.wait(Connected, 2)

    assert "cannot be believed" in lost.reason
    assert ear.all(Connected)[1].endpoint == second.ws
    assert any("circuit open" in note.text for note in ear.all(Noticed))
    assert {("ws", first.ws, "open", False), ("ws", second.ws, "closed", True)} <= shown(ear)


def shown(ear: Ear) -> set[tuple[str, str, str, bool]]:
    """All that was ever said of an address: kind, address, circuit, whether it is in use."""
    vitals = (one for told in ear.all(LineVitals) for one in told.endpoints)
    return {(one.kind, one.address, one.circuit, one.current) for one in vitals}


def test_rest_address_that_fails_again_and_again_is_said_and_so_is_its_return() -> None:
    with exchange(speed=1.0) as venue:
        venue.order(Answer("/api/v3/time", 500, b"<html>"), times=3)
        with listening(venue) as ear:
            ear.wait(Fetched)

    assert {("rest", venue.rest, "open", True), ("rest", venue.rest, "closed", True)} <= shown(ear)
    opened, closed = ear.all(Noticed)[:2]
    assert f"{venue.rest} is left alone" in opened.text
    assert f"{venue.rest} is well again" in closed.text


def test_line_returns_to_the_preferred_address_without_a_break() -> None:
    with exchange() as first, exchange() as second:
        first.refuse(refusing=True)
        with listening(second, timing=QUICK) as ear:
            ear.wait(Book)
        timing = replace(QUICK, back=0.5)
        with listening(first, second, timing=timing) as ear:
            ear.wait(Book)
            first.refuse(refusing=False)
            note = ear.wait(Noticed)
            while first.ws not in note.text:
                note = ear.wait(Noticed, len(ear.all(Noticed)) + 1)

    assert [one.endpoint for one in ear.all(Connected)][:2] == [second.ws, first.ws]
    assert ear.all(Disconnected) == []


def test_candles_that_rest_leaves_out_are_asked_for_again() -> None:
    missing = {(START - back * MINUTE) // MILLISECOND for back in (3, 4, 9)}
    with exchange(speed=1.0) as venue:
        venue.faults.hidden, venue.faults.hidden_times = missing, 1
        with listening(venue) as ear:
            fetched = ear.wait(Fetched)

    assert fetched.repaired == 3
    assert len(fetched.candles) == INGESTION * len(TIMEFRAMES)
    assert sorted(fetched.candles, key=str) == sorted(history(START), key=str)


def test_candles_that_the_exchange_does_not_have_are_not_invented() -> None:
    missing = {(START - back * MINUTE) // MILLISECOND for back in (3, 4, 9)}
    with exchange(speed=1.0) as venue:
        venue.faults.hidden, venue.faults.hidden_times = missing, 10**6
        with listening(venue) as ear:
            fetched = ear.wait(Fetched)

    assert (fetched.repaired, len(fetched.candles)) == (0, fetched.wanted - 3)


def test_clock_that_is_off_is_measured_and_measured_again() -> None:
    with exchange(speed=1.0) as venue:
        venue.faults.skew_ms = 5_000
        with listening(venue) as ear:
            ear.wait(Fetched)
            venue.faults.skew_ms = 0
            wait_for(lambda: ear.all(ClocksCompared)[-1].offset.tolerable)

    first = ear.all(ClocksCompared)[0].offset
    assert not first.tolerable
    assert abs(first.ahead - 5 * SECOND) < SECOND


@pytest.mark.parametrize(
    "answer",
    [
        Answer("/api/v3/klines", 200, b'[[1760000400000,"1","2"', cut=False),
        Answer("/api/v3/klines", 200, b"[" + b" " * 1000 + b"]", cut=True),
        Answer("/api/v3/klines", 200, b"[" + b" " * 1000 + b"]", drip=0.05),
        Answer("/api/v3/klines", 500, b"<html>"),
        Answer("/api/v3/klines", 403, b"<!DOCTYPE HTML><H1>403 ERROR</H1>Request blocked."),
        Answer("/api/v3/klines", 429, b"{}", (("Retry-After", "1"),)),
    ],
    ids=["truncated", "broken off", "dripping", "500", "403", "429"],
)
def test_history_comes_although_an_answer_is_spoilt(answer: Answer) -> None:
    with exchange(speed=1.0) as venue:
        venue.order(answer)
        timing = replace(QUICK, connect=0.5, read=0.5)
        with listening(venue, timing=timing) as ear:
            fetched = ear.wait(Fetched)

    assert len(fetched.candles) == INGESTION * len(TIMEFRAMES)


def test_region_that_is_refused_everywhere_is_named_with_its_status() -> None:
    body = b'{"code":0,"msg":"Service unavailable from a restricted location"}'
    with exchange(speed=1.0) as venue:
        venue.order(Answer("/api/v3", 451, body), times=99)
        with listening(venue) as ear:
            told = ear.wait(Unreachable)

    assert "HTTP 451: not offered in this region" in told.reason
