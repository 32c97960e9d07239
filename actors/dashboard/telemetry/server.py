"""Answers `/metrics` and `/health`, to this machine alone."""

import json
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from actors.dashboard.telemetry.condition import Condition
from domain.errors import SettingsInvalid
from domain.facts import Mode
from domain.version import VERSION

LOOPBACK = "127.0.0.1"

ANSWERS_MAX = 8
"""Requests that are answered at once; one more is turned away, whoever asks so fast."""

REQUEST_SECONDS_MAX = 5.0
"""How long a request may take to come, and its answer to be taken [s]."""

LOOK_EVERY = 0.25
"""How often we look whether it is over; the end waits for that [s]."""

HOSTS = frozenset((LOOPBACK, "localhost", ""))
"""Names under which we answer: a web page whose name was made to point at us has another one."""

Answer = tuple[HTTPStatus, str, bytes]
"""Status, content type, body."""

Request = socket | tuple[bytes, socket]


class Server(ThreadingHTTPServer):
    """Listens from its construction on; answers in threads of its own once it is started."""

    daemon_threads = True

    def __init__(self, port: int, mode: Mode, condition: Condition, meters: Collector) -> None:
        self._slots = threading.BoundedSemaphore(ANSWERS_MAX)
        self._mode = mode
        self._condition = condition
        self._meters = meters
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingsInvalid(f"--metrics {port} cannot be listened on: {reason}") from error

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(
            target=self.serve_forever, args=(LOOK_EVERY,), name="metrics", daemon=True
        ).start()

    def end(self) -> None:
        """Answer no more, and let the port go."""
        self.shutdown()
        self.server_close()

    def answer(self, path: str, accept: str) -> Answer:
        """What this address has to say."""
        match path.partition("?")[0]:
            case "/metrics":
                encode, kind = choose_encoder(accept)
                return HTTPStatus.OK, kind, encode(self._meters)
            case "/health":
                return self._health()
            case _:
                body = b"PlasmaTrader answers /metrics and /health\n"
                return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", body

    def _health(self) -> Answer:
        reasons = self._condition.reasons()
        body = {
            "status": "not trading" if reasons else "trading",
            "mode": str(self._mode),
            "version": VERSION,
            "tick_age_seconds": round(self._condition.quiet, 3),
            "reasons": [{"code": reason.code, "text": reason.text} for reason in reasons],
        }
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        return status, "application/json", json.dumps(body).encode() + b"\n"

    def process_request(self, request: Request, client_address: Any) -> None:
        """Answer in a thread, as long as there are not too many of them."""
        if self._slots.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except RuntimeError:  # there is no thread to be had
                self._slots.release()
                raise
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Request, client_address: Any) -> None:
        """Answer one request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Request, client_address: Any) -> None:
        """Whoever has asked is gone, or talks nonsense: that is not our concern."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = REQUEST_SECONDS_MAX
    server_version = "PlasmaTrader"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer."""
        host = self.headers.get("Host", "").rpartition(":")
        named = host[0] if host[2].isdecimal() else host[2]
        if named not in HOSTS:
            self._send(HTTPStatus.FORBIDDEN, "text/plain; charset=utf-8", b"not under this name\n")
            return
        self._send(*self.server.answer(self.path, self.headers.get("Accept", "")))

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_said: Any) -> None:
        """Nothing: the screen is the trader's."""
