"""The exchange itself: it answers as Binance does, else what the line learns here is false."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from websocket import WebSocket, WebSocketException, create_connection

from actors.feed.bodies import read_klines, read_mark_price
from actors.feed.protocol import OpenCandle, decode
from domain.horizons import Timeframe
from domain.market import Book, Candle, Ticker, Trade
from domain.units import MINUTE, Nanos
from tests.exchange.handmade import START, HandMade, candle
from tests.exchange.server import Answer, Exchange

ROOT = Path(__file__).parents[2]


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange(HandMade(), speed=600.0) as running:
        yield running


def get(exchange: Exchange, path: str, **asked: Any) -> requests.Response:
    return requests.get(exchange.rest + path, params=asked, timeout=5)


def listen(exchange: Exchange, path: str) -> WebSocket:
    return create_connection(exchange.ws + path, timeout=5)


def test_klines_honour_interval_limit_and_both_ends(exchange: Exchange) -> None:
    first, last = (START - 10 * MINUTE) // 10**6, (START - 3 * MINUTE) // 10**6
    asked = {"symbol": "BTCUSDT", "interval": "1m", "startTime": first, "endTime": last}

    found = read_klines(get(exchange, "/api/v3/klines", **asked).content, Timeframe.M1)
    three = read_klines(get(exchange, "/api/v3/klines", **asked, limit=3).content, Timeframe.M1)
    newest = get(exchange, "/api/v3/klines", symbol="BTCUSDT", interval="1h").json()

    assert found == tuple(candle(Timeframe.M1, START - back * MINUTE) for back in range(10, 2, -1))
    assert three == found[:3]
    assert len(newest) == 500
    assert len(newest[0]) == 12


def test_mistakes_are_answered_in_the_exchanges_words(exchange: Exchange) -> None:
    wrong = [
        ({"interval": "1m"}, -1102),
        ({"symbol": "NONE", "interval": "1m"}, -1121),
        ({"symbol": "BTCUSDT", "interval": "7m"}, -1120),
    ]

    for asked, code in wrong:
        response = get(exchange, "/api/v3/klines", **asked)
        assert (response.status_code, response.json()["code"]) == (400, code)
    assert get(exchange, "/api/v3/none").status_code == 404


def test_every_endpoint_answers(exchange: Exchange) -> None:
    with_book = listen(exchange, "/ws/btcusdt@depth5@100ms")
    with_book.recv()
    with_book.close()

    assert get(exchange, "/api/v3/ping").json() == {}
    assert get(exchange, "/api/v3/time").json()["serverTime"] >= START // 10**6
    assert len(get(exchange, "/api/v3/depth", symbol="BTCUSDT").json()["bids"]) == 5
    mark = get(exchange, "/fapi/v1/premiumIndex", symbol="BTCUSDT")
    assert read_mark_price(mark.content).settles > START


def test_combined_stream_carries_what_was_asked_for_and_nothing_else(exchange: Exchange) -> None:
    names = ("depth5@100ms", "trade", "ticker", "kline_1m")
    connection = listen(exchange, "/stream?streams=" + "/".join(f"btcusdt@{n}" for n in names))

    heard = [decode(connection.recv(), Nanos(0)) for _ in range(600)]
    connection.close()

    assert {type(one) for one in heard} == {Book, Trade, Ticker, Candle, OpenCandle}
    assert all(one == candle(Timeframe.M1, one.open_time) for one in heard if type(one) is Candle)


def test_ping_is_answered_even_in_silence(exchange: Exchange) -> None:
    exchange.silence(silent=True)
    connection = listen(exchange, "/ws/btcusdt@trade")

    connection.ping(b"still there?")
    _, pong = connection.recv_data_frame(control_frame=True)
    connection.close()

    assert pong.data == b"still there?"


def test_dropped_connections_break_and_refused_ones_never_stand(exchange: Exchange) -> None:
    connection = listen(exchange, "/ws/btcusdt@trade")
    exchange.refuse(refusing=True)
    exchange.drop_all()

    with pytest.raises((WebSocketException, OSError)):
        list(iter(connection.recv, None))
    connection.close()
    with pytest.raises(requests.ConnectionError):
        get(exchange, "/api/v3/ping")


def test_ordered_answer_comes_as_often_as_it_was_ordered(exchange: Exchange) -> None:
    exchange.order(Answer("/api/v3/time", 429, b"{}", (("Retry-After", "7"),)), times=2)

    answers = [get(exchange, "/api/v3/time") for _ in range(3)]

    assert [one.status_code for one in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"


def test_exchange_runs_as_a_command_and_says_where() -> None:
    command = [sys.executable, "-m", "tests.exchange", "--port", "0", "--seed", "7"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        options = running.stdout.readline().split()
        pong = requests.get(f"{options[1]}/api/v3/ping", timeout=5)
        running.terminate()

    assert options[::2] == ["--rest", "--ws", "--futures-rest", "--futures-ws"]
    assert pong.json() == {}
