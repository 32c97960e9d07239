from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websocket import WebSocket, WebSocketException, create_connection

from actors.clock import wall_clock
from actors.feed.demo import DemoSource
from actors.validation.relay import Relay
from tests.exchange.server import Exchange

STREAM = "/stream?streams=btcusdt@depth5@100ms"
GONE = (WebSocketException, OSError)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with Exchange(DemoSource(start=wall_clock())) as running:
        yield running


@contextmanager
def connected(relay: Relay) -> Iterator[WebSocket]:
    stream = create_connection(relay.url + STREAM, timeout=10)
    try:
        yield stream
    finally:
        stream.shutdown()  # type: ignore[no-untyped-call]


def heard(stream: WebSocket) -> bool:
    """Whether it says what was asked for."""
    return "btcusdt@depth5" in str(stream.recv())


def exhaust(stream: WebSocket) -> None:
    """Hear all that still comes."""
    while stream.recv():
        pass


def test_stream_comes_through_until_the_cable_is_cut_and_again_afterwards(
    exchange: Exchange,
) -> None:
    with Relay(exchange.ws) as relay:
        with connected(relay) as first:
            assert heard(first)

            assert relay.cut() == 1

            with pytest.raises(GONE):
                exhaust(first)
        with connected(relay) as second:
            assert heard(second)


def test_relay_that_was_left_takes_no_connection(exchange: Exchange) -> None:
    with Relay(exchange.ws) as relay:
        pass

    with pytest.raises(GONE), connected(relay):
        pass


def test_exchange_that_is_not_there_ends_the_connection() -> None:
    with Relay("ws://127.0.0.1:9") as relay, pytest.raises(GONE), connected(relay):
        pass


def test_relay_keeps_the_path_of_the_address_it_stands_for() -> None:
    with Relay("wss://mirror.example:9443/binance") as relay:
        assert relay.url.startswith("ws://127.0.0.1:")
        assert relay.url.endswith("/binance")
