"""What a run holds for outsiders; nobody, where nobody asked."""

from collections.abc import Callable
from dataclasses import dataclass

from actors.dashboard.actor import Observer


def _no_one_waits(_reason: str, _status: int) -> None:
    """Nobody wants to know how it ended."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Who watches a run from outside.

    Attributes:
        observers: hear all that the dashboard hears.
        note: what a person should know of it; '' where there is nothing.
        ended: hears why the program ends, and with which status.
    """

    observers: tuple[Observer, ...] = ()
    note: str = ""
    ended: Callable[[str, int], None] = _no_one_waits
