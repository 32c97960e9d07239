"""Which of several addresses to use: a circuit breaker for each. Knows no clock.

An address that fails again and again is left alone for a while (its circuit is open), then tried
once (half-open): that try closes the circuit or opens it for twice as long. Where all circuits are
open, the one that is tried next is better than none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

FAILURES_MAX = 3
"""Failures in a row that open a circuit."""

PAUSE_MAX = 600.0
"""The longest that a circuit stays open [s]."""


class State(StrEnum):
    """Of a circuit."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    until: float | None = None
    pause: float = 0.0


class Circuits:
    """The addresses of one kind. The one that worked last is used until it fails."""

    def __init__(self, addresses: Sequence[str], pause: float) -> None:
        self._pause = pause
        self._circuits = {address: _Circuit() for address in addresses}
        self.current = addresses[0]

    @property
    def preferred(self) -> str:
        """The address to use where all are well."""
        return next(iter(self._circuits))

    def order(self, now: float, *, home: bool = False) -> tuple[str, ...]:
        """The addresses to try, best first; `home` begins with the preferred one, not the last."""
        usable = [one for one in self._circuits if self.state(one, now) is not State.OPEN]
        first = self.preferred if home and self.preferred in usable else None
        ranked = sorted(
            usable or self._circuits,
            key=lambda one: (one != first, self._rank(one, now), one != self.current),
        )
        return tuple(ranked)

    def state(self, address: str, now: float) -> State:
        """How it stands with this address."""
        until = self._circuits[address].until
        if until is None:
            return State.CLOSED
        return State.OPEN if now < until else State.HALF_OPEN

    def succeed(self, address: str) -> bool:
        """It works; whether that is news."""
        circuit = self._circuits[address]
        news = circuit.until is not None
        self._circuits[address] = _Circuit()
        self.current = address
        return news

    def fail(self, address: str, now: float, *, hard: bool = False) -> bool:
        """It failed (`hard`: at once too often); whether its circuit opened."""
        circuit = self._circuits[address]
        circuit.failures += FAILURES_MAX if hard else 1
        if circuit.failures < FAILURES_MAX or self.state(address, now) is State.OPEN:
            return False
        circuit.pause = min(PAUSE_MAX, 2 * circuit.pause or self._pause)
        circuit.until = now + circuit.pause
        return True

    def pause(self, address: str) -> float:
        """For how long its circuit was opened last [s]."""
        return self._circuits[address].pause

    def _rank(self, address: str, now: float) -> float:
        """Open ones last, those that are due first among them; one on probation after the well."""
        circuit = self._circuits[address]
        if circuit.until is None:
            return 0.0 if not circuit.failures else 0.5
        return 1.0 if now >= circuit.until else circuit.until
