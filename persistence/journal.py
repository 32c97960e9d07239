"""The log of facts: one JSON object a line, a file or more a day, under `HOME/log` (see `logs`).

`Journal` is told lines and writes them when it is flushed. A disk that is full costs nothing at
first: lines wait in memory, at most WAITING_MAX bytes of them, and follow when there is room again.
"""

import os
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import cache
from json.encoder import encode_basestring_ascii as quoted
from math import isfinite
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from domain.facts import EVENTS, Fact, Mode, Starting
from domain.moments import moment, second
from domain.units import SECOND, Money, Nanos, Price, Quantity
from persistence.logs import EVENTS_MAX, PIECE_MAX, make_room, piece

DIGITS = 6
"""Decimals that are kept of a float."""

WAITING_MAX = 1 << 20
"""Bytes of lines kept in memory while the disk takes none."""

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def encode(fact: Fact, mode: Mode | None = None) -> bytes:
    """The fact as one JSON object in ASCII, without a line break anywhere in it.

    Where the mode of the run is given it comes last, so that no record of a demo or a replay can
    be taken for one of the live market.

    >>> from domain.facts import Funded
    >>> encode(Funded(Nanos(1_000_000), Decimal("1E-7"), Money(Decimal("-0.10"))))
    b'{"at":"1970-01-01T00:00:00.001Z","event":"funding","rate":"0.0000001","amount":"-0.10"}'
    """
    kind: type = type(fact)
    fields, writers, template = _plan(kind)
    line = template % tuple(map(_write, writers, fields(fact)))
    if mode is not None and not isinstance(fact, Starting):
        line = f'{line[:-1]},"mode":"{mode}"}}'
    return line.encode("ascii")


Writer = Callable[[Any], str]


def _write(writer: Writer, value: Any) -> str:
    return writer(value)


@cache
def _plan(kind: type) -> tuple[Callable[[Any], Any], tuple[Writer, ...], str]:
    """How to read the values of such a fact, how to write each, and what stands around them."""
    hints = get_type_hints(kind)
    assert next(iter(hints)) == "at"
    rest = "".join(f",{quoted(name)}:%s" for name in hints if name != "at")
    template = f'{{"at":%s,"event":{quoted(EVENTS[kind])}{rest}}}'
    return attrgetter(*hints), tuple(_writer(hint) for hint in hints.values()), template


def _writer(kind: Any) -> Writer:
    if kind is Nanos:
        return _moment
    if kind in (Decimal, Money, Price, Quantity):
        return _decimal
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _enum
    if get_origin(kind) is tuple:
        return _list(_writer(get_args(kind)[0]))
    return _WRITERS[kind]


def _list(writer: Writer) -> Writer:
    return lambda values: f"[{','.join(map(writer, values))}]"


def _moment(at: Nanos) -> str:
    return f'"{moment(at)}"'


def _decimal(value: Decimal) -> str:
    return f'"{value:f}"'


def _float(value: float) -> str:
    # Adding zero turns -0.0 into 0.0.
    return repr(round(value, DIGITS) + 0.0) if isfinite(value) else "null"


def _enum(value: StrEnum) -> str:
    return quoted(value.value)


def _bool(value: object) -> str:
    return "true" if value else "false"


_WRITERS: dict[Any, Writer] = {str: quoted, int: str, float: _float, bool: _bool}


class Journal:
    """Appends lines to the files of the days on which things happened, UTC.

    A folder that does not exist is made when the first line is written. All lines in it, those of
    earlier runs too, take at most so many bytes; beyond that what was written longest ago goes.
    """

    def __init__(self, folder: Path, most: int = EVENTS_MAX) -> None:
        self._folder = folder
        self._most = most
        self._written = 0
        self._waiting: list[tuple[str, bytearray]] = []
        self._size = 0
        self._file: int | None = None
        self._day = ""
        self._failing = False
        self.lost = 0

    def append(self, at: Nanos, line: bytes) -> None:
        """Keep one line for the next flush; it is lost, and counted, where too many wait."""
        if self._size + len(line) + 1 > WAITING_MAX:
            self.lost += 1
            return
        day = second(at // SECOND)[:10]
        if not self._waiting or self._waiting[-1][0] != day:
            self._waiting.append((day, bytearray()))
        batch = self._waiting[-1][1]
        batch += line
        batch += b"\n"
        self._size += len(line) + 1

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OSError: the disk took less than that. Said once, until it takes everything again; what
                it did not take waits for the next flush.
        """
        try:
            while self._waiting:
                day, batch = self._waiting[0]
                self._write(self._opened(day), batch)
                self._waiting.pop(0)
        except OSError:
            if self._failing:
                return
            self._failing = True
            raise
        self._failing = False

    def close(self) -> None:
        """Write what waits and let go of the file; whatever is left then is lost.

        Raises:
            OSError: as `flush` does.
        """
        try:
            self.flush()
        finally:
            self.lost += sum(batch.count(b"\n") for _, batch in self._waiting)
            self._waiting.clear()
            self._size = 0
            self._let_go()

    def _write(self, file: int, batch: bytearray) -> None:
        while batch:
            written = os.write(file, batch)
            del batch[:written]
            self._size -= written
            self._written += written

    def _opened(self, day: str) -> int:
        if self._file is not None and day == self._day and self._written < PIECE_MAX:
            return self._file
        self._let_go()
        self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        make_room(self._folder, PIECE_MAX + WAITING_MAX, self._most)
        path = piece(self._folder, day.replace("-", ""))
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._day, self._written = day, os.fstat(self._file).st_size
        _end_line(self._file)
        return self._file

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _end_line(file: int) -> None:
    """End the line that a killed program left half written, so that ours begins on its own."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")
