"""A line to an exchange on loopback, what it tells, and a way to wait for it that always ends."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

from actors.feed.endpoints import Endpoints
from actors.feed.frames import Recorder
from actors.feed.live import LiveLine, Venue
from actors.feed.timing import Timing
from domain.horizons import Timeframe
from domain.units import Nanos
from tests.exchange.server import Exchange

Told = TypeVar("Told")

WAIT_MAX = 10.0

QUICK = Timing(
    connect=1.0,
    read=1.0,
    stagger=0.2,
    start=2.0,
    backoff=0.05,
    silence=0.8,
    ping_every=0.2,
    ping_answer=0.4,
    poll=0.2,
    clock=0.2,
    clock_soon=0.1,
    circuit=0.5,
    settle=0.05,
)
"""Everything that waits for the exchange, some ten times as hasty as for the real one."""

TWO_MINUTES_A_SECOND = 120.0


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


def here(*exchanges: Exchange) -> Endpoints:
    """The addresses of these exchanges, in this order."""
    rest, ws = tuple(x.rest for x in exchanges), tuple(x.ws for x in exchanges)
    return Endpoints(rest, ws, rest, ws)


def a_line(
    *exchanges: Exchange, timing: Timing = QUICK, recorder: Recorder | None = None
) -> LiveLine:
    """A line to these exchanges, by the first one's clock."""
    first = exchanges[0]
    venue = Venue(here(*exchanges), lambda: first.market.now, timing=timing)
    return LiveLine(venue, recorder)


@contextmanager
def listening(
    *exchanges: Exchange,
    timing: Timing = QUICK,
    have: Mapping[Timeframe, Nanos] | None = None,
    recorder: Recorder | None = None,
) -> Iterator[Ear]:
    """A line to these exchanges, listened to; closed, it must leave no thread behind."""
    ear, line = Ear(), a_line(*exchanges, timing=timing, recorder=recorder)
    line.open(ear, have or {})
    try:
        yield ear
    finally:
        line.close()
    wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith("feed-")])


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose queue of connections is full: it swallows every further one."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
