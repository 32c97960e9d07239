"""A program: the broker alone on the stores of a HOME, trading a scripted market.

    python -m tests.broker_alone HOME ROUND_TRIPS

It says each fact on standard output as the headless display does, and ends in order. Started again
after a crash it goes on where its ledger ends. `tests/test_boundaries.py` kills it.
"""

import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from actors.broker import Books, BrokerActor
from actors.messages import Begin, Tick
from domain.execution import LATENCY_MAX
from domain.facts import EVENTS
from domain.instrument import BTCUSDT
from domain.units import MINUTE, SECOND, Nanos
from persistence.backups import StateFile
from persistence.checkpoints import CheckpointStore
from persistence.environment import open_environment
from persistence.home import Home
from persistence.journal import encode
from persistence.ledger import LedgerStore
from persistence.recovery import healed, logged
from tests.builders import NOON, a_book, a_plan, an_order, approved
from tests.fakes import Outbox

HOLDS = Nanos(7 * MINUTE)
"""A round trip lasts so long: one is saved while it is open."""


class Saying:
    """A mailbox that says facts out loud."""

    def tell(self, message: Any, /) -> None:
        """Say it, at once."""
        if type(message) in EVENTS:
            sys.stdout.write(encode(message).decode() + "\n")
            sys.stdout.flush()


def main(path: Path, trips: int) -> None:
    """Trade so many round trips, and end in order."""
    with Home(path) as home:
        healed(home)
        with (
            closing(open_environment(home.store)) as environment,
            closing(logged(home, environment)) as redo,
        ):
            ledger = LedgerStore(environment, redo)
            save = StateFile(home, environment).keep
            books = Books(ledger, CheckpointStore(environment, redo), save)
            broker = BrokerActor(books, 1, risk=Outbox(), dashboard=Saying(), supervisor=Outbox())
            entries = ledger.since(0)
            at = Nanos(entries[-1].at + HOLDS) if entries else NOON
            for message in (Begin(), BTCUSDT, Tick(at)):
                broker.receive(message)
            for _ in range(trips):
                at = traded(broker, at)
            broker.release()


def traded(broker: BrokerActor, at: Nanos) -> Nanos:
    """Open a position, hold it until its time is over; returns when that was."""
    order = an_order(key=f"E{at // SECOND}", at=at, size="0.3")
    order = replace(order, plan=a_plan(expires=at + HOLDS))
    for message in (a_book(at=at, size="0.2"), approved(order), Tick(Nanos(at + LATENCY_MAX))):
        broker.receive(message)
    end = Nanos(at + HOLDS + MINUTE)
    while at < end:
        at = Nanos(at + 30 * SECOND)
        broker.receive(a_book(at=at, size="0.2"))
        broker.receive(Tick(at))
    return at


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
