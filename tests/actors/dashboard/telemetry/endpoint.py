"""Endpoints for alerts, good and bad ones, on real sockets."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any


class Endpoint(ThreadingHTTPServer):
    """Takes alerts, and answers with these statuses, the last one again and again."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self._statuses = list(statuses or (200,))
        self.taken: Queue[dict[str, Any]] = Queue()
        self.tries = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/secret?key=hidden"

    def status(self) -> int:
        self.tries += 1
        return self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]


class _Taker(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.status()
        if status < 300:
            self.server.taken.put(body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_said: Any) -> None:
        pass


@contextmanager
def serving(*statuses: int, context: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    """An endpoint, encrypted where there is a context for that."""
    with Endpoint(*statuses) as endpoint:
        if context is not None:
            endpoint.socket = context.wrap_socket(endpoint.socket, server_side=True)
        thread = threading.Thread(target=endpoint.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield endpoint
        endpoint.shutdown()
        thread.join()


@contextmanager
def misbehaving(do: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of an endpoint that does this with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        do(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/secret"
        listener.shutdown(socket.SHUT_RDWR)
