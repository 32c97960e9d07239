"""What a ledger adds up to, entry by entry, in arrays: read once from its beginning to its end."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from domain.account import Account, Position
from domain.ledger import NOTHING, ZERO, Entry
from domain.orders import Order
from domain.performance import Times
from domain.trades import Step, Trade, slippage, total, trades, walked
from domain.units import Floats, Money, Nanos
from persistence.records import Packed


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What each of n entries left, what it filled, and what it all came to.

    Attributes:
        at: when each was booked, never before the one before it [ns], shape (n,).
        wallet: balance after it [quote currency], shape (n,).
        held: position after it, negative for a short [base], shape (n,).
        cost: what was paid for that, signed alike [quote currency], shape (n,).
        filled: places of the entries that were fills, shape (f,).
        price: of each of these [quote per base], shape (f,).
        first: the account after the first entry.
        last: the account after the last one.
        trades: positions that were closed, oldest first.
        slippage: what all fills were worse than the mid they were decided on [quote currency]; None
            where an order is not known.
        traded: value of all that was bought and sold [quote currency].
    """

    at: Times
    wallet: Floats
    held: Floats
    cost: Floats
    filled: Times
    price: Floats
    first: Account
    last: Account
    trades: tuple[Trade, ...]
    slippage: Money | None
    traded: Decimal

    def place(self, at: Times) -> Times:
        """The entry whose account stood at each of these moments."""
        return np.maximum(np.searchsorted(self.at, at, side="right") - 1, 0)

    def worth(self, place: Times, price: Floats) -> Floats:
        """Equity after these entries at these prices [quote currency]."""
        return np.asarray(self.wallet[place] + self.held[place] * price - self.cost[place])


def history(entries: Iterable[Entry], orders: Iterable[Order]) -> History:
    """What the entries add up to.

    Raises:
        LedgerUnbalanced: they do not.
    """
    known, sums = _Orders(orders), _Sums()
    closed = trades(sums.heard(walked(entries), known), known)
    return sums.history(closed)


class _Orders(Mapping[str, Order]):
    """Orders by their key, each made when it is asked for."""

    def __init__(self, orders: Iterable[Order]) -> None:
        self._orders = orders if isinstance(orders, Packed) else tuple(orders)
        self._places = {order.id: place for place, order in enumerate(self._orders)}

    def __getitem__(self, key: str) -> Order:
        return self._orders[self._places[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class _Sums:
    """What grows by an entry at a time."""

    def __init__(self) -> None:
        self._at, self._filled = array("q"), array("q")
        self._wallet, self._held, self._cost = array("d"), array("d"), array("d")
        self._price = array("d")
        self._first = self._last = NOTHING
        self._lost: Money | None = ZERO
        self._traded = Decimal(0)

    def heard(self, steps: Iterator[Step], orders: Mapping[str, Order]) -> Iterator[Step]:
        """Pass the steps on, and keep what they say."""
        for step in steps:
            if not self._at:
                self._first = step.account
            self._fill(step.entry, orders)
            self._stand(step.entry.at, step.account)
            yield step

    def history(self, closed: tuple[Trade, ...]) -> History:
        """All of it."""
        return History(
            at=np.maximum.accumulate(np.array(self._at, np.int64)),
            wallet=np.array(self._wallet),
            held=np.array(self._held),
            cost=np.array(self._cost),
            filled=np.array(self._filled, np.int64),
            price=np.array(self._price),
            first=self._first,
            last=self._last,
            trades=closed,
            slippage=self._lost,
            traded=self._traded,
        )

    def _fill(self, entry: Entry, orders: Mapping[str, Order]) -> None:
        movement = entry.movement
        if movement is None:
            return
        self._filled.append(len(self._at))
        self._price.append(float(movement.price))
        self._traded += movement.price * movement.quantity
        self._lost = total((self._lost, slippage(entry, orders)))

    def _stand(self, at: Nanos, account: Account) -> None:
        self._at.append(at)
        self._wallet.append(float(account.wallet))
        self._held.append(_signed(account.position))
        self._cost.append(_cost(account.position))
        self._last = account


def _signed(position: Position | None) -> float:
    return 0.0 if position is None else float(position.quantity) * position.side.sign


def _cost(position: Position | None) -> float:
    return 0.0 if position is None else float(position.cost) * position.side.sign
