"""The log as a report needs it: read once, a day at a time, into figures and arrays.

A year of it is half a gigabyte of lines; what is kept of them is a tenth of that, and less.
"""

from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.facts import Mode
from domain.horizons import CONFIDENCE_MIN
from domain.performance import Times
from domain.signals import Direction
from domain.units import Floats, Nanos
from persistence.logs import thinned
from persistence.report.lines import Line, Signal, Worth, parts
from persistence.report.operations import Course, Operations

SIGN = {Direction.LONG: 1, Direction.SHORT: -1, Direction.FLAT: 0}


@dataclass(frozen=True, slots=True, eq=False)
class Worths:
    """What the account was worth by the log, shape (n,) each.

    Attributes:
        at: moments [ns].
        balance: of the wallet [quote currency].
        equity: balance and unrealised gain [quote currency].
    """

    at: Times
    balance: Floats
    equity: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """The fused forecasts that point somewhere, shape (n,) each.

    Attributes:
        at: moments [ns].
        sign: 1 up, -1 down.
        sure: whether it is confident enough to trade on.
        expected_bps: return, signed [basis points].
    """

    at: Times
    sign: NDArray[np.int8]
    sure: NDArray[np.bool_]
    expected_bps: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """What the lines that belong to a ledger say.

    Attributes:
        worths: the account.
        signals: the forecaster.
        operations: the program.
        modes: markets that lines name, those that name none left out.
        thinned: last day of which only a part is left, YYYYMMDD; '' where all is there.
    """

    worths: Worths
    signals: Signals
    operations: Operations
    modes: frozenset[str]
    thinned: str = ""


def read(folder: Path, mode: Mode | None, first: Nanos, last: Nanos) -> Log | None:
    """The log of this mode between two moments, both included; None where it says nothing.

    Raises:
        StoreBusy: a file of the log cannot be read.
    """
    columns, course, modes = _Columns(), Course(), set[str]()
    for part in parts(folder, mode, first, last):
        course.broken += part.broken
        for line in part.lines:
            columns.hear(line)
            course.hear(line)
        modes.update(line.mode for line in part.lines)
    told = course.operations()
    if told is None:
        return None
    return Log(columns.worths(), columns.signals(), told, frozenset(modes - {""}), thinned(folder))


class _Columns:
    """Columns that grow by a line at a time: times and numbers, at most eight bytes each."""

    def __init__(self) -> None:
        self._worth_at, self._balance, self._equity = array("q"), array("d"), array("d")
        self._signal_at, self._expected = array("q"), array("d")
        self._sign, self._sure = array("b"), array("b")

    def hear(self, line: Line) -> None:
        """Keep what a line says of the account, or where a signal points."""
        match line:
            case Worth():
                self._worth_at.append(line.time)
                self._balance.append(float(line.balance))
                self._equity.append(float(line.equity))
            case Signal(direction=way, confidence=float(sure), expected_bps=float(expected)):
                if way is not Direction.FLAT:
                    self._signal_at.append(line.time)
                    self._sign.append(SIGN[way])
                    self._sure.append(sure >= CONFIDENCE_MIN)
                    self._expected.append(expected)
            case _:
                pass

    def worths(self) -> Worths:
        """Of the account."""
        return Worths(_held(self._worth_at), _held(self._balance), _held(self._equity))

    def signals(self) -> Signals:
        """Of the forecaster."""
        at, sure = _held(self._signal_at), _held(self._sure).astype(np.bool_)
        return Signals(at, _held(self._sign), sure, _held(self._expected))


def _held(column: "array[Any]") -> Any:
    """The column as an array of numpy's, in the same memory."""
    return np.frombuffer(column, column.typecode) if column else np.zeros(0, column.typecode)
