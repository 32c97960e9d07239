"""How it stands with the addresses of one kind: their circuits, shared by threads, told to all."""

import threading
from collections.abc import Callable, Sequence
from time import perf_counter

from actors.feed.circuits import Circuits
from actors.messages import EndpointVitals

News = Callable[[str], None]
"""Hears that something has changed: what a person should know of it, or ''."""


class Health:
    """The circuits of one kind of addresses. Any thread may ask, and say what it has seen."""

    def __init__(self, kind: str, addresses: Sequence[str], pause: float, news: News) -> None:
        self._kind = kind
        self._circuits = Circuits(addresses, pause)
        self._addresses = tuple(addresses)
        self._news = news
        self._lock = threading.Lock()
        self._left_at = perf_counter()

    @property
    def current(self) -> str:
        """The address that worked last."""
        return self._circuits.current

    @property
    def preferred(self) -> str:
        """The address to use where all are well."""
        return self._circuits.preferred

    @property
    def away(self) -> float:
        """For how long the preferred address has not been tried; 0 while it is in use [s]."""
        return 0.0 if self.current == self.preferred else perf_counter() - self._left_at

    def order(self, *, home: bool = False) -> tuple[str, ...]:
        """The addresses to try, best first; `home` begins with the preferred one, not the last."""
        with self._lock:
            return self._circuits.order(perf_counter(), home=home)

    def succeed(self, address: str) -> None:
        """It works."""
        with self._lock:
            moved = address != self._circuits.current
            recovered = self._circuits.succeed(address)
        if recovered:
            self._news(f"{address} is well again: its circuit is closed")
        elif moved:
            self._news("")

    def fail(self, address: str, *, hard: bool = False) -> None:
        """It failed; `hard`: at once so badly that it is left alone."""
        with self._lock:
            if address == self.preferred:
                self._left_at = perf_counter()
            opened = self._circuits.fail(address, perf_counter(), hard=hard)
            pause = self._circuits.pause(address)
        if opened:
            self._news(f"{address} is left alone for {pause:g} s: circuit open")

    def vitals(self) -> tuple[EndpointVitals, ...]:
        """How it stands with each."""
        with self._lock:
            now = perf_counter()
            return tuple(
                EndpointVitals(
                    self._kind,
                    address,
                    self._circuits.state(address, now).value,
                    current=address == self._circuits.current,
                )
                for address in self._addresses
            )
