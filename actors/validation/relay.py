"""A cable that can be cut: passes a trader's streams on to an exchange, on loopback.

The trader speaks plain WebSocket to us; we speak TLS to the exchange where it does. Nothing of what
is said is changed but the name of the host in the head of each connection.
"""

import socket
import ssl
from contextlib import suppress
from threading import Thread
from typing import Self
from urllib.parse import urlsplit

CHUNK = 1 << 16
HEAD_SIZE_MAX = 1 << 14
CONNECT_SECONDS_MAX = 10.0
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
        cut = 0
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
                cut += 1
        return cut // 2

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        """One connection, until either side ends it."""
        with client, suppress(OSError), self._reached() as exchange:
            exchange.sendall(self._head(client))
            self._open |= {client, exchange}
            back = Thread(target=self._pass, args=(exchange, client), daemon=True)
            back.start()
            self._pass(client, exchange)
            back.join()
            self._open -= {client, exchange}

    def _reached(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), CONNECT_SECONDS_MAX)
        plain.settimeout(None)
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

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        """Carry bytes one way until there are no more, then let the other side know."""
        with suppress(OSError):
            while part := source.recv(CHUNK):
                target.sendall(part)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
