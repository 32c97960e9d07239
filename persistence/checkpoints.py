"""Checkpoints: the state at a moment, so that a start reads only the ledger's tail."""

import struct
import zlib
from dataclasses import dataclass

import lmdb

from domain.account import Account
from domain.drawdown import HighWater
from domain.errors import StateInvalid, StoreCorrupt
from domain.units import Nanos
from persistence.records import decoded, encoded
from persistence.redo import TABLE, RedoLog, stand

KEY = struct.Struct(">Q")
CHECKSUM = struct.Struct(">I")

SCHEMA = 1
"""Version of what a checkpoint holds; a reader refuses what it does not know."""

KEPT = 300
"""Checkpoints that stay; older ones are dropped as new ones come (a day at one each 5 minutes)."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state at a moment.

    Attributes:
        sequence: 0, 1, 2 ….
        at: market time.
        schema: version of this record.
        entries: how many ledger entries the account contains.
        account: what they add up to.
        high_water: the drawdown guard's memory.
    """

    sequence: int
    at: Nanos
    schema: int
    entries: int
    account: Account
    high_water: HighWater


WATCHED = "W"
"""How a checkpoint is called in the redo log."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a checkpoint holds that the ledger's entries do not say."""

    sequence: int
    at: Nanos
    entries: int
    high_water: HighWater

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Watched":
        """All of a checkpoint but what its entries add up to."""
        return cls(checkpoint.sequence, checkpoint.at, checkpoint.entries, checkpoint.high_water)

    def checkpoint(self, account: Account) -> Checkpoint:
        """The checkpoint, with what its entries add up to."""
        return Checkpoint(self.sequence, self.at, SCHEMA, self.entries, account, self.high_water)


class CheckpointStore:
    """Table of checkpoints; the newest that can be read counts."""

    def __init__(self, environment: lmdb.Environment, redo: RedoLog | None = None) -> None:
        self._environment = environment
        self._redo = redo
        self._table = environment.open_db(b"checkpoints")
        self._log = environment.open_db(TABLE)

    def put(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint durably and drop the one that is too old."""
        with self._environment.begin(self._table, write=True) as transaction:
            self.take(transaction, checkpoint)
            if self._redo is None:
                stand(transaction, self._log, None)
            else:
                self._redo.note(transaction, WATCHED, Watched.of(checkpoint))

    def take(self, transaction: lmdb.Transaction, checkpoint: Checkpoint) -> None:
        """Write a checkpoint within a transaction."""
        record, number = encoded(checkpoint), checkpoint.sequence
        value = CHECKSUM.pack(zlib.crc32(record)) + record
        transaction.put(KEY.pack(number), value, db=self._table)
        if number >= KEPT:
            transaction.delete(KEY.pack(number - KEPT), db=self._table)

    def begin(self, at: Nanos, account: Account, high_water: HighWater) -> None:
        """Write the first checkpoint of a ledger that has one entry."""
        self.put(Checkpoint(self.next_sequence(), at, SCHEMA, 1, account, high_water))

    def newest(self) -> tuple[Checkpoint | None, int]:
        """The newest checkpoint that can be read, and how many newer ones could not."""
        broken = 0
        with self._environment.begin(self._table) as transaction:
            cursor = transaction.cursor()
            stands = cursor.last()
            while stands:
                try:
                    return _read(cursor.value()), broken
                except StoreCorrupt:
                    broken += 1
                stands = cursor.prev()
        return None, broken

    def all(self) -> tuple[tuple[int, Checkpoint | None], ...]:
        """Every number and its checkpoint, newest first; None where it cannot be read."""
        with self._environment.begin(self._table) as transaction:
            pairs = [(KEY.unpack(key)[0], bytes(value)) for key, value in transaction.cursor()]
        return tuple((number, _readable(value)) for number, value in reversed(pairs))

    def at(self, sequence: int) -> Checkpoint:
        """The checkpoint of this number.

        Raises:
            StateInvalid: there is none.
            StoreCorrupt: it cannot be read.
        """
        with self._environment.begin(self._table) as transaction:
            value = transaction.get(KEY.pack(sequence))
        if value is None:
            raise StateInvalid(f"there is no checkpoint {sequence}; see pt-state list")
        return _read(bytes(value))

    def next_sequence(self) -> int:
        """One more than the newest number ever used, readable or not."""
        with self._environment.begin(self._table) as transaction:
            cursor = transaction.cursor()
            return int(KEY.unpack(cursor.key())[0]) + 1 if cursor.last() else 0


def _readable(value: bytes) -> Checkpoint | None:
    try:
        return _read(value)
    except StoreCorrupt:
        return None


def _read(value: bytes) -> Checkpoint:
    record = value[CHECKSUM.size :]
    if value[: CHECKSUM.size] != CHECKSUM.pack(zlib.crc32(record)):
        raise StoreCorrupt("a checkpoint does not match its checksum")
    checkpoint = decoded(record, Checkpoint)
    if checkpoint.schema != SCHEMA:
        raise StoreCorrupt(
            f"a checkpoint of schema {checkpoint.schema}; this program reads {SCHEMA}"
        )
    return checkpoint
