"""Stand-ins that record, for whatever a test does not want to be real."""

from collections.abc import Callable
from queue import Queue
from typing import Any, TypeVar

from actors.dashboard.view import View

Kind = TypeVar("Kind")


class Outbox:
    """A mailbox that keeps what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, message: Any, /) -> None:
        self.told.append(message)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """What it was told of one kind."""
        return [message for message in self.told if isinstance(message, kind)]


class Quiet:
    """A display that keeps the lines of facts."""

    def __init__(self) -> None:
        self.lines: Queue[bytes] = Queue()

    def open(self) -> None:
        pass

    def fact(self, line: bytes) -> None:
        self.lines.put(line)

    def draw(self, view: Callable[[], View]) -> None:
        pass

    def close(self) -> None:
        pass
