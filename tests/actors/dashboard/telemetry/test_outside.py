"""What a run shows and tells outsiders: the real program, real sockets."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from actors.clock import wall_clock
from actors.dashboard import DashboardActor, Fold
from actors.feed.demo import DemoSource
from actors.guardian import ALERT_URLS, RECOVERED, _call
from actors.messages import Tick
from domain.facts import Halted
from persistence.journal import Journal
from tests.actors.dashboard.telemetry.endpoint import Endpoint, serving
from tests.actors.feed.listening import wait_for
from tests.builders import NOON
from tests.exchange.server import Exchange
from tests.fakes import Outbox, Quiet
from tests.models import opinionated
from tests.program import ROOT, children, comparable, interrupted, ran, running

pytestmark = pytest.mark.timeout(240)

DEMO = ("--demo", "--headless")
SOON = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def asked(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def healthy(port: int) -> bool:
    try:
        return asked(port, "/health")[0] == 200
    except ConnectionError:
        return False


def told(endpoint: Endpoint, kind: str) -> dict[str, Any]:
    """The next alert of this kind."""
    while True:
        try:
            taken = endpoint.taken.get(timeout=SOON)
        except Empty:
            pytest.fail(f"no {kind} within {SOON} s")
        if taken["kind"] == kind:
            return taken


def test_run_shows_its_health_and_its_meters_until_its_end(tmp_path: Path) -> None:
    model, port = opinionated(tmp_path / "model", shift=0.3), free_port()
    arguments = (*DEMO, "--speed", "60", "--eager", "--model", model, "--metrics", str(port))

    with running(*arguments, "--home", tmp_path / "home", until="starting") as (process, said):
        starting, why = asked(port, "/health")
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if json.loads(line)["event"] == "fill":
                break
        wait_for(lambda: healthy(port), SOON)
        _, meters = asked(port, "/metrics")
        run = interrupted(process, said)

    assert starting == 503
    assert json.loads(why)["reasons"][0]["code"] == "starting"
    assert 'plasmatrader_trading{mode="DEMO"} 1.0' in meters
    assert 'plasmatrader_signal_to_order_seconds_count{mode="DEMO"} 0.0' not in meters
    assert 'process="trader"} ' in meters
    assert (run.status, run.err) == (0, "")
    with pytest.raises(ConnectionRefusedError):
        asked(port, "/health")


def test_live_run_measures_its_stream(tmp_path: Path) -> None:
    port = free_port()
    with Exchange(DemoSource(start=wall_clock())) as exchange:
        futures = ("--futures-rest", exchange.rest, "--futures-ws", exchange.ws)
        addresses = ("--rest", exchange.rest, "--ws", exchange.ws, *futures)
        watched = ("--headless", "--model", "embedded", "--metrics", str(port), *addresses)
        with running(*watched, "--home", tmp_path, until="signal") as (process, _):
            names = ("stream_delay_seconds_count", "decode_seconds_count", "received_bytes_total")
            wait_for(lambda: lives(process) and all(counted(port, x) > 0 for x in names), SOON)
            late = counted(port, "stream_delay_seconds_sum")
            known = counted(port, "feed_age_seconds")

    assert late >= 0
    assert known < 60


def lives(process: subprocess.Popen[str]) -> bool:
    """Whether it does; the test of one that does not ends with its last words."""
    assert process.stderr is not None
    assert process.poll() is None, process.stderr.read()
    return True


def counted(port: int, name: str) -> float:
    """One figure of a live run."""
    found = re.search(
        rf'^plasmatrader_{name}{{mode="LIVE"}} (\S+)$', asked(port, "/metrics")[1], re.MULTILINE
    )
    return 0.0 if found is None else float(found[1])


def test_port_that_is_taken_is_one_line_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = ran(*DEMO, "--home", tmp_path / "home", "--metrics", str(port))

    assert (run.status, run.out) == (2, "")
    assert (
        run.err == f"plasmatrader: --metrics {port} cannot be listened on: Address already in use\n"
    )
    assert not (tmp_path / "home").exists()


def test_port_that_was_taken_while_the_trader_was_dead_does_not_keep_it_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RECOVERED, "SIGKILL")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = ran(*DEMO, "--for", "10s", "--speed", "60", "--home", tmp_path, "--metrics", port)

    assert (run.status, run.err) == (0, "")
    notes = " ".join(event["text"] for event in run.of("note"))
    assert f"--metrics {port} cannot be listened on" in notes
    assert "goes on without" in notes


def test_who_asks_for_nothing_pays_for_nothing() -> None:
    code = "import actors.system, sys; print({'prometheus_client', 'http.server'} & {*sys.modules})"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, text=True
    )

    assert done.stdout == "set()\n"


def test_watched_run_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    model = opinionated(tmp_path / "model", shift=0.3)
    arguments = (*DEMO, "--for", "10m", "--speed", "max", "--eager", "--model", model)
    dead = ("--alert-url", "http://127.0.0.1:9/x", "--metrics", str(free_port()))

    alone = ran(*arguments, "--home", tmp_path / "A")
    watched = ran(*arguments, "--home", tmp_path / "B", *dead)

    assert (watched.status, watched.err) == (0, "")
    assert alone.of("fill") != []
    assert comparable(alone.out) == comparable(watched.out)


def test_killed_trader_is_alerted_by_the_next_one_and_watched_on_the_same_port(
    tmp_path: Path,
) -> None:
    port = free_port()
    arguments = (*DEMO, "--metrics", str(port), "--home", tmp_path)

    with (
        serving() as endpoint,
        running(
            *(*arguments, "--alert-url", endpoint.url), until="ready", module="actors.guardian"
        ) as (guardian, said),
    ):
        wait_for(lambda: healthy(port), SOON)
        _, meters = asked(port, "/metrics")
        (trader,) = children(guardian.pid)
        os.kill(trader, signal.SIGKILL)
        alert = told(endpoint, "restart")
        wait_for(lambda: healthy(port), SOON)
        run = interrupted(guardian, said)

    assert 'process="guardian"} ' in meters
    assert alert["text"] == "[DEMO] warning: the trader died (SIGKILL) and was started again"
    assert run.status == 0
    assert "secret" not in run.out + run.err
    assert "secret" not in "".join(log.read_text() for log in (tmp_path / "log").iterdir())


def test_end_that_nobody_asked_for_is_alerted(tmp_path: Path) -> None:
    nowhere = ("--rest", "http://127.0.0.1:9", "--ws", "ws://127.0.0.1:9")

    with serving() as endpoint:
        run = ran(
            *("--headless", "--model", "embedded", "--home", tmp_path, *nowhere),
            *("--alert-url", endpoint.url),
        )
        alert = told(endpoint, "stopped")

    assert run.status == 3
    assert alert["text"].startswith("[LIVE] critical: the trader ended (status 3): ")


def test_state_that_cannot_be_used_is_alerted(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")

    with serving() as endpoint:
        run = ran(*DEMO, "--home", tmp_path / "home", "--alert-url", endpoint.url)
        alert = told(endpoint, "stopped")

    assert run.status == 4
    assert "(status 4): " in alert["text"]
    assert alert["at"] > "2026"


def test_guardian_that_gives_up_has_somebody_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    with serving() as endpoint:
        command = (sys.executable, "-m", "actors", "--demo", "--alert-url", endpoint.url)
        _call(command, "SIGSEGV")
        alert = told(endpoint, "stopped")

    assert "not started again; the last time: SIGSEGV" in alert["text"]
    assert alert["mode"] == "DEMO"


def test_guardian_that_gives_up_and_has_nobody_to_tell_starts_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(ALERT_URLS, raising=False)

    _call(("/no/such/python", "-m", "actors", "--demo"), "SIGSEGV")


def test_next_life_of_the_dashboard_goes_on_telling_the_same_observers(tmp_path: Path) -> None:
    observer = Seen()

    for _ in range(2):
        actor = DashboardActor(
            Quiet(), Journal(tmp_path), supervisor=Outbox(), fold=Fold(), observers=(observer,)
        )
        actor.receive(Halted(NOON, "x"))
        actor.receive(Tick(NOON))

    assert [type(message) for message in observer.heard] == [Halted, Tick, Halted, Tick]


class Seen:
    """Keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def hear(self, message: object) -> None:
        self.heard.append(message)
