"""One database, many readers: nobody waits for anybody, and what a dead reader held is free."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import lmdb
import pytest

from domain.units import Nanos
from persistence import environment as module
from persistence.candles import CandleStore
from persistence.copies import copy
from persistence.environment import (
    TABLES,
    open_environment,
    open_to_read,
    ruined,
    tried,
    unwritable,
)
from tests.builders import NOON, candles
from tests.program import ROOT

READER = """
import sys
from pathlib import Path
from persistence.environment import open_to_read
environment = open_to_read(Path(sys.argv[1]))
with environment.begin() as transaction:
    print(transaction.stat(environment.open_db(b"candles", txn=transaction))["entries"], flush=True)
    sys.stdin.read()
"""


@contextmanager
def a_reader(store: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of reading."""
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(store)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_writer_goes_on_under_a_reader_that_sees_what_it_began_with(tmp_path: Path) -> None:
    with closing(open_environment(tmp_path)) as environment:
        store = CandleStore(environment)
        store.put(candles(3))
        with a_reader(tmp_path) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "3\n"

            for number in range(20):
                store.put(candles(1, first=NOON + number * 10**12))

        assert len(store.between(candles(1)[0].timeframe, Nanos(0), Nanos(2**63 - 1))) == 22


def test_place_of_a_reader_that_was_killed_is_free_after_the_next_copy(tmp_path: Path) -> None:
    with closing(open_environment(tmp_path / "store")) as environment:
        with a_reader(tmp_path / "store") as reader:
            assert reader.stdout is not None
            reader.stdout.readline()
            assert str(reader.pid) in environment.readers()
        assert str(reader.pid) in environment.readers()

        copy(environment, tmp_path, "20250301_120000")

        assert str(reader.pid) not in environment.readers()


def test_reader_can_write_nothing(tmp_path: Path) -> None:
    open_environment(tmp_path).close()

    with closing(open_to_read(tmp_path)) as environment, pytest.raises(lmdb.ReadonlyError):
        CandleStore(environment).put(candles(1))


def test_store_of_an_earlier_version_gets_the_tables_it_lacks(tmp_path: Path) -> None:
    with closing(lmdb.open(str(tmp_path), max_dbs=1)) as old:
        old.open_db(b"ledger")

    with closing(open_to_read(tmp_path)) as environment, environment.begin() as transaction:
        assert {bytes(name) for name, _ in transaction.cursor()} == set(TABLES)


def test_map_that_is_full_asks_for_a_new_process_and_that_one_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAP_SIZES", (1 << 18,))
    many = candles(10_000)
    with (
        closing(open_environment(tmp_path)) as environment,
        pytest.raises(lmdb.MapFullError) as full,
    ):
        CandleStore(environment).put(many)
    assert ruined(full.value)
    assert not unwritable(full.value)

    with closing(open_environment(tmp_path)) as environment:
        assert tried(environment) == ""
        CandleStore(environment).put(candles(1000))
