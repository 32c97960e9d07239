from contextlib import closing
from pathlib import Path

import lmdb
import pytest

from persistence.environment import open_environment
from persistence.redo import TABLE, Position, RedoLog, begun, framed, named, read, stand, standing


class Log:
    """A log of two changes beside an empty store."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.redo"
        self.environment = open_environment(folder / "store")
        self.table = self.environment.open_db(TABLE)
        self.begun = begun(self.path, iter([("S", "one"), ("S", "two")]))
        with self.environment.begin(write=True) as transaction:
            stand(transaction, self.table, self.begun)

    def note(self, change: object, *, fail: bool = False) -> None:
        with closing(RedoLog(self.path, self.environment)) as redo, self._transaction() as writes:
            redo.note(writes, "S", change)
            if fail:
                writes.abort()

    def texts(self, begin: int = 0) -> list[bytes]:
        return [line.text for line in read(self.path, begin).lines]

    @property
    def position(self) -> Position | None:
        with self._transaction() as transaction:
            return standing(transaction, self.table)

    def _transaction(self) -> lmdb.Transaction:
        return self.environment.begin(write=True)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_log_holds_its_name_and_every_change_in_order(log: Log) -> None:
    log.note({"three": 3})

    assert log.texts()[1:] == [b'"one"', b'"two"', b'{"three":3}']
    assert log.texts(log.begun.end) == [b'{"three":3}']
    assert log.position == Position(log.begun.name, log.path.stat().st_size, (0, 0, 0, 0))


def test_what_the_store_never_committed_gives_way_to_what_it_does(log: Log) -> None:
    log.note("a change that fails", fail=True)
    assert log.texts(log.begun.end) == [b'"a change that fails"']

    log.note("another")

    assert log.texts(log.begun.end) == [b'"another"']


@pytest.mark.parametrize("cut", [1, 9, 15])
def test_last_line_that_is_torn_was_never_written(log: Log, cut: int) -> None:
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + framed("S", "three")[:-cut])

    assert read(log.path, 0).lines[-1].text == b'"two"'
    assert read(log.path, 0).damaged == 0


def test_last_line_whose_middle_never_reached_the_disk_was_never_written(log: Log) -> None:
    line = framed("S", "a change of some length")
    log.path.write_bytes(log.path.read_bytes() + line[:20] + bytes(5) + line[25:])

    assert read(log.path, log.begun.end).lines == ()
    assert read(log.path, log.begun.end).damaged == 0


def test_damage_before_the_end_is_told(log: Log) -> None:
    data = bytearray(log.path.read_bytes())
    data[-30] ^= 1
    log.path.write_bytes(data)

    found = read(log.path, 0)

    assert len(found.lines) == 1
    assert found.damaged == len(framed("S", "one") + framed("S", "two"))


def test_log_that_begins_anew_has_another_name_and_leaves_the_old_one(log: Log) -> None:
    again = begun(log.path, iter([]))

    found = named(log.path)
    assert found == again
    assert again.name != log.begun.name
    before = named(log.path.with_name("ledger.redo.old"))
    assert before is not None
    assert before.name == log.begun.name


def test_file_that_is_no_log_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(framed("S", "one"))

    assert named(tmp_path / "other") is None
    assert named(tmp_path / "missing") is None
