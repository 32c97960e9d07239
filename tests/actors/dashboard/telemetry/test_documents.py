"""What docs/ shows and watches is what the program exports, and a real Prometheus agrees."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from threading import Thread
from typing import IO, Any

import pytest
import requests

from actors.dashboard.telemetry.condition import CODES
from actors.messages import Connected, Measured, RoomVitals, Span, Tick, Traffic, Vitals
from domain.facts import Checkpointed
from domain.tally import WRITE_SECONDS, Tally
from tests.actors.dashboard.telemetry.test_meters import after
from tests.actors.dashboard.telemetry.test_outside import free_port
from tests.actors.feed.listening import wait_for
from tests.builders import NOON, a_book, a_quality, marked
from tests.models import opinionated
from tests.program import ROOT, running

BOARD = ROOT / "docs" / "grafana.json"
RULES = ROOT / "docs" / "alerts.yml"
RULES_TEST = Path(__file__).parent / "alerts_test.yml"

OF_LINUX = {"process_start_time_seconds", "process_cpu_seconds_total"}
"""What prometheus-client itself exports where there is a /proc."""

LIVE_ONLY = {"Stream delay (live)", "Decode a frame (live)"}
"""Panels that have no figure where nothing comes over a network."""

SOON = 90.0

pytestmark = pytest.mark.timeout(240)


def promtool(*arguments: str | Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not on this machine: apt-get install prometheus")
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def panels() -> list[dict[str, Any]]:
    """All but the rows' headings."""
    found = json.loads(BOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def queries() -> list[tuple[str, str]]:
    """Each panel's title and query."""
    return [(panel["title"], each["expr"]) for panel in panels() for each in panel["targets"]]


def exported() -> set[str]:
    """The names of all that a run exports once it has heard of everything."""
    room = RoomVitals("RiskActor", 0, 0, 0, 0, waited_ms=1.0)
    spans = [Measured(NOON, span, Tally(WRITE_SECONDS).tallied()) for span in Span]
    heard = (a_book(), a_quality(), marked(), Vitals(NOON, (room,)), Checkpointed(NOON, 1))
    found = after(*heard, *spans, Tick(NOON), Traffic(NOON, 1), Connected(NOON, "x"))
    return {name for name, _ in found} | OF_LINUX


def named(text: str) -> set[str]:
    """The metrics that a text names."""
    return set(re.findall(r"\b(?:plasmatrader|process)_\w+", text))


def test_every_metric_that_the_documents_name_is_exported() -> None:
    shown = named(" ".join(query for _, query in queries()))
    watched = named(RULES.read_text())

    assert len(shown) > 30
    assert len(watched) > 10
    assert shown - exported() == set()
    assert watched - exported() == set()


def test_everything_that_is_exported_for_people_is_on_the_dashboard() -> None:
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported()}
    shown = {re.sub(r"_bucket$", "", name) for name in named(BOARD.read_text())}

    assert {name for name in families if name.startswith("plasmatrader_")} - shown == set()


def test_every_reason_that_a_rule_asks_for_can_be_given() -> None:
    asked = "|".join(re.findall(r'reason=~?"([\w|]+)"', RULES.read_text())).split("|")

    assert set(asked) <= set(CODES)


def test_panels_have_numbers_of_their_own_and_stand_beside_each_other() -> None:
    found = json.loads(BOARD.read_text())["panels"]
    taken: set[tuple[int, int]] = set()

    for panel in found:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(column for column, _ in cells) < 24
        taken |= cells

    assert len({panel["id"] for panel in found}) == len(found)


def test_rules_are_what_prometheus_understands() -> None:
    promtool("check", "rules", RULES)


def test_rules_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", RULES_TEST)


class Prometheus:
    """A server of its own, asked over its API."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, query: str) -> list[float]:
        """The values that a query has now."""
        found = self._get("/query", query=query)
        return [float(one["value"][1]) for one in found["result"]]

    def has(self, query: str) -> bool:
        """Whether it has any; false as long as nobody is there who can answer."""
        try:
            return bool(self.ask(query))
        except requests.RequestException:
            return False

    def _get(self, path: str, **parameters: str) -> Any:
        answer = requests.get(self._base + path, params=parameters, timeout=10)
        body = answer.json()
        assert body["status"] == "success", body
        return body["data"]


@contextmanager
def scraping(folder: Path, target: int) -> Iterator[Prometheus]:
    """A Prometheus that scrapes this port four times a second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("Prometheus is not on this machine: apt-get install prometheus")
    port = free_port()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 1s}\n"
        f"rule_files: [{RULES}]\n"
        "scrape_configs:\n"
        "  - job_name: plasmatrader\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
    )
    process = subprocess.Popen(
        [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GOMAXPROCS": "1"},
    )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(20)


def test_real_prometheus_scrapes_a_demo_and_every_query_of_the_dashboard_has_data(
    tmp_path: Path,
) -> None:
    model, port = opinionated(tmp_path / "model", shift=0.3), free_port()
    arguments = (*("--demo", "--headless", "--speed", "60"), "--metrics", str(port))

    with scraping(tmp_path, port) as prometheus:
        wait_for(lambda: prometheus.has("up == 0"), SOON)  # it looks before there is anything
        with running(
            *arguments, "--eager", "--model", model, "--home", tmp_path / "home", until="ready"
        ) as (
            process,
            _,
        ):
            drain(process.stdout)
            wait_for(lambda: prometheus.has("plasmatrader_fills_total > 0"), SOON)
            wait_for(lambda: without_data(prometheus) <= LIVE_ONLY, SOON)
            empty = [query for _, query in queries() if not prometheus.has(_now(query))]
            up = prometheus.ask('up{job="plasmatrader"}')
            alerts = prometheus.ask('ALERTS{alertstate="firing"}')

    assert empty == []
    assert up == [1.0]
    assert alerts == []


def drain(pipe: IO[str] | None) -> None:
    """Read it to its end, so that nobody has to wait for a reader."""
    assert pipe is not None
    Thread(target=pipe.read, daemon=True).start()


def without_data(prometheus: Prometheus) -> set[str]:
    """The panels that have a query without a figure."""
    return {
        title
        for title, query in queries()
        if not (values := prometheus.ask(_now(query))) or any(map(isnan, values))
    }


def _now(query: str) -> str:
    """As Grafana sends it."""
    query = query.replace("$instance", ".*").replace("$__rate_interval", "10s")
    return query.replace("$__range", "1h")
