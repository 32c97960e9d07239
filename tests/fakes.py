"""Stand-ins that record, for whatever a test does not want to be real."""

from typing import Any, TypeVar

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
