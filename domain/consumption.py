"""What we took from the book, until the book has refreshed past it.

The market never saw our paper orders, so the next book still shows what they took. It stays taken:
a level that we emptied is empty for us until its price leaves the book at the front, or until the
market itself has taken as much from it as we had.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from domain.freshness import FreshBook
from domain.impact import beyond
from domain.instrument import Instrument
from domain.market import DEPTH, Book, Level, Side
from domain.queue import NONE
from domain.units import Price, Quantity


@dataclass(frozen=True, slots=True)
class Taken:
    """What we took at one price.

    Attributes:
        side: of our order; BUY took from the asks.
        price: where.
        quantity: how much of it is still missing for us [base].
        shown: what the newest book shows there [base].
    """

    side: Side
    price: Price
    quantity: Quantity
    shown: Quantity


def facing(book: Book, side: Side) -> tuple[Level, ...]:
    """The levels that an order of this side takes from, best first."""
    return book.asks if side is Side.BUY else book.bids


def available(book: FreshBook, side: Side, taken: Iterable[Taken]) -> tuple[Level, ...]:
    """The levels that an order meets, less what we took of them before."""
    missing = {x.price: x.quantity for x in taken if x.side is side}
    levels = facing(book, side)
    if not missing:
        return levels
    rest = (
        Level(level.price, Quantity(level.quantity - missing.get(level.price, NONE)))
        for level in levels
    )
    return tuple(level for level in rest if level.quantity > 0)


def deep(
    book: FreshBook, side: Side, taken: tuple[Taken, ...], rules: Instrument
) -> Iterator[Level]:
    """The levels that an order meets, and behind the visible ones those that are modelled.

    A book that shows fewer levels than it could has no others.
    """
    yield from available(book, side, taken)
    seen = facing(book, side)
    if len(seen) >= DEPTH:
        last = seen[-1].price
        yield from beyond(last, side, rules, _out_of_sight(last, side, taken))


def _out_of_sight(last: Price, side: Side, taken: Iterable[Taken]) -> Quantity:
    """What we took behind the last visible price."""
    deeper = (x.quantity for x in taken if x.side is side and (x.price - last) * side.sign > 0)
    return Quantity(sum(deeper, NONE))


def after_taking(
    book: Book, side: Side, taken: tuple[Taken, ...], bites: Iterable[Level]
) -> tuple[Taken, ...]:
    """What is missing after we took these bites as well."""
    missing = {(x.side, x.price): x for x in taken}
    shown = {level.price: level.quantity for level in facing(book, side)}
    for bite in bites:
        before = missing.get((side, bite.price))
        quantity = Quantity(bite.quantity + (before.quantity if before else NONE))
        # Out of sight nobody shows more than what we took.
        missing[side, bite.price] = Taken(
            side, bite.price, quantity, shown.get(bite.price, quantity)
        )
    return tuple(missing.values())


def refreshed(book: Book, taken: tuple[Taken, ...]) -> tuple[Taken, ...]:
    """What is still missing once this newer book is there.

    Whatever the market takes from a level it takes from the front, where our share had been: so a
    level that shrinks pays back our share first. One that grows got newcomers at the back.
    """
    kept = (_kept(book, x) for x in taken)
    return tuple(x for x in kept if x is not None)


def _kept(book: Book, taken: Taken) -> Taken | None:
    levels = facing(book, taken.side)
    if (levels[0].price - taken.price) * taken.side.sign > 0:
        return None  # the best price is past it
    if (levels[-1].price - taken.price) * taken.side.sign < 0:
        return taken  # deeper than we see
    there = next((x.quantity for x in levels if x.price == taken.price), NONE)
    gone = max(NONE, Quantity(taken.shown - there))
    left = Quantity(taken.quantity - gone)
    return replace(taken, quantity=left, shown=there) if left > 0 else None
