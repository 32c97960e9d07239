"""The redo log: every change of the ledger, written down once more before the store has it.

`HOME/ledger.redo` holds a change a line: CRC-32 of the rest in hex, its kind, itself as JSON. It is
on disk before the store commits, and with the change the store notes how far of the log it has
come. So whichever store we have, ours or a copy of hours ago, the rest of the log makes it the
newest; and where there is none at all, the log from its beginning. The first line names the log,
so that no store goes on from another ledger's.

A last line that is torn was never acknowledged.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb
import msgspec

from persistence.records import decoded, encoded

TABLE = b"redo"
KEY = b"position"

NAMED = "N"
"""Kind of the first line."""

NAME_SIZE = 8
"""Random bytes in a log's name."""


COUNTED = (b"ledger", b"trips", b"orders", b"checkpoints")
"""The tables that the log is of."""

Counts = tuple[int, ...]
"""How many records each of COUNTED has."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a store has come.

    Attributes:
        name: in which log.
        end: where its next line begins [bytes].
        counts: what the store had then; one that has something else has lost it.
    """

    name: str
    end: int
    counts: Counts = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One change: its kind, itself as JSON, and where the line after it begins [bytes]."""

    kind: str
    text: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Read:
    """What a log holds from some place on.

    Attributes:
        lines: the changes, oldest first.
        damaged: bytes after them that are no lines of ours, and more than one torn last line.
    """

    lines: tuple[Line, ...]
    damaged: int = 0


class RedoLog:
    """The log beside one store, open to be written.

    Writers take turns by the store's own write transaction, which every call is given.
    """

    def __init__(self, path: Path, environment: lmdb.Environment) -> None:
        self._table = environment.open_db(TABLE)
        self._counted = [environment.open_db(name) for name in COUNTED]
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def note(self, transaction: lmdb.Transaction, kind: str, change: object) -> None:
        """Write down a change that was made; on disk when this returns, to be committed then.

        Raises:
            OSError: the disk does not take it.
        """
        position = standing(transaction, self._table)
        assert position is not None, "the log was not begun"
        if os.fstat(self._file).st_size != position.end:
            os.ftruncate(self._file, position.end)  # what the store never committed
        line = framed(kind, change)
        _write(self._file, line, position.end)
        os.fdatasync(self._file)
        end, counts = position.end + len(line), counted(transaction, self._counted)
        stand(transaction, self._table, Position(position.name, end, counts))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def counted(transaction: lmdb.Transaction, tables: Sequence[Any]) -> Counts:
    """How many records each of these tables has."""
    return tuple(transaction.stat(table)["entries"] for table in tables)


def standing(transaction: lmdb.Transaction, table: Any) -> Position | None:
    """How far the store has come; None where it was changed without a log."""
    record = transaction.get(KEY, db=table)
    return None if record is None else decoded(bytes(record), Position)


def stand(transaction: lmdb.Transaction, table: Any, position: Position | None) -> None:
    """Note how far the store has come; None where no log knows of what is changed here."""
    if position is None:
        transaction.delete(KEY, db=table)
    else:
        transaction.put(KEY, encoded(position), db=table)


def begun(path: Path, changes: Iterator[tuple[str, object]]) -> Position:
    """Begin a new log with these changes, in place of what is there; returns where it ends."""
    name, made = os.urandom(NAME_SIZE).hex(), path.with_name(path.name + ".new")
    data = framed(NAMED, name) + b"".join(framed(kind, change) for kind, change in changes)
    with made.open("wb") as file:
        made.chmod(0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        path.replace(path.with_name(path.name + ".old"))
    made.replace(path)
    sync_folder(path.parent)
    return Position(name, len(data))


def named(path: Path) -> Position | None:
    """The name of the log there, and where its first change begins; None where there is none."""
    try:
        with path.open("rb") as file:
            line = _line(file.readline(), 0)
    except OSError:
        return None
    if line is None or line.kind != NAMED:
        return None
    return Position(msgspec.json.decode(line.text, type=str), line.end)


def read(path: Path, begin: int) -> Read:
    """The changes from this place on, up to the first line that is none."""
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read()
    lines: list[Line] = []
    at = 0
    while (end := data.find(b"\n", at) + 1) > 0:
        line = _line(data[at:end], begin + at)
        if line is None:
            break
        lines.append(line)
        at = end
    rest = data[at:]
    torn = rest.find(b"\n") in {-1, len(rest) - 1}
    return Read(tuple(lines), 0 if torn else len(rest))


def framed(kind: str, change: object) -> bytes:
    """One line of the log."""
    text = kind.encode() + b" " + msgspec.json.encode(change)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def sync_folder(folder: Path) -> None:
    """Make names that were given in a folder last; a file's own sync does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(raw: bytes, begin: int) -> Line | None:
    """The line, whole; None where it is torn or damaged."""
    checksum, _, text = raw.removesuffix(b"\n").partition(b" ")
    if not raw.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
        return None
    kind, _, change = text.partition(b" ")
    return Line(kind.decode("ascii"), change, begin + len(raw))


def _write(file: int, data: bytes, at: int) -> None:
    while data:
        count = os.pwrite(file, data, at)
        data, at = data[count:], at + count
