"""All that a report tells, whichever of its files tells it."""

from dataclasses import dataclass

from domain.facts import Mode
from persistence.report.curve import Curve
from persistence.report.measures import Measured, Search
from persistence.report.operations import Operations
from persistence.report.skill import Skill
from persistence.report.source import Source

UNKNOWN = "UNKNOWN MARKET"
"""The label where nobody wrote down where the market data came from."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """All that the page and the files beside it tell."""

    source: Source
    curve: Curve
    run: Measured
    skills: tuple[Skill, ...]
    operations: Operations | None
    search: Search | None = None


def label(mode: Mode | None) -> str:
    """Where the market data came from, as the page shouts it."""
    return UNKNOWN if mode is None else str(mode)
