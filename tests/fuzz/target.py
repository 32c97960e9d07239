"""What a fuzzed part of the program is: example inputs, and a check that any input must pass."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domain.errors import PlasmaError


@dataclass(frozen=True, slots=True)
class Target:
    """One entrance for foreign bytes.

    Attributes:
        name: as the command line has it.
        check: given an input and an empty folder of its own, raises whatever should never leave
            this entrance; an input may be refused, by the error that says so, in one line.
        seeds: valid inputs, which others are made from.
        head: bytes of an input before its JSON begins; None where it is no JSON.
    """

    name: str
    check: Callable[[bytes, Path], None]
    seeds: Callable[[], list[bytes]]
    head: int | None = None


def told_in_one_line(error: PlasmaError) -> None:
    """A refusal is one line, and nothing in it speaks to the terminal."""
    text = str(error)
    assert text
    assert text.isprintable(), f"the refusal {text!r} holds control characters"


def chosen(data: bytes, count: int) -> tuple[int, bytes]:
    """Which of so many ways an input takes, by its first byte, and the rest of it."""
    return (data[0] % count, data[1:]) if data else (0, b"")
