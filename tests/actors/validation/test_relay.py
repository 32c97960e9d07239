import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from websocket import WebSocket, WebSocketException, create_connection

from actors.clock import wall_clock
from actors.feed.demo import DemoSource
from actors.validation.relay import Relay
from tests.certificates import trusted_server
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


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate for `localhost`, which we trust."""
    return trusted_server(tmp_path, monkeypatch)


def answer(server: socket.socket, context: ssl.SSLContext) -> None:
    """Say what came, and then more than one TLS record has room for."""
    plain, _ = server.accept()
    with plain, context.wrap_socket(plain, server_side=True) as client:
        client.sendall(client.recv(4096) + bytes(100_000))
        client.recv(1)


def test_encrypted_exchange_is_spoken_to_in_its_own_name(secured: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = Thread(target=answer, args=(server, secured), daemon=True)
        thread.start()
        with Relay(f"wss://localhost:{port}") as relay:
            address = ("127.0.0.1", int(relay.url.rpartition(":")[2]))
            with socket.create_connection(address, 10) as client, client.makefile("rb") as said:
                client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % address[1])
                head = b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % port
                assert said.read(len(head)) == head
                assert said.read(100_000) == bytes(100_000)
                client.sendall(b"!")
        thread.join(10)

    assert not thread.is_alive()
