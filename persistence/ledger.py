"""The ledger on disk: entries, closed round trips and order keys, written before anyone hears."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import lmdb

from domain.account import Account, RoundTrip
from domain.editions import brought_up, outdated
from domain.errors import LedgerMoved, StoreCorrupt
from domain.ledger import NOTHING, Entry, booked
from domain.orders import Order
from persistence.records import Packed, decoded, encoded
from persistence.redo import TABLE, RedoLog, stand

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


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry was booked; it completed this round trip and finished this order."""

    entry: Entry
    trip: RoundTrip | None = None
    done: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """The ledger began with the round trips of a restored document."""

    trips: tuple[RoundTrip, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """An order goes out."""

    order: Order


@dataclass(frozen=True, slots=True)
class Finished:
    """This became of an order."""

    key: str
    state: OrderState


Change = Booked | Carried | Sent | Finished
"""All that ever happens to a ledger."""

KINDS: dict[str, type[Change]] = {"B": Booked, "C": Carried, "S": Sent, "F": Finished}
"""How each change is called in the redo log."""

NAMES = {kind: name for name, kind in KINDS.items()}


class LedgerStore:
    """Append-only table of entries, with the round trips they complete and the orders behind them.

    With a redo log every change is in it before the store commits, so none that was acknowledged
    is lost with the store.
    """

    def __init__(self, environment: lmdb.Environment, redo: RedoLog | None = None) -> None:
        self._environment = environment
        self._redo = redo
        self._entries = environment.open_db(b"ledger")
        self._trips = environment.open_db(b"trips")
        self._orders = environment.open_db(b"orders")
        self._log = environment.open_db(TABLE)

    def append(self, entry: Entry, trip: RoundTrip | None = None, done: str = "") -> None:
        """Write one entry durably, with the round trip it completes and the order it finishes.

        Writing the same entry twice changes nothing.

        Raises:
            LedgerMoved: another entry has this number; nothing was written.
        """
        self._change(Booked(entry, trip, done))

    def add_trips(self, trips: tuple[RoundTrip, ...]) -> None:
        """Write the round trips of a restored document, before the first entry."""
        self._change(Carried(trips))

    def send(self, order: Order) -> bool:
        """Write down that this order goes out; false where its key is known already."""
        return self._change(Sent(order))

    def finish(self, key: str, state: OrderState) -> None:
        """Write down what became of an order."""
        self._change(Finished(key, state))

    def sent(self) -> tuple[Order, ...]:
        """Orders that were on their way when the last incarnation ended."""
        with self._environment.begin(self._orders) as transaction:
            records = [decoded(value, OrderRecord) for _, value in transaction.cursor()]
        return tuple(x.order for x in records if x.state is OrderState.SENT)

    def orders(self) -> tuple[Order, ...]:
        """Every order that ever went out, by its key."""
        return tuple(record.order for record in self.records())

    def packed_orders(self) -> Packed[Order]:
        """As `orders`, in little memory."""
        with self._environment.begin(self._orders) as transaction:
            each = (decoded(bytes(value), OrderRecord).order for _, value in transaction.cursor())
            return Packed.of(each, Order)

    def records(self) -> tuple[OrderRecord, ...]:
        """Every order that ever went out, and what became of it, by its key."""
        with self._environment.begin(self._orders) as transaction:
            return tuple(decoded(value, OrderRecord) for _, value in transaction.cursor())

    def since(self, sequence: int) -> tuple[Entry, ...]:
        """The entries from this sequence number on, oldest first; from 0 on as of today's version.

        Raises:
            LedgerUnbalanced: an earlier version wrote them, and they do not add up.
        """
        with self._environment.begin(self._entries) as transaction:
            cursor = transaction.cursor()
            if not cursor.set_range(KEY.pack(sequence)):
                return ()
            found = tuple(decoded(value, Entry) for _, value in cursor)
        return brought_up(found) if sequence == 0 else found

    def packed(self) -> Packed[Entry]:
        """As `since(0)`, in little memory.

        Raises:
            LedgerUnbalanced: an earlier version wrote them, and they do not add up.
        """
        with self._environment.begin(self._entries) as transaction:
            found = Packed([bytes(value) for _, value in transaction.cursor()], Entry)
        return Packed.of(brought_up(found), Entry) if outdated(found) else found

    def trips(self) -> tuple[RoundTrip, ...]:
        """All closed round trips, oldest first."""
        return self.trips_after(b"")[0]

    def trips_after(self, key: bytes) -> tuple[tuple[RoundTrip, ...], bytes]:
        """The round trips behind this key, oldest first, and the key to ask with next time."""
        found = []
        with self._environment.begin(self._trips) as transaction:
            cursor = transaction.cursor()
            stands = cursor.set_range(key)
            if stands and bytes(cursor.key()) == key:
                stands = cursor.next()
            while stands:
                key = bytes(cursor.key())
                found.append(decoded(bytes(cursor.value()), RoundTrip))
                stands = cursor.next()
        return tuple(found), key

    def changes(self) -> Iterator[Change]:
        """What would make this ledger from nothing."""
        for record in self.records():
            yield Sent(record.order)
            if record.state is not OrderState.SENT:
                yield Finished(record.order.id, record.state)
        with self._environment.begin(self._trips) as transaction:
            trips = {bytes(k): decoded(v, RoundTrip) for k, v in transaction.cursor()}
        yield Carried(tuple(trip for key, trip in trips.items() if len(key) > KEY.size))
        for entry in self.since(0):
            yield Booked(entry, trips.get(KEY.pack(entry.sequence)))

    def take(self, transaction: lmdb.Transaction, change: Change) -> bool:
        """Write one change within a transaction; false where it was written before.

        Raises:
            LedgerMoved: another entry has its number.
        """
        match change:
            case Booked():
                return self._book(transaction, change)
            case Carried(trips):
                for number, trip in enumerate(trips):
                    key = KEY.pack(0) + KEY.pack(number)
                    transaction.put(key, encoded(trip), db=self._trips)
                return True
            case Sent(order):
                key, record = order.id.encode(), encoded(OrderRecord(order, OrderState.SENT))
                return bool(transaction.put(key, record, overwrite=False, db=self._orders))
            case Finished(key, state):
                self._finish(transaction, key, state)
                return True
            case _:
                assert_never(change)

    def _change(self, change: Change) -> bool:
        with self._environment.begin(write=True) as transaction:
            fresh = self.take(transaction, change)
            if self._redo is None:
                stand(transaction, self._log, None)
            elif fresh:
                self._redo.note(transaction, NAMES[type(change)], change)
        return fresh

    def _book(self, transaction: lmdb.Transaction, booked: Booked) -> bool:
        key, record = KEY.pack(booked.entry.sequence), encoded(booked.entry)
        if not transaction.put(key, record, overwrite=False, db=self._entries):
            if transaction.get(key, db=self._entries) == record:
                return False
            raise LedgerMoved(f"entry {booked.entry.sequence} is another one already")
        if booked.trip is not None:
            transaction.put(key, encoded(booked.trip), db=self._trips)
        if booked.done:
            self._finish(transaction, booked.done, OrderState.DONE)
        return True

    def _finish(self, transaction: lmdb.Transaction, key: str, state: OrderState) -> None:
        record = transaction.get(key.encode(), db=self._orders)
        if record is None:
            raise StoreCorrupt(f"order {key} was finished and never sent")
        order = decoded(bytes(record), OrderRecord).order
        record = encoded(OrderRecord(order, state))
        transaction.put(key.encode(), record, db=self._orders)


def replayed(entries: Iterable[Entry], account: Account = NOTHING) -> Account:
    """The account that the entries add up to; raises LedgerUnbalanced where they do not."""
    for entry in entries:
        account, _ = booked(account, entry)
    return account
