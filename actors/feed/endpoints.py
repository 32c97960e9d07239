"""Where the exchange is found, and how several addresses of it are tried without waiting long."""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

from domain.errors import VenueUnavailable

STOP_CHECKED_EVERY = 0.1
"""How soon a wait ends when the line is closed [s]."""

REASON_LENGTH_MAX = 120
"""What is quoted of an error that we have no words for [characters]."""

_WORDS = (
    (("resolve", "not known", "nodename", "getaddrinfo"), "its name cannot be resolved"),
    (("refused",), "the connection was refused"),
    (("timed out", "timeout"), "no answer in time"),
    (("unreachable", "no route"), "the network does not reach it"),
    (("certificate", "ssl"), "no secure connection"),
    (("reset", "aborted", "broken", "closed", "lost", "incomplete"), "the connection broke off"),
)
"""What the libraries' errors say, and what we say; the first that matches."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs, each kind in the order in which they are tried.

    Attributes:
        rest: of the spot REST API, e.g. `https://api.binance.com`.
        ws: of the spot streams, e.g. `wss://stream.binance.com:9443`.
        futures_rest: of the futures REST API: mark price and funding.
        futures_ws: of the futures streams.
    """

    rest: tuple[str, ...]
    ws: tuple[str, ...]
    futures_rest: tuple[str, ...] = ()
    futures_ws: tuple[str, ...] = ()


def in_words(error: BaseException) -> str:
    """Why an address could not be used, for a person."""
    text = str(error) or type(error).__name__
    known = (words for marks, words in _WORDS if any(mark in text.lower() for mark in marks))
    return next(known, " ".join(text.split())[:REASON_LENGTH_MAX])


def summed_up(failures: Sequence[tuple[str, str]]) -> str:
    """Addresses and reasons in one sentence, those with the same reason together.

    >>> summed_up([("https://a", "refused"), ("https://b", "refused"), ("https://c", "closed")])
    'https://a, https://b (refused); https://c (closed)'
    """
    addresses: dict[str, list[str]] = {}
    for address, reason in failures:
        addresses.setdefault(reason, []).append(address)
    return "; ".join(f"{', '.join(dict.fromkeys(who))} ({why})" for why, who in addresses.items())


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one try at several addresses may take.

    Attributes:
        stagger: until the next address is tried beside one that has not answered yet [s].
        limit: until the whole try is given up [s].
        stop: ends the wait at once.
    """

    stagger: float
    limit: float
    stop: threading.Event


class _Race(Generic[Answer]):
    """Tries that run beside each other; the first answer wins, later ones are thrown away.

    A try answers or raises VenueUnavailable; any other error is a bug, and its thread dies of it.
    """

    def __init__(self, attempt: Callable[[str], Answer], discard: Callable[[Answer], None]) -> None:
        self._attempt = attempt
        self._discard = discard
        self._lock = threading.Lock()
        self._over = False
        self.results = queue.SimpleQueue[tuple[str, Answer | VenueUnavailable]]()

    def enter(self, base: str) -> None:
        """Try this address in a thread of its own: looking up a name cannot be interrupted."""
        name = f"reach {base}"
        threading.Thread(target=self._run, args=(base,), name=name, daemon=True).start()

    def finish(self) -> None:
        """Whoever answers from now on comes too late."""
        with self._lock:
            self._over = True
        while not self.results.empty():
            _, result = self.results.get()
            self._drop(result)

    def _run(self, base: str) -> None:
        result: Answer | VenueUnavailable
        try:
            result = self._attempt(base)
        except VenueUnavailable as error:
            result = error
        with self._lock:
            if not self._over:
                self.results.put((base, result))
                return
        self._drop(result)

    def _drop(self, result: Answer | VenueUnavailable) -> None:
        if not isinstance(result, VenueUnavailable):
            self._discard(result)


def first_answer(
    bases: Sequence[str],
    attempt: Callable[[str], Answer],
    patience: Patience,
    discard: Callable[[Answer], None] = lambda _: None,
) -> tuple[str, Answer]:
    """The first address that answers, in this order, and its answer.

    The next address is tried when the one before failed, or has not answered for a while; so one
    that swallows every packet costs `stagger`, and all together never more than `limit`.

    Raises:
        VenueUnavailable: none answered; says which and why.
    """
    race = _Race(attempt, discard)
    try:
        return _run_race(race, bases, patience)
    finally:
        race.finish()


def interruptible(work: Callable[[], Answer], limit: float, stop: threading.Event) -> Answer:
    """What the work returns or raises, unless it takes too long or the line is closed."""
    race = _Race[Answer](lambda _: work(), lambda _: None)
    race.enter("")
    begun = perf_counter()
    while not stop.is_set() and perf_counter() - begun < limit:
        with suppress(queue.Empty):
            _, result = race.results.get(timeout=STOP_CHECKED_EVERY)
            if isinstance(result, VenueUnavailable):
                raise result
            return result
    raise VenueUnavailable("stopped" if stop.is_set() else "no answer in time")


def _run_race(race: _Race[Answer], bases: Sequence[str], patience: Patience) -> tuple[str, Answer]:
    begun = perf_counter()
    waiting, running = list(bases), list[str]()
    failures: list[tuple[str, str]] = []
    entered = begun
    while (waiting or running) and not patience.stop.is_set():
        now = perf_counter()
        if now - begun > patience.limit:
            break
        if waiting and (not running or now - entered >= patience.stagger):
            running.append(waiting.pop(0))
            race.enter(running[-1])
            entered = now
        try:
            base, result = race.results.get(timeout=STOP_CHECKED_EVERY)
        except queue.Empty:
            continue
        if not isinstance(result, VenueUnavailable):
            return base, result
        running.remove(base)
        failures.append((base, str(result)))
    failures += [(base, "no answer in time") for base in (*running, *waiting)]
    raise VenueUnavailable(summed_up(failures))
