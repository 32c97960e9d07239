"""A cable that can be cut: passes a trader's streams on to an exchange, on loopback.

The trader speaks plain WebSocket to us; we speak TLS to the exchange where it does. Nothing of what
is said is changed but the name of the host in the head of each connection.
"""

import socket
import ssl
from contextlib import suppress
from select import select
from threading import Thread
from typing import Self
from urllib.parse import urlsplit

CHUNK = 1 << 16
HEAD_SIZE_MAX = 1 << 14
PATIENCE_SECONDS = 10.0
"""How long the exchange may take to answer, or to take what we carry to it [s]."""

ENCRYPTED = {"wss": 443, "ws": 80}
"""Port of each scheme where none is named."""


class Relay:
    """Listens on loopback until it is left; `cut` breaks all that goes through it."""

    def __init__(self, target: str) -> None:
        """Begin to listen.

        Args:
            target: base URL of the streams, `ws://` or `wss://`.
        """
        parts = urlsplit(target)
        assert parts.hostname is not None, "the settings know no URL without a host"
        self._host, self._port = parts.hostname, parts.port or ENCRYPTED[parts.scheme]
        self._name = parts.netloc.rpartition("@")[2].encode()
        self._encrypted = parts.scheme == "wss"
        self._path = parts.path
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        # A thread that waits in accept holds the socket; only a shutdown wakes it.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    @property
    def url(self) -> str:
        """What the trader is given in place of the exchange's address."""
        return f"ws://127.0.0.1:{self._server.getsockname()[1]}{self._path}"

    def cut(self) -> int:
        """Break every connection, as a cable would; returns how many there were."""
        clients = list(self._open)
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        return len(clients)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        """One connection, until either side ends it."""
        with client, suppress(OSError), self._reached() as exchange:
            exchange.sendall(self._head(client))
            self._open.add(client)
            _carry(client, exchange)
        self._open.discard(client)

    def _reached(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), PATIENCE_SECONDS)
        if not self._encrypted:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self._host)

    def _head(self, client: socket.socket) -> bytes:
        """The head of the request, in the exchange's own name, and what came with it."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < HEAD_SIZE_MAX:
            part = client.recv(CHUNK)
            if not part:
                break
            head += part
        ours = b"%s:%d" % (b"127.0.0.1", self._server.getsockname()[1])
        return head.replace(ours, self._name)


def _carry(client: socket.socket, exchange: socket.socket) -> None:
    """Carry bytes both ways until one side has no more.

    One thread does both: two of them must not be in one TLS connection at a time.
    """
    while True:
        for source in _heard(client, exchange):
            with suppress(TimeoutError):  # of TLS not all that comes is for us
                part = source.recv(CHUNK)
                if not part:
                    return
                (exchange if source is client else client).sendall(part)


def _heard(client: socket.socket, exchange: socket.socket) -> list[socket.socket]:
    """Who has said something; what TLS has decoded already no longer shows on the wire."""
    if isinstance(exchange, ssl.SSLSocket) and exchange.pending():
        return [exchange]
    return select([client, exchange], [], [])[0]
