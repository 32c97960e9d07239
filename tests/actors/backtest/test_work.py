"""Whoever does the work, and whoever dies of it: the results are those of one process."""

import io
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, ignore_patterns

import numpy as np
import pytest

from actors.backtest.__main__ import main
from actors.backtest.cache import Cache, filled, opened
from actors.backtest.hired import REQUIREMENTS, hired
from actors.backtest.windows import Part
from actors.backtest.work import Each, Here, Processes, Workforce
from actors.forecast.exact import ExactBolt
from actors.forecast.sources import EMBEDDED
from actors.forecast.tiles import tiling
from domain.errors import SettingsInvalid
from domain.horizons import Timeframe
from tests.actors.backtest.machines import (
    MORTAL,
    Machines,
    deadly,
    refused,
    some_machines,
    squared,
)
from tests.actors.backtest.market import a_choice
from tests.program import ROOT

ITEMS = list(range(12))

with_dask = pytest.mark.skipif(not find_spec("distributed"), reason="Dask is not installed")
with_cache = pytest.mark.skipif(
    not tiling(), reason="this OpenBLAS rounds by the size of a product"
)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where one is; without workers, but for those that a test starts."""
    with some_machines(tmp_path_factory.mktemp("scheduler")) as started:
        yield started.scheduler()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    folder = tmp_path / "machines"
    folder.mkdir()
    with some_machines(folder) as started:
        yield started


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for who will not come."""
    monkeypatch.setattr("actors.backtest.cluster.PATIENCE_S", 0.5)


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is soon seen that nobody is left."""
    monkeypatch.setattr("actors.backtest.cluster.LOOK_S", 0.5)
    monkeypatch.setattr("actors.backtest.cluster.HAND_S", 2.0)


@pytest.fixture(autouse=True)
def _as_it_stands() -> None:
    """Workers that start now read the source as it is now."""
    if find_spec("distributed"):
        from actors.backtest.cluster import sources  # noqa: PLC0415

        sources.cache_clear()


def some_parts(count: int) -> list[Part]:
    rng = np.random.default_rng(3)
    walks = [100 + rng.normal(0, 0.01, 700).cumsum() for _ in range(count)]
    return [Part(Timeframe.M3, walk, np.arange(0, 90, 3, dtype=np.int64)) for walk in walks]


def files(cache: Cache) -> dict[str, bytes]:
    found = sorted(cache.folder.rglob("*.npy"))
    return {str(path.relative_to(cache.folder)): path.read_bytes() for path in found}


def a_cache(folder: Path) -> Cache:
    cache = opened(folder, ExactBolt(EMBEDDED, "embedded"))
    assert cache is not None
    return cache


class Watching(io.StringIO):
    """Does something as soon as the first progress is told."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act
        self._acted = False

    def write(self, text: str) -> int:
        if not self._acted:
            self._acted = True
            self._act()
        return super().write(text)


@pytest.mark.parametrize("workforce", [Here(), Processes(2, print)], ids=["here", "processes"])
def test_each_item_is_done_once_and_named_by_its_place(workforce: Workforce) -> None:
    found = list(workforce.done(Each(squared), ITEMS))

    assert sorted(found) == [(item, item * item) for item in ITEMS]
    assert list(workforce.done(Each(squared), [])) == []


@with_dask
def test_cluster_does_what_one_process_does(scheduler: str, machines: Machines) -> None:
    machines.worker(scheduler)
    said = io.StringIO()

    with hired(1, scheduler, said) as cluster:
        found = list(cluster.done(Each(squared), ITEMS))
        with pytest.raises(OSError, match="three is no number"):
            list(cluster.done(Each(refused), ITEMS))
        again = list(cluster.done(Each(squared), ITEMS))

    assert sorted(found) == sorted(again) == [(item, item * item) for item in ITEMS]
    assert said.getvalue() == ""


@with_dask
@with_cache
def test_worker_killed_mid_run_changes_no_forecast(
    tmp_path: Path, scheduler: str, machines: Machines
) -> None:
    parts, choice = some_parts(20), a_choice(EMBEDDED)
    alone, shared = a_cache(tmp_path / "1"), a_cache(tmp_path / "2")
    filled(alone, parts, choice, Here(), io.StringIO())
    machines.worker(scheduler)
    doomed = machines.worker(scheduler)

    stream = Watching(doomed.kill)
    with hired(1, scheduler, stream) as cluster:
        filled(shared, parts, choice, cluster, stream)

    assert files(shared) == files(alone)
    assert len(files(alone)) == len(parts)
    assert "600 forecasts made" in stream.getvalue()
    assert "lost" not in stream.getvalue()


@with_dask
def test_worker_that_joins_mid_run_takes_over(scheduler: str, machines: Machines) -> None:
    first = machines.worker(scheduler)
    said = io.StringIO()

    with hired(1, scheduler, said) as cluster:
        found = []
        for one in cluster.done(Each(squared), ITEMS):
            found.append(one)
            if len(found) == 1:
                machines.worker(scheduler)
                first.kill()

    assert sorted(found) == [(item, item * item) for item in ITEMS]
    assert said.getvalue() == ""


