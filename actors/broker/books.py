"""The broker's books: what is on disk and what it adds up to, always the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

from domain.account import Account, Marked, RoundTrip
from domain.drawdown import HighWater, drawdown, watched
from domain.ledger import NOTHING, Cause, Entry, booked, opening
from domain.life import Status
from domain.orders import Order
from domain.tally import WRITE_SECONDS, Tallied, Tally
from domain.units import Nanos, Price
from persistence.checkpoints import SCHEMA, Checkpoint, CheckpointStore
from persistence.document import Document, document
from persistence.ledger import LedgerStore, OrderState

_STATES = {
    Status.CANCELED: OrderState.CANCELED,
    Status.EXPIRED: OrderState.EXPIRED,
    Status.REJECTED: OrderState.REJECTED,
}

Save = Callable[[Nanos, Callable[[], Document]], str]
"""Writes the state document, and a backup where one is due; returns the backup's name or ''."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a new life finds beside the account.

    Attributes:
        broken: checkpoints that could not be read and were passed over.
        resting: the orders that protect the position; they stayed at the venue. What protects
            nothing any more was being cancelled when the last life ended, and is.
        lost: orders that were on their way and are expired, because a late order is not safe.
    """

    broken: int
    resting: tuple[Order, ...]
    lost: tuple[Order, ...]


class Books:
    """Account, high-water mark and order keys. Written first, told second."""

    def __init__(self, ledger: LedgerStore, checkpoints: CheckpointStore, save: Save) -> None:
        self._ledger = ledger
        self._checkpoints = checkpoints
        self._save = save
        self.account: Account = NOTHING
        self.high_water = HighWater(NOTHING.wallet)
        self._entries = 0
        self._trips: list[RoundTrip] = []
        self._last_trip = b""
        self._commits = Tally(WRITE_SECONDS)

    @property
    def commits(self) -> Tallied:
        """How long the ledger's changes took to be durable."""
        return self._commits.tallied()

    def load(self, now: Nanos) -> Found:
        """Read the newest checkpoint and the ledger's tail; open a ledger that is empty."""
        checkpoint, broken = self._checkpoints.newest()
        if checkpoint is not None:
            self.account, self._entries = checkpoint.account, checkpoint.entries
            self.high_water = checkpoint.high_water
        self._read_trips()
        for entry in self._ledger.since(self._entries):
            self._take(booked(self.account, entry)[0])
        if self._entries == 0:
            self.book(opening(now))
        held = self.account.position
        self.watch(held.entry if held else None)
        sent = self._ledger.sent()
        protecting = tuple(order for order in sent if order.protects)
        lost = tuple(order for order in sent if not order.protects)
        for order in lost:
            self._ledger.finish(order.id, OrderState.EXPIRED)
        if held is None:
            for order in protecting:
                self._ledger.finish(order.id, OrderState.CANCELED)
        resting = () if held is None else protecting
        return Found(broken, resting, lost)

    def blank(self, at: Nanos, order: str) -> Entry:
        """The next entry, to be filled in."""
        return Entry(self._entries, at, Cause.FILL, order, ())

    def book(self, entry: Entry, done: str = "") -> RoundTrip | None:
        """Write the entry durably and take it into the account; returns what it completed.

        Raises:
            LedgerUnbalanced: the account would not add up; nothing was written.
        """
        account, trip = booked(self.account, entry)
        with self._timed():
            self._ledger.append(entry, trip, done)
        self._take(account)
        return trip

    def send(self, order: Order) -> bool:
        """Write down an order; false where its key was used before."""
        with self._timed():
            return self._ledger.send(order)

    def finish(self, key: str, status: Status) -> None:
        """Write down that nothing (more) comes of an order."""
        with self._timed():
            self._ledger.finish(key, _STATES[status])

    def watch(self, price: Price | None) -> bool:
        """Hold the equity at this price against the high-water mark; true when that stops us."""
        before = self.high_water.stopped
        self.high_water = watched(self.high_water, self.account.equity(price))
        return self.high_water.stopped and not before

    def checkpoint(self, now: Nanos, price: Price | None) -> tuple[int, str]:
        """Write a checkpoint and the state document; returns its number and the backup's name."""
        sequence = self._checkpoints.next_sequence()
        self._checkpoints.put(
            Checkpoint(sequence, now, SCHEMA, self._entries, self.account, self.high_water)
        )
        self._read_trips()
        depth = drawdown(self.high_water, self.account.equity(price))
        described = partial(document, now, self.account, self._trips, depth)
        backup = self._save(now, described)
        return sequence, backup

    def marked(self, now: Nanos, price: Price | None) -> Marked:
        """The account as it stands at this price."""
        return Marked(
            at=now,
            account=self.account,
            price=price,
            equity=self.account.equity(price),
            high_water=self.high_water.equity,
            deepest=self.high_water.deepest,
            stopped=self.high_water.stopped,
        )

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begun = perf_counter()
        yield
        self._commits.add(perf_counter() - begun)

    def _read_trips(self) -> None:
        """Read what came to the store since the last time; all of it would be a year's trades."""
        more, self._last_trip = self._ledger.trips_after(self._last_trip)
        self._trips += more

    def _take(self, account: Account) -> None:
        self.account = account
        self._entries += 1
        if self.high_water.equity == 0:
            self.high_water = replace(self.high_water, equity=account.wallet)
