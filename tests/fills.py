"""The fills that a trader told of, and those that stand in its ledger."""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from domain.ledger import Cause
from persistence.copies import examine
from persistence.environment import open_to_read
from persistence.ledger import LedgerStore
from tests.program import Event

Fill = tuple[str, str, str]
"""Its order, its price, its quantity."""


def told(events: Iterable[Event]) -> Counter[Fill]:
    """The fills that were told of."""
    return Counter((x["order"], x["price"], x["quantity"]) for x in events if x["event"] == "fill")


def booked(home: Path) -> Counter[Fill]:
    """The fills in the ledger, which must add up and have no hole."""
    examine(home / "store")
    with closing(open_to_read(home / "store")) as environment:
        entries = LedgerStore(environment).since(0)
    return Counter(
        (entry.order, f"{entry.movement.price:f}", f"{entry.movement.quantity:f}")
        for entry in entries
        if entry.cause is Cause.FILL and entry.movement is not None
    )
