"""The line to the exchange, against the exchange on loopback."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import pytest

from actors.feed.endpoints import Endpoints
from actors.feed.frames import Recorder
from actors.feed.live import LiveLine, Venue
from actors.feed.recording import Recording
from actors.feed.rest import Rest
from actors.messages import (
    Arriving,
    ClocksCompared,
    Connected,
    Disconnected,
    Fetched,
    Noticed,
    Rejected,
    Traffic,
    Unreachable,
)
from domain.clock_offset import ClockOffset
from domain.errors import VenueUnavailable
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.instrument import BTCUSDT, Instrument
from domain.market import Book, Candle, MarkPrice, Ticker, Trade
from domain.units import HOUR, MINUTE, SECOND, Nanos
from tests.actors.feed.listening import (
    QUICK,
    TWO_MINUTES_A_SECOND,
    Ear,
    a_line,
    black_hole,
    listening,
    wait_for,
)
from tests.exchange.handmade import START, HandMade, candle, history
from tests.exchange.server import Answer, Exchange

Kind = TypeVar("Kind")

NOBODY = "http://127.0.0.1:1"


def candles(ear: Ear) -> list[Candle]:
    """Every one-minute candle told after the first history, fetched or streamed, in order."""
    late = list(ear.told)[ear.told.index(ear.all(Fetched)[0]) + 1 :]
    found: list[Candle] = []
    for message in late:
        if isinstance(message, Candle):
            found.append(message)
        elif isinstance(message, Fetched):
            found.extend(message.candles)
    return found


def test_history_comes_first_and_whole_within_seconds() -> None:
    with Exchange(HandMade(), speed=1e-6) as exchange, listening(exchange) as ear:
        fetched = ear.wait(Fetched)

    assert ear.told[0] == ClocksCompared(START, ClockOffset(Nanos(0), Nanos(0)))
    news = [x for x in ear.told if not isinstance(x, Arriving)]
    assert news[1:3] == [BTCUSDT, fetched]
    assert [x.candles for x in ear.all(Arriving)] == [1000 * n for n in range(1, 7)]
    assert {x.wanted for x in ear.all(Arriving)} == {6000}
    assert fetched.wanted == len(fetched.candles) == INGESTION * len(TIMEFRAMES)
    assert fetched.candles == history(START)


def test_bytes_that_come_are_counted_and_told_again_and_again() -> None:
    with Exchange(HandMade(), speed=10) as exchange, listening(exchange) as ear:
        ear.wait(Book)
        ear.wait(Traffic, 2)

    counts = [x.received for x in ear.all(Traffic)]
    assert counts == sorted(counts)
    assert counts[-1] > 100


def test_second_start_fetches_only_what_is_missing() -> None:
    have = {
        timeframe: Nanos(START - START % timeframe.span - 3 * timeframe.span)
        for timeframe in TIMEFRAMES
    }

    with Exchange(HandMade()) as exchange, listening(exchange, have=have) as ear:
        fetched = ear.wait(Fetched)

    assert fetched.wanted == len(fetched.candles) == 2 * len(TIMEFRAMES)
    asked = [path for path in exchange.requests if path.startswith("/api/v3/klines")]
    assert len(asked) == len(TIMEFRAMES)
    assert all("limit=2" in path for path in asked)


def test_start_with_everything_in_the_cache_fetches_no_candle() -> None:
    have = {
        timeframe: Nanos(START - START % timeframe.span - timeframe.span)
        for timeframe in TIMEFRAMES
    }

    with Exchange(HandMade()) as exchange, listening(exchange, have=have) as ear:
        fetched = ear.wait(Fetched)

    assert (fetched.candles, fetched.wanted) == ((), 0)
    assert not [path for path in exchange.requests if path.startswith("/api/v3/klines")]


def test_every_kind_of_event_arrives_and_candles_follow_each_other() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange, listening(exchange) as ear:
        ear.wait(Candle, 2)
        ear.wait(MarkPrice)

    assert ear.all(Instrument) == [BTCUSDT]
    assert ear.all(Connected)[0].endpoint == exchange.ws
    assert ear.all(Book)
    assert ear.all(Trade)
    assert ear.all(Ticker)[0].change == pytest.approx(0.0123)
    assert not ear.all(Rejected)
    assert ear.all(Candle)[0] == candle(Timeframe.M1, ear.all(Candle)[0].open_time)
    assert all(b.open_time - a.open_time == MINUTE for a, b in pairwise(candles(ear)))


def test_dropped_connection_is_opened_anew_and_no_candle_is_lost() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange, listening(exchange) as ear:
        ear.wait(Candle)
        exchange.refuse(refusing=True)
        exchange.drop_all()
        lost = ear.wait(Disconnected)
        at = exchange.market.now
        wait_for(lambda: exchange.market.now - at > 2 * MINUTE)
        exchange.refuse(refusing=False)
        ear.wait(Connected, 2, seconds=5)
        ear.wait(Fetched, 2)
        ear.wait(Candle, len(ear.all(Candle)) + 1)

    assert lost.reason
    assert all(b.open_time - a.open_time == MINUTE for a, b in pairwise(candles(ear)))
    assert all(one == candle(Timeframe.M1, one.open_time) for one in candles(ear))
    missed = max(ear.all(Fetched)[1:], key=lambda fetched: fetched.wanted)
    assert missed.wanted == len(missed.candles) >= 2


def test_silent_stream_is_opened_anew_although_pings_are_answered() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange, listening(exchange) as ear:
        ear.wait(Book)
        exchange.silence(silent=True)
        lost = ear.wait(Disconnected)
        exchange.silence(silent=False)
        ear.wait(Connected, 2)

    assert lost.reason == "no depth5@100ms for 0.8 s"


def test_next_address_is_taken_where_the_first_is_dead() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange:
        endpoints = Endpoints((NOBODY, exchange.rest), ("ws://127.0.0.1:1", exchange.ws))
        ear = Ear()
        line = LiveLine(Venue(endpoints, lambda: exchange.market.now, timing=QUICK))
        line.open(ear, {})
        connected = ear.wait(Connected)
        line.close()

    assert connected.endpoint == exchange.ws


def test_exchange_that_refuses_connections_is_named_at_once_with_the_way_out() -> None:
    ear = Ear()
    line = LiveLine(Venue(Endpoints((NOBODY,), ("ws://127.0.0.1:1",)), lambda: START))

    line.open(ear, {})
    told = ear.wait(Unreachable, seconds=2)
    line.close()

    assert NOBODY in told.reason
    assert "refused" in told.reason
    assert "--demo" in told.reason
    assert ear.told == [told]


def test_name_that_does_not_resolve_is_named() -> None:
    ear = Ear()
    rest = ("http://exchange.invalid",)
    line = LiveLine(Venue(Endpoints(rest, ("ws://exchange.invalid",)), lambda: START))

    line.open(ear, {})
    told = ear.wait(Unreachable, seconds=25)
    line.close()

    assert "http://exchange.invalid (" in told.reason


def test_addresses_that_swallow_everything_cost_their_stagger_not_their_timeouts() -> None:
    ear = Ear()
    timing = replace(QUICK, connect=10.0, start=1.5)
    with black_hole() as port:
        rest = tuple(f"http://127.0.0.1:{port}/{n}" for n in range(6))
        line = LiveLine(Venue(Endpoints(rest, ("ws://127.0.0.1:1",)), lambda: START, timing=timing))
        line.open(ear, {})
        told = ear.wait(Unreachable)
        line.close()

    assert all(address in told.reason for address in rest)
    assert "no answer in time" in told.reason


def test_streams_that_cannot_be_reached_are_named_although_rest_answers() -> None:
    with Exchange(HandMade()) as exchange:
        ear = Ear()
        endpoints = Endpoints((exchange.rest,), ("ws://127.0.0.1:1",))
        line = LiveLine(Venue(endpoints, lambda: exchange.market.now, timing=QUICK))
        line.open(ear, {})
        told = ear.wait(Unreachable)
        line.close()

    assert "ws://127.0.0.1:1 (the connection was refused)" in told.reason


def test_closing_while_nothing_answers_returns_and_nothing_is_told_later() -> None:
    ear = Ear()
    with black_hole() as port:
        endpoints = Endpoints((f"http://127.0.0.1:{port}",), (f"ws://127.0.0.1:{port}",))
        line = LiveLine(Venue(endpoints, lambda: START))
        line.open(ear, {})
        line.close()
        line.close()

    assert ear.told == []


def test_line_opened_again_begins_anew() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange:
        first, second = Ear(), Ear()
        line = a_line(exchange)
        line.open(first, {})
        first.wait(Connected)
        line.open(second, {})
        heard = len(first.told)
        second.wait(Book)
        line.close()

    assert second.all(Fetched)[0].wanted == INGESTION * len(TIMEFRAMES)
    assert len(first.told) == heard


def test_candles_asked_for_again_come_as_fetched() -> None:
    with Exchange(HandMade()) as exchange:
        ear = Ear()
        line = a_line(exchange)
        line.open(ear, {})
        ear.wait(Fetched)
        line.refetch(Timeframe.M5, Nanos(START - HOUR), Nanos(START - 11 * 5 * MINUTE))
        again = ear.wait(Fetched, 2)
        line.close()

    assert [one.open_time for one in again.candles] == [START - HOUR, START - 55 * MINUTE]
    assert again.wanted == 2


def test_recorded_session_replays_to_the_same_books_trades_and_candles(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    with (
        Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange,
        listening(exchange, recorder=recorder) as ear,
    ):
        ear.wait(Candle, 2)

    replayed = list(Recording(tmp_path).events())

    assert_same(replayed, ear.told, Book, lambda book: (book.bids, book.asks, book.update_id))
    assert_same(replayed, ear.told, Trade, lambda trade: replace(trade, at=START))
    assert_same(replayed, ear.told, Ticker, lambda ticker: ticker.last)
    assert ear.all(Candle) == [one for one in replayed if isinstance(one, Candle)][-2:]


def assert_same(
    replayed: Sequence[object],
    told: Sequence[object],
    kind: type[Kind],
    what: Callable[[Kind], Any],
) -> None:
    """As often and in the same order; what was taken while the line was closing may be one more."""
    ours = [what(one) for one in told if isinstance(one, kind)]
    theirs = [what(one) for one in replayed if isinstance(one, kind)]
    assert len(ours) > 1
    assert ours == theirs[: len(ours)]
    assert len(theirs) - len(ours) <= 1


def a_rest(exchange: Exchange, *more: str) -> Rest:
    return Rest((exchange.rest, *more), QUICK, threading.Event())


def test_too_many_requests_are_followed_by_the_quiet_that_was_asked_for() -> None:
    body = b'{"code":-1003,"msg":"Too many requests; current request has limited."}'
    with Exchange(HandMade()) as exchange:
        exchange.order(Answer("/api/v3/ping", 429, body, (("Retry-After", "1"),)))
        rest = a_rest(exchange)
        begun = perf_counter()
        answer = rest.get("/api/v3/ping")
        took = perf_counter() - begun
        rest.close()

    assert answer == b"{}"
    assert took >= 0.9
    assert exchange.requests == ["/api/v3/ping"] * 2


def test_ban_is_never_tested_before_it_ends() -> None:
    body = b'{"code":-1003,"msg":"Way too much request weight used; IP banned."}'
    with Exchange(HandMade()) as exchange:
        exchange.order(Answer("/api/v3/ping", 418, body, (("Retry-After", "300"),)))
        rest = a_rest(exchange)
        for _ in range(3):
            with pytest.raises(VenueUnavailable, match="no request for"):
                rest.get("/api/v3/ping")
        rest.close()

    assert exchange.requests == ["/api/v3/ping"]


def test_exchange_in_trouble_is_asked_five_times_and_then_named() -> None:
    with Exchange(HandMade()) as exchange:
        exchange.order(Answer("/api/v3/time", 503, b"<html>"), times=9)
        rest = a_rest(exchange)
        with pytest.raises(VenueUnavailable, match=r"/api/v3/time: .*HTTP 503"):
            rest.get("/api/v3/time")
        rest.close()

    assert len(exchange.requests) == 5


def test_address_that_serves_another_region_is_left_for_the_next() -> None:
    with Exchange(HandMade()) as first, Exchange(HandMade()) as second:
        first.order(Answer("/api/v3/ping", 451, b'{"code":0,"msg":"restricted location"}'), times=9)
        rest = a_rest(first, second.rest)
        rest.get("/api/v3/ping")
        rest.get("/api/v3/ping")
        rest.close()

    assert (len(first.requests), len(second.requests)) == (1, 2)


def test_preferred_address_is_asked_again_after_a_while() -> None:
    with Exchange(HandMade()) as first, Exchange(HandMade()) as second:
        first.order(Answer("/api/v3/ping", 500, b"<html>"))
        rest = Rest((first.rest, second.rest), replace(QUICK, back=0.0), threading.Event())
        rest.get("/api/v3/ping")
        rest.get("/api/v3/ping")
        rest.get("/api/v3/ping")
        rest.close()

    assert (len(first.requests), len(second.requests)) == (3, 1)


def test_request_that_is_wrong_is_not_repeated_and_quotes_the_exchange() -> None:
    with Exchange(HandMade()) as exchange:
        rest = a_rest(exchange)
        with pytest.raises(VenueUnavailable, match=r"Invalid symbol\. \(-1121\)"):
            rest.get("/api/v3/klines", {"symbol": "NONE", "interval": "1m"})
        rest.close()

    assert len(exchange.requests) == 1


def test_history_that_cannot_be_read_ends_the_start_with_its_reason() -> None:
    with Exchange(HandMade()) as exchange:
        exchange.order(Answer("/api/v3/klines", 200, b'[[1,"NaN"]]'), times=9)
        with listening(exchange) as ear:
            told = ear.wait(Unreachable)

    assert "klines" in told.reason


def test_futures_that_do_not_answer_are_not_spoken_of() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange:
        exchange.order(Answer("/fapi/v1/premiumIndex", 451, b"{}"), times=99)
        exchange.faults.muted = {"markPrice@1s"}
        with listening(exchange) as ear:
            ear.wait(Candle)

    assert not ear.all(MarkPrice)
    assert not ear.all(Rejected)


def test_mark_price_comes_each_second_from_its_stream_although_rest_refuses() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange:
        exchange.order(Answer("/fapi/v1/premiumIndex", 451, b"{}"), times=99)
        with listening(exchange) as ear:
            ear.wait(MarkPrice, 5)

    first, second = ear.all(MarkPrice)[:2]
    assert second.at - first.at == SECOND
    assert first.rate == Decimal("0.0001")


def test_mark_price_is_asked_for_where_its_stream_is_silent() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange:
        exchange.faults.muted = {"markPrice@1s"}
        with listening(exchange) as ear:
            ear.wait(MarkPrice, 2)

    assert [path for path in exchange.requests if "premiumIndex" in path]
    assert ear.all(Disconnected) == []


def test_frames_that_cannot_be_believed_are_told_and_change_nothing() -> None:
    crossed = b'{"lastUpdateId":1,"bids":[["2.0","1.0"]],"asks":[["1.0","1.0"]]}'
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange, listening(exchange) as ear:
        ear.wait(Book)
        exchange.say("depth5@100ms", crossed)
        exchange.say("trade", b"{")
        ear.wait(Rejected, 2)
        ear.wait(Candle)

    assert [one.stream for one in ear.all(Rejected)] == ["btcusdt@depth5@100ms", "unknown"]
    assert "crossed" in ear.all(Rejected)[0].reason
    assert len(ear.all(Connected)) == 1


def test_announced_shutdown_is_not_waited_for() -> None:
    with Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange, listening(exchange) as ear:
        ear.wait(Book)
        exchange.say("trade", b'{"e":"serverShutdown","E":1770123456789}')
        note = ear.wait(Noticed)
        ear.wait(Candle, len(ear.all(Candle)) + 1)

    assert "without a break" in note.text
    assert ear.all(Disconnected) == []
    assert_complete(ear)


def assert_complete(ear: Ear) -> None:
    """Each trade and each candle came once, and none is missing."""
    numbers = [trade.trade_id for trade in ear.all(Trade)]
    assert sorted(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(b.open_time - a.open_time == MINUTE for a, b in pairwise(candles(ear)))
    assert all(one == candle(Timeframe.M1, one.open_time) for one in candles(ear))


class FullDisk(Recorder):
    """A recorder on a disk that has no room left."""

    def write(self, arrived: Nanos, frame: bytes) -> None:
        raise OSError(28, f"No space left for {len(frame)} bytes at {arrived}")


def test_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    with (
        Exchange(HandMade(), speed=TWO_MINUTES_A_SECOND) as exchange,
        listening(exchange, recorder=FullDisk(tmp_path)) as ear,
    ):
        ear.wait(Candle)

    (rejected,) = ear.all(Rejected)
    assert rejected.stream == "recording"
    assert "No space left" in rejected.reason