@with_dask
@pytest.mark.usefixtures("watchful")
def test_what_a_lost_cluster_leaves_is_done_here(machines: Machines) -> None:
    address = machines.scheduler()
    machines.worker(address)
    said = io.StringIO()

    with hired(1, address, said) as cluster:
        found = []
        for one in cluster.done(Each(squared), ITEMS):
            found.append(one)
            if len(found) == 1:
                machines.processes[0].kill()

    assert sorted(found) == [(item, item * item) for item in ITEMS]
    assert "the Dask cluster is lost" in said.getvalue()


@with_dask
@pytest.mark.usefixtures("watchful")
def test_what_no_worker_survives_is_done_here(scheduler: str, machines: Machines) -> None:
    machines.worker(scheduler, **{MORTAL: "1"})
    said = io.StringIO()

    with hired(1, scheduler, said) as cluster:
        found = list(cluster.done(Each(deadly), ITEMS))

    assert sorted(found) == [(item, item) for item in ITEMS]
    assert said.getvalue() == (
        "the Dask cluster is lost (no worker is left): the rest is done here\n"
    )


@with_dask
@with_cache
def test_worker_that_rounds_otherwise_is_refused(
    tmp_path: Path, scheduler: str, machines: Machines
) -> None:
    machines.worker(scheduler, OPENBLAS_CORETYPE="Haswell")
    cache = a_cache(tmp_path)

    with hired(1, scheduler, io.StringIO()) as cluster, pytest.raises(SettingsInvalid) as raised:
        filled(cache, some_parts(2), a_choice(EMBEDDED), cluster, io.StringIO())

    assert "its processor or its packages make other forecasts" in str(raised.value)
    assert "tcp://" in str(raised.value)
    assert files(cache) == {}


@with_dask
def test_worker_without_our_source_is_refused(
    tmp_path: Path, scheduler: str, machines: Machines
) -> None:
    machines.worker(scheduler, PYTHONPATH=str(tmp_path))

    with (
        pytest.raises(SettingsInvalid, match=r"cannot run PlasmaTrader .*No module named"),
        hired(1, scheduler, io.StringIO()),
    ):
        pass


@with_dask
def test_worker_with_other_source_is_refused(
    tmp_path: Path, scheduler: str, machines: Machines
) -> None:
    for top in ("actors", "domain", "persistence"):
        copytree(ROOT / top, tmp_path / "other" / top, ignore=ignore_patterns("__pycache__"))
    with (tmp_path / "other" / "domain" / "errors.py").open("a") as file:
        file.write("# changed\n")
    machines.worker(scheduler, PYTHONPATH=str(tmp_path / "other"))

    with (
        pytest.raises(SettingsInvalid, match="runs another PlasmaTrader"),
        hired(1, scheduler, io.StringIO()),
    ):
        pass


def arguments(address: str) -> list[str]:
    period = ("--from", "2025-03-01", "--to", "2025-03-02")
    return ["--data", "none.parquet", *period, "--dask", address]


@with_dask
@pytest.mark.usefixtures("impatient")
def test_address_where_no_scheduler_answers_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        silent_status = main(arguments(f"tcp://127.0.0.1:{port}"))
    closed_status = main(arguments(f"tcp://127.0.0.1:{port}"))
    nonsense_status = main(arguments("over there"))

    assert (silent_status, closed_status, nonsense_status) == (2, 2, 2)
    assert capsys.readouterr().err.splitlines() == [
        *[f"pt-backtest: no Dask scheduler answers at tcp://127.0.0.1:{port}"] * 2,
        "pt-backtest: over there is no address such as tcp://HOST:8786",
    ]


@with_dask
def test_cluster_without_workers_is_one_line(
    scheduler: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("actors.backtest.cluster.JOIN_S", 0.5)

    status = main(arguments(scheduler))

    assert status == 2
    said = capsys.readouterr().err
    assert said == f"pt-backtest: no worker has joined the Dask scheduler at {scheduler}\n"


@with_dask
def test_worker_is_no_scheduler(scheduler: str, machines: Machines) -> None:
    worker = machines.worker(scheduler).said("worker at:")

    with (
        pytest.raises(SettingsInvalid, match=f"{worker} is no Dask scheduler but a Worker"),
        hired(1, worker, io.StringIO()),
    ):
        pass


def test_way_to_dask_is_told_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "actors.backtest.cluster", raising=False)

    status = main(arguments("tcp://127.0.0.1:8786"))

    assert status == 2
    said = capsys.readouterr().err
    assert said.startswith("pt-backtest: --dask needs distributed, see `")
    assert said.endswith(f"-m pip install -r {REQUIREMENTS}`\n")
    assert said.count("\n") == 1


def test_what_is_tested_is_what_is_installed() -> None:
    def pinned(path: Path) -> set[str]:
        return {line for line in path.read_text().splitlines() if line.startswith("distributed==")}

    assert pinned(REQUIREMENTS) == pinned(ROOT / "bin/setup/requirements-check.txt") != set()
