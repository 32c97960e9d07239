"""What the five tests say: a criterion each, with its figures, as a table and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from textwrap import wrap
from typing import Any

FOUND_WIDTH = 60
"""Columns that a table gives to what was found."""


class Result(StrEnum):
    """What became of one criterion."""

    PASS = "pass"  # noqa: S105 - the verdict, no password
    FAIL = "fail"
    NONE = "n/a"
    """This source, or this machine, has nothing that it could be measured on."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that was demanded, and what was found.

    Attributes:
        test: one of the mission's five.
        demanded: what must hold, with its limit.
        found: what was measured, in words.
        result: whether it holds.
        figures: the same in numbers, by name; the unit is the name's end.
    """

    test: str
    demanded: str
    found: str
    result: Result
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """Writes the criteria of one test."""

    test: str

    def judge(self, demanded: str, found: str, *, good: bool, **figures: float) -> Criterion:
        """A criterion that was measured."""
        result = Result.PASS if good else Result.FAIL
        return Criterion(self.test, demanded, found, result, figures)

    def leave(self, demanded: str, why: str) -> Criterion:
        """A criterion that cannot be measured here."""
        return Criterion(self.test, demanded, why, Result.NONE)


def passed(criteria: Sequence[Criterion]) -> bool:
    """Whether something was measured and nothing failed."""
    results = {criterion.result for criterion in criteria}
    return Result.PASS in results and Result.FAIL not in results


def table(criteria: Sequence[Criterion]) -> str:
    """All criteria, one row each, what was found wrapped; ends in a line that counts them."""
    rows = [("test", "criterion", "found", "result")]
    rows += [(x.test, x.demanded, x.found, str(x.result)) for x in criteria]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    widths[2] = min(widths[2], FOUND_WIDTH)
    rule = "-+-".join("-" * width for width in widths)
    lines = [*_row(rows[0], widths), rule]
    for before, row in pairwise(rows):
        shown = ("" if row[0] == before[0] else row[0], *row[1:])
        lines += _row(shown, widths)
    return "\n".join([*lines, rule, _count(criteria)])


def document(criteria: Sequence[Criterion]) -> list[dict[str, Any]]:
    """All criteria as JSON has them."""
    return [
        {
            "test": x.test,
            "criterion": x.demanded,
            "found": x.found,
            "result": str(x.result),
            "figures": dict(x.figures),
        }
        for x in criteria
    ]


def _row(cells: tuple[str, ...], widths: list[int]) -> list[str]:
    """The lines of one row: what was found may take several."""
    found = wrap(cells[2], widths[2]) or [""]
    whole = [(*cells[:2], found[0], cells[3]), *(("", "", more, "") for more in found[1:])]
    return [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in whole
    ]


def _count(criteria: Sequence[Criterion]) -> str:
    results = [criterion.result for criterion in criteria]
    each = (f"{results.count(result)} {result}" for result in Result)
    return f"{'PASS' if passed(criteria) else 'FAIL'}: {', '.join(each)}"
