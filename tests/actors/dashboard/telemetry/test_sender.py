import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.dashboard.telemetry.alerts import Alert, Severity
from actors.dashboard.telemetry.pacing import AT_ONCE_MAX
from actors.dashboard.telemetry.sender import WAITING_MAX, Sender, Timing
from actors.dashboard.telemetry.targets import Target
from domain.facts import Mode
from tests.actors.dashboard.telemetry.endpoint import misbehaving, serving
from tests.actors.feed.listening import wait_for
from tests.builders import NOON
from tests.certificates import trusted_server

QUICK = Timing(pauses=(0.01,), last=10.0)
HASTY = Timing(pauses=(0.01,), delivery=0.3, last=0.3)


def an_alert(number: int = 0) -> Alert:
    """One of a kind of its own, so that no other holds it back."""
    return Alert(NOON, f"kind_{number}", Severity.WARNING, f"number {number}")


@contextmanager
def sending(url: str, timing: Timing = QUICK) -> Iterator[Sender]:
    sender = Sender(Target(url, "auto", Mode.DEMO), timing)
    sender.start()
    yield sender
    sender.end(10)


def test_alert_is_delivered() -> None:
    with serving() as endpoint, sending(endpoint.url) as sender:
        sender.tell(an_alert())
        taken = endpoint.taken.get(timeout=10)
        wait_for(lambda: sender.outcome.delivered)

    assert taken["text"] == "[DEMO] warning: number 0"


def test_endpoint_that_cannot_now_is_asked_again_until_it_can() -> None:
    with serving(500, 503, 429, 200) as endpoint, sending(endpoint.url) as sender:
        sender.tell(an_alert())
        endpoint.taken.get(timeout=10)

    assert endpoint.tries == 4
    assert (sender.outcome.delivered, sender.outcome.failed) == (1, 0)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
def test_endpoint_that_never_will_is_asked_once(status: int) -> None:
    with serving(status) as endpoint, sending(endpoint.url) as sender:
        sender.tell(an_alert(1))
        wait_for(lambda: sender.outcome.failed)

    assert endpoint.tries == 1


def hang_up(connection: socket.socket) -> None:
    connection.recv(1)


def talk_nonsense(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"\x00\xff no http at all\r\n" * 99)


def never_end(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 999)


def endless_line(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x" * 99_999)


@pytest.mark.parametrize("do", [hang_up, talk_nonsense, never_end, endless_line])
def test_rubbish_is_given_up_at_the_end_and_disturbs_nobody(
    do: Callable[[socket.socket], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    tried = threading.Event()

    def once(connection: socket.socket) -> None:
        tried.set()
        do(connection)

    with misbehaving(once) as url, sending(url, HASTY) as sender:
        sender.tell(an_alert())
        assert tried.wait(10)
        sender.end(10)

    assert (sender.outcome.delivered, sender.outcome.failed) == (0, 1)
    assert "given up" in caplog.text
    assert "secret" not in caplog.text


def test_endpoint_that_drips_is_cut_off_in_time() -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not over.wait(0.02):
            connection.sendall(b"H")

    with misbehaving(drip) as url:
        sender = Sender(Target(url, "auto", Mode.DEMO), HASTY)
        sender.tell(an_alert())
        sender.hurry()
        sender.start()
        sender.end(10)
        over.set()

    assert sender.outcome.failed == 1


def test_dead_endpoint_costs_who_tells_nothing_and_the_end_no_more_than_it_may() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # it never accepts, never answers
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        sender = Sender(Target(url, "auto", Mode.DEMO), QUICK)
        sender.start()
        for number in range(3 * WAITING_MAX):
            sender.tell(an_alert(number))

        sender.end(0.1)

    assert sender.outcome.dropped >= 2 * WAITING_MAX - 1
    assert sender.outcome.delivered == 0


def test_dead_endpoint_is_no_concern_of_another_one() -> None:
    with (
        serving() as endpoint,
        sending("http://127.0.0.1:9/x") as dead,
        sending(endpoint.url) as well,
    ):
        for sender in (dead, well):
            sender.tell(an_alert())
        endpoint.taken.get(timeout=10)
        wait_for(lambda: well.outcome.delivered)

    assert dead.outcome.delivered == 0


def test_flood_of_one_kind_rings_a_few_times_and_ends_with_their_number() -> None:
    many = [Alert(NOON, "restart", Severity.WARNING, f"death {n}") for n in range(10)]

    with serving() as endpoint, sending(endpoint.url) as sender:
        for alert in many:
            sender.tell(alert)
        wait_for(lambda: sender.outcome.held == len(many) - AT_ONCE_MAX)
        sender.end(10)

    texts = [endpoint.taken.get()["text"] for _ in range(endpoint.taken.qsize())]
    assert len(texts) == AT_ONCE_MAX + 1
    assert texts[-1].endswith("death 9 (and 6 more before it, held back)")


def test_last_alert_goes_out_before_the_end() -> None:
    with serving() as endpoint:
        with sending(endpoint.url) as sender:
            sender.tell(an_alert())

        assert endpoint.taken.qsize() == 1


def test_host_that_cannot_be_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    for host in ("x" * 300, "a..b", "[::1%25nowhere]"):
        with sending(f"http://{host}:1/secret") as sender:
            sender.tell(an_alert())

        assert sender.outcome.failed == 1

    assert "secret" not in caplog.text


def test_encrypted_endpoint_is_told_in_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(context=trusted_server(tmp_path, monkeypatch)) as endpoint:
        url = endpoint.url.replace("http://127.0.0.1", "https://localhost")
        with sending(url) as sender:
            sender.tell(an_alert())
        wrong = endpoint.url.replace("http://", "https://")
        with sending(wrong) as stranger:
            stranger.tell(an_alert())

    assert (sender.outcome.delivered, sender.outcome.failed) == (1, 0)
    assert (stranger.outcome.delivered, stranger.outcome.failed) == (0, 1)
    assert endpoint.tries == 1


def test_endpoint_that_does_not_encrypt_where_it_should_is_told_nothing() -> None:
    with serving() as endpoint, sending(endpoint.url.replace("http:", "https:")) as sender:
        sender.tell(an_alert())

    assert sender.outcome.failed == 1
    assert endpoint.tries == 0
