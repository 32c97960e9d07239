"""The ledger on disk: entries, closed round trips and order keys, written before anyone hears."""

import struct
from dataclasses import dataclass
from enum import StrEnum

import lmdb

from domain.account import Account, RoundTrip
from domain.errors import LedgerMoved, StoreCorrupt
from domain.ledger import NOTHING, Entry, booked
from domain.orders import Order
from persistence.records import decoded, encoded

KEY = struct.Struct(">Q")
"""Sequence, big-endian, so that LMDB's byte order is the order of booking."""


class OrderState(StrEnum):
    """What became of an order."""

    SENT = "sent"
    DONE = "done"
    EXPIRED = "expired"
    CANCELED = "canceled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order and what became of it."""

    order: Order
    state: OrderState


class LedgerStore:
    """Append-only table of entries, with the round trips they complete."""

    def __init__(self, environment: lmdb.Environment) -> None:
        self._environment = environment
        self._entries = environment.open_db(b"ledger")
        self._trips = environment.open_db(b"trips")
        self._orders = environment.open_db(b"orders")

    def append(self, entry: Entry, trip: RoundTrip | None = None, done: str = "") -> None:
        """Write one entry durably, with the round trip it completes and the order it finishes.

        Writing the same entry twice changes nothing.

        Raises:
            LedgerMoved: another entry has this number; nothing was written.
        """
        key = KEY.pack(entry.sequence)
        with self._environment.begin(write=True) as transaction:
            record = encoded(entry)
            fresh = transaction.put(key, record, overwrite=False, db=self._entries)
            if not fresh and transaction.get(key, db=self._entries) != record:
                raise LedgerMoved(f"entry {entry.sequence} is another one already")
            if trip is not None:
                transaction.put(key, encoded(trip), db=self._trips)
            if done:
                self._finish(transaction, done, OrderState.DONE)

    def add_trips(self, trips: tuple[RoundTrip, ...]) -> None:
        """Write the round trips of a restored document, before the first entry."""
        with self._environment.begin(write=True) as transaction:
            for number, trip in enumerate(trips):
                key = KEY.pack(0) + KEY.pack(number)
                transaction.put(key, encoded(trip), db=self._trips)

    def send(self, order: Order) -> bool:
        """Write down that this order goes out; false where its key is known already."""
        record = encoded(OrderRecord(order, OrderState.SENT))
        with self._environment.begin(self._orders, write=True) as transaction:
            return bool(transaction.put(order.id.encode(), record, overwrite=False))

    def finish(self, key: str, state: OrderState) -> None:
        """Write down what became of an order."""
        with self._environment.begin(write=True) as transaction:
            self._finish(transaction, key, state)

    def sent(self) -> tuple[Order, ...]:
        """Orders that were on their way when the last incarnation ended."""
        with self._environment.begin(self._orders) as transaction:
            records = [decoded(value, OrderRecord) for _, value in transaction.cursor()]
        return tuple(x.order for x in records if x.state is OrderState.SENT)

    def orders(self) -> tuple[Order, ...]:
        """Every order that ever went out, by its key."""
        return tuple(record.order for record in self.records())

    def records(self) -> tuple[OrderRecord, ...]:
        """Every order that ever went out, and what became of it, by its key."""
        with self._environment.begin(self._orders) as transaction:
            return tuple(decoded(value, OrderRecord) for _, value in transaction.cursor())

    def since(self, sequence: int) -> tuple[Entry, ...]:
        """The entries from this sequence number on, oldest first."""
        with self._environment.begin(self._entries) as transaction:
            cursor = transaction.cursor()
            if not cursor.set_range(KEY.pack(sequence)):
                return ()
            return tuple(decoded(value, Entry) for _, value in cursor)

    def trips(self) -> tuple[RoundTrip, ...]:
        """All closed round trips, oldest first."""
        with self._environment.begin(self._trips) as transaction:
            return tuple(decoded(value, RoundTrip) for _, value in transaction.cursor())

    def _finish(self, transaction: lmdb.Transaction, key: str, state: OrderState) -> None:
        record = transaction.get(key.encode(), db=self._orders)
        if record is None:
            raise StoreCorrupt(f"order {key} was finished and never sent")
        order = decoded(bytes(record), OrderRecord).order
        record = encoded(OrderRecord(order, state))
        transaction.put(key.encode(), record, db=self._orders)


def replayed(entries: tuple[Entry, ...], account: Account = NOTHING) -> Account:
    """The account that the entries add up to; raises LedgerUnbalanced where they do not."""
    for entry in entries:
        account, _ = booked(account, entry)
    return account
