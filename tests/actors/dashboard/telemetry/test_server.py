import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from prometheus_client import CollectorRegistry, Counter

from actors.dashboard.telemetry.condition import Condition
from actors.dashboard.telemetry.server import ANSWERS_MAX, LOOPBACK, Server
from actors.messages import Tick
from domain.errors import SettingsInvalid
from domain.facts import Halted, Mode, Ready
from tests.actors.feed.listening import wait_for
from tests.builders import NOON

Answer = tuple[int, str, bytes]


@pytest.fixture
def condition() -> Condition:
    return Condition(lambda: 5.0)


@pytest.fixture
def server(condition: Condition) -> Iterator[Server]:
    registry = CollectorRegistry()
    Counter("apples", "Fruit.", registry=registry).inc()
    server = Server(0, Mode.DEMO, condition, registry)
    server.start()
    yield server
    server.end()


def asked(server: Server, path: str, **headers: str) -> Answer:
    connection = http.client.HTTPConnection(LOOPBACK, server.server_port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read()
    connection.close()
    return found


def test_metrics_are_prometheus_text(server: Server) -> None:
    status, kind, body = asked(server, "/metrics?name=x")

    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"apples_total 1.0\n" in body


def test_openmetrics_are_given_to_who_asks_for_them(server: Server) -> None:
    _, kind, body = asked(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_health_is_ok_only_while_it_trades_and_says_why_not(
    server: Server, condition: Condition
) -> None:
    starting, kind, _ = asked(server, "/health")
    for message in (Ready(NOON, "embedded", "00", 1.0), Tick(NOON)):
        condition.hear(message)
    trading, _, said = asked(server, "/health")
    condition.hear(Halted(NOON, "the ledger does not add up"))
    halted, _, why = asked(server, "/health")

    assert (starting, trading, halted) == (503, 200, 503)
    assert kind == "application/json"
    assert json.loads(said)["status"] == "trading"
    found = json.loads(why)
    assert (found["status"], found["mode"]) == ("not trading", "DEMO")
    assert found["reasons"] == [{"code": "halted", "text": "the ledger does not add up"}]


def test_anything_else_is_not_found_and_nothing_can_be_posted(server: Server) -> None:
    assert asked(server, "/../etc/passwd")[0] == 404
    connection = http.client.HTTPConnection(LOOPBACK, server.server_port, timeout=10)
    connection.request("POST", "/metrics", b"{}")
    assert connection.getresponse().status == 501
    connection.close()


def test_only_this_machine_is_listened_to_and_only_under_its_own_names(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert asked(server, "/health", Host="localhost:9464")[0] == 503
    assert asked(server, "/metrics", Host="rebound.example")[0] == 403


def test_port_that_is_taken_is_one_clear_line(server: Server, condition: Condition) -> None:
    with pytest.raises(SettingsInvalid, match=f"--metrics {server.server_port} cannot") as refused:
        Server(server.server_port, Mode.DEMO, condition, CollectorRegistry())

    assert refused.value.status == 2
    assert "\n" not in str(refused.value)


@contextmanager
def idle(server: Server, count: int) -> Iterator[None]:
    """So many connections that ask nothing."""
    with ExitStack() as held:
        for _ in range(count):
            held.enter_context(socket.create_connection((LOOPBACK, server.server_port), 10))
        yield


def test_those_who_connect_and_say_nothing_are_bounded_and_harm_nobody(server: Server) -> None:
    with (
        idle(server, ANSWERS_MAX),
        socket.create_connection((LOOPBACK, server.server_port), 10) as one_more,
    ):
        assert one_more.recv(1) == b""

    wait_for(lambda: answers(server))


def answers(server: Server) -> bool:
    """Whether it does; a place that was just let go may not be free yet."""
    try:
        return asked(server, "/metrics")[0] == 200
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return False


def test_rubbish_harms_nobody(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    for rubbish in (b"\x00\xff\n\n", b"GET /metrics HTTP/9.9\r\n\r\n", b"G" * 70_000, b"\r\n"):
        with socket.create_connection((LOOPBACK, server.server_port), 10) as connection:
            connection.sendall(rubbish)

    assert asked(server, "/metrics")[0] == 200
    assert capfd.readouterr() == ("", "")
