"""How long an order takes through the house: signal → order event, and the decision alone.

Risk and Broker run as they do live, each in its thread, on a durable store; each round is a trade
of its own, opened on a signal and closed by the venue at its time limit.

    .venv/bin/python tests/benchmarks/venue_latency.py [--rounds N]
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from actors.actor import Address, launch
from actors.broker import Books, BrokerActor
from actors.messages import BrokerInbox, FeedReady, ModelReady, RiskInbox, Tick
from actors.risk import RiskActor
from domain.account import Marked
from domain.facts import Ordered
from domain.instrument import BTCUSDT
from domain.market import Book
from domain.microstructure import MarketQuality
from domain.orders import Approved
from domain.policy import Situation, decide
from domain.units import HOUR, SECOND, Nanos
from persistence.checkpoints import CheckpointStore
from persistence.environment import open_environment
from persistence.ledger import LedgerStore
from tests.builders import NOON, a_book, a_quality, a_signal, marked

WAIT_S = 20
"""How long a round may take before the benchmark gives up [s]."""


class Listener:
    """Keeps what is told, each with the moment of telling."""

    def __init__(self) -> None:
        self._told: Queue[tuple[float, Any]] = Queue()

    def tell(self, message: Any, /) -> None:
        """Note it."""
        self._told.put((perf_counter(), message))

    def until(self, wanted: Callable[[Any], bool]) -> float:
        """Wait for such a message; returns when it was told."""
        while True:
            at, message = self._told.get(timeout=WAIT_S)
            if wanted(message):
                return at


def main() -> int:
    """Print one row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    print("| way | mean [ms] | median [ms] | 99 % [ms] | worst [ms] |")
    print("|---|---|---|---|---|")
    print(row("decision alone (decide and judge)", decisions(rounds * 10)))
    with TemporaryDirectory() as folder, closing(open_environment(Path(folder))) as environment:
        books = Books(LedgerStore(environment), CheckpointStore(environment), lambda *_: "")
        print(row("signal → order event, through the actors", orders(books, rounds)))
    return 0


def row(way: str, seconds: list[float]) -> str:
    """The figures of one way."""
    ms = np.array(seconds) * 1e3
    figures = (ms.mean(), np.median(ms), np.quantile(ms, 0.99), ms.max())
    return f"| {way} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |"


def decisions(rounds: int) -> list[float]:
    """Seconds of each decision on a signal that leads to an order."""
    seen = Situation(NOON, BTCUSDT, a_book(), a_quality(), marked(), a_signal(), ready=True)
    seconds = []
    for _ in range(rounds):
        began = perf_counter()
        verdict = decide(seen).verdict
        seconds.append(perf_counter() - began)
        assert isinstance(verdict, Approved)
    return seconds


def orders(books: Books, rounds: int) -> list[float]:
    """Seconds from telling a signal to Risk until the Broker tells its order, each round."""
    heard = Listener()
    risk: Address[RiskInbox] = Address(Book, MarketQuality, Marked)
    broker: Address[BrokerInbox] = Address(Book)
    trader = launch(BrokerActor, books, 1, risk=risk, dashboard=heard, supervisor=heard)
    broker.move_to(trader)
    guard = launch(
        RiskActor, BTCUSDT, perf_counter, broker=broker, dashboard=heard, supervisor=heard
    )
    risk.move_to(guard)
    for message in (Tick(NOON), FeedReady(NOON), ModelReady(NOON, "none", ""), a_quality()):
        risk.tell(message)
    found = [traded(risk, broker, heard, Nanos(NOON + n * 2 * HOUR)) for n in range(rounds)]
    guard.stop()
    trader.stop()
    return found


def traded(
    risk: Address[RiskInbox], broker: Address[BrokerInbox], heard: Listener, at: Nanos
) -> float:
    """One trade from its signal to flat; returns the seconds from signal to order."""
    for step in (-8, 0):  # an account that holds nothing is told every eight seconds
        pass_time(risk, broker, heard, Nanos(at + step * SECOND))
    began = perf_counter()
    risk.tell(a_signal(at=at, stop="50", target="150"))
    seconds = heard.until(lambda x: isinstance(x, Ordered) and x.kind == "MARKET") - began
    for after in (8, 1000, 1008, 1016):
        pass_time(risk, broker, heard, Nanos(at + after * SECOND))
    return seconds


def pass_time(
    risk: Address[RiskInbox], broker: Address[BrokerInbox], heard: Listener, at: Nanos
) -> None:
    """A book, and the second in which it comes; waits until the broker is through with both."""
    for address in (risk, broker):
        address.tell(a_book(at=at))
        address.tell(Tick(at))
    heard.until(lambda x: isinstance(x, Marked) and x.at >= at)


if __name__ == "__main__":
    sys.exit(main())
