"""One WebSocket connection to Binance's streams, watched so that silence cannot fool us.

A half-open connection still answers pings, or says nothing at all; what counts is data. The
library's check of UTF-8 is left out: it is slow, and the decoder refuses what is not.
"""

import socket
from contextlib import suppress
from time import perf_counter

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from websocket import (
    ABNF,
    WebSocket,
    WebSocketException,
    WebSocketTimeoutException,
    create_connection,
)

from actors.feed.endpoints import in_words
from actors.feed.rest import Timing
from domain.errors import FeedLost, VenueUnavailable

PATIENCE = 0.25
"""How long one look at the connection waits for a frame [s]."""


class Stream:
    """An open connection. Used by one thread."""

    def __init__(self, connection: WebSocket, endpoint: str, timing: Timing) -> None:
        connection.settimeout(PATIENCE)
        self.endpoint = endpoint
        self._connection = connection
        self._timing = timing
        now = perf_counter()
        self._data_at = now
        self._pinged_at = now
        self._unanswered = False

    def next(self) -> bytes | None:
        """The next frame's content; None where none came for a moment.

        Raises:
            FeedLost: the connection is closed or broken, or has been silent for too long.
        """
        try:
            opcode, frame = self._connection.recv_data_frame(control_frame=True)
        except WebSocketTimeoutException:
            self._watch(perf_counter())
            return None
        except (WebSocketException, OSError, ValueError) as error:
            raise FeedLost(in_words(error)) from error
        now = perf_counter()
        if opcode == ABNF.OPCODE_CLOSE:
            raise FeedLost("the exchange closed the connection")
        if opcode in {ABNF.OPCODE_PING, ABNF.OPCODE_PONG}:
            self._unanswered = self._unanswered and opcode == ABNF.OPCODE_PING
            self._watch(now)
            return None
        self._data_at = now
        if now - self._pinged_at >= self._timing.ping_every:
            self._watch(now)
        return bytes(frame.data)

    def close(self) -> None:
        """Let go of the connection, without waiting for the other side's farewell."""
        with suppress(WebSocketException, OSError):
            self._connection.send_close()
        with suppress(WebSocketException, OSError):
            self._connection.shutdown()  # type: ignore[no-untyped-call]

    def _watch(self, now: float) -> None:
        """Look whether the other side still lives."""
        if now - self._data_at >= self._timing.silence:
            raise FeedLost(f"no data for {self._timing.silence:g} s")
        if self._unanswered and now - self._pinged_at >= self._timing.ping_answer:
            raise FeedLost(f"a ping stayed unanswered for {self._timing.ping_answer:g} s")
        if not self._unanswered and now - self._pinged_at >= self._timing.ping_every:
            self._pinged_at, self._unanswered = now, True
            with suppress(WebSocketTimeoutException):
                self._ping()

    def _ping(self) -> None:
        try:
            self._connection.ping()
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
            skip_utf8_validation=True,
            suppress_origin=True,
        )
    except (WebSocketException, OSError, ValueError) as error:
        raise VenueUnavailable(in_words(error)) from error
    return Stream(connection, endpoint, timing)
