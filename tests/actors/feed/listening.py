"""A mailbox for what threads tell, and a way to wait for it that always ends."""

import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any, TypeVar

Told = TypeVar("Told")

WAIT_MAX = 10.0


def wait_for(condition: Callable[[], Any], seconds: float = WAIT_MAX) -> None:
    """Return when the condition holds; fail when it does not for so long."""
    until = perf_counter() + seconds
    pause = threading.Event()
    while not condition():
        assert perf_counter() < until, f"not within {seconds} s"
        pause.wait(0.01)


class Ear:
    """Keeps what it was told, in order. Any thread may tell."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, message: Any, /) -> None:
        self.told.append(message)

    def all(self, kind: type[Told]) -> list[Told]:
        return [message for message in list(self.told) if isinstance(message, kind)]

    def wait(self, kind: type[Told], count: int = 1, seconds: float = WAIT_MAX) -> Told:
        """The message number `count` of this kind, when it has come."""
        wait_for(lambda: len(self.all(kind)) >= count, seconds)
        return self.all(kind)[count - 1]
