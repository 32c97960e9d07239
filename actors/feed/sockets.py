"""One WebSocket connection to Binance's streams: all that has come at a time, and pings.

The library shakes hands and sends; reading is ours (see `framing`). Its check of UTF-8 is left out
with it: the decoder refuses what is none.
"""

import socket
from contextlib import suppress
from time import perf_counter

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from websocket import WebSocket, WebSocketException, create_connection

from actors.feed.endpoints import in_words
from actors.feed.framing import Framing, Heard, Opcode
from actors.feed.timing import Timing
from domain.errors import FeedLost, VenueUnavailable

PATIENCE = 0.25
"""How long one look at the connection waits for something to come [s]."""

CHUNK = 256 * 1024
"""Most that is read at a time [bytes]."""


class Stream:
    """An open connection. Used by one thread at a time."""

    def __init__(self, connection: WebSocket, endpoint: str, timing: Timing) -> None:
        connection.settimeout(PATIENCE)
        self.endpoint = endpoint
        self.opened = perf_counter()
        assert connection.sock is not None
        self._socket = connection.sock
        self._connection = connection
        self._timing = timing
        self._framing = Framing()
        self._buffer = bytearray(CHUNK)
        self._pinged_at = self.opened
        self._unanswered = False
        self.more = False
        """Whether more had come than was taken at once."""

    def take(self) -> Heard:
        """All that has come; nothing where nothing came for a moment.

        Raises:
            FeedLost: the connection is closed or broken, or a ping of ours stayed unanswered.
        """
        try:
            size = self._socket.recv_into(self._buffer)
        except TimeoutError:
            self._watch(perf_counter())
            return Heard()
        except (OSError, ValueError) as error:
            raise FeedLost(in_words(error)) from error
        if not size:
            raise FeedLost("the exchange closed the connection")
        self.more = size == CHUNK
        heard = self._framing.feed(bytes(memoryview(self._buffer)[:size]))
        for opcode, content in heard.controls:
            self._obey(opcode, content)
        self._watch(perf_counter())
        return heard

    def close(self) -> None:
        """Let go of the connection, without waiting for the other side's farewell."""
        with suppress(WebSocketException, OSError):
            self._connection.send_close()
        with suppress(WebSocketException, OSError):
            self._connection.shutdown()  # type: ignore[no-untyped-call]

    def _obey(self, opcode: int, content: bytes) -> None:
        if opcode == Opcode.CLOSE:
            raise FeedLost("the exchange closed the connection")
        if opcode == Opcode.PING:
            with suppress(WebSocketException, TimeoutError):
                self._send(Opcode.PONG, content)
        if opcode == Opcode.PONG:
            self._unanswered = False

    def _watch(self, now: float) -> None:
        """Look whether the other side still lives."""
        if now - self._pinged_at < self._timing.ping_answer:
            return
        if self._unanswered:
            raise FeedLost(f"a ping stayed unanswered for {self._timing.ping_answer:g} s")
        if now - self._pinged_at >= self._timing.ping_every:
            self._pinged_at, self._unanswered = now, True
            with suppress(WebSocketException, TimeoutError):
                self._send(Opcode.PING, b"")

    def _send(self, opcode: int, content: bytes) -> None:
        try:
            self._connection.send(content, opcode)
        except TimeoutError:
            raise
        except OSError as error:
            raise FeedLost(in_words(error)) from error


def open_stream(endpoint: str, path: str, timing: Timing) -> Stream:
    """Connect and shake hands.

    Raises:
        VenueUnavailable: nothing there, or nothing that speaks WebSocket.
    """
    try:
        connection = create_connection(
            endpoint + path,
            timeout=timing.connect,
            sslopt={"ca_certs": DEFAULT_CA_BUNDLE_PATH},
            sockopt=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            suppress_origin=True,
        )
    except (WebSocketException, OSError, ValueError) as error:
        raise VenueUnavailable(in_words(error)) from error
    return Stream(connection, endpoint, timing)
