"""Answers of an exchange that means harm: without end, packed without end, with words that act."""

import gzip
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from actors.feed.rest import BODY_MAX, Rest
from actors.feed.timing import Timing
from domain.errors import VenueUnavailable

BOMB = gzip.compress(bytes(8 * BODY_MAX), 1)
EVIL = "\x1b]0;owned\x07\x9b2J"


class Harmful(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with suppress(OSError):  # whoever has heard enough hangs up
            {
                "/bomb": self._bomb,
                "/endless": self._endless,
                "/words": self._words,
                "/failure": self._failure,
            }[self.path]()

    def _bomb(self) -> None:
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(BOMB)))
        self.end_headers()
        self.wfile.write(BOMB)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    def _words(self) -> None:
        self.send_response(400, EVIL + "x" * 10_000)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _failure(self) -> None:
        body = b'{"code":-1121,"msg":"\\u001b]0;owned\\u0007 Invalid\\nsymbol"}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def rest() -> Iterator[Rest]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Harmful) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        found = Rest((f"http://127.0.0.1:{server.server_port}",), Timing(), threading.Event())
        yield found
        found.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/bomb", "/endless"])
def test_no_more_of_an_answer_is_kept_than_any_answer_has(rest: Rest, path: str) -> None:
    assert len(BOMB) < 1 << 20
    tracemalloc.start()

    with pytest.raises(VenueUnavailable, match="an answer of more than 16 MB"):
        rest.reach(path)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * BODY_MAX


@pytest.mark.parametrize(
    ("path", "words"),
    [("/words", r"HTTP 400: \\x1b\]0;owned\\x07\\x9b2J"), ("/failure", "Invalid symbol")],
)
def test_what_a_refusal_says_is_shown_as_text(rest: Rest, path: str, words: str) -> None:
    with pytest.raises(VenueUnavailable, match=words) as refused:
        rest.get(path)

    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500
