"""A book that is young enough to act on has a type of its own.

An order is approved against a `FreshBook` and filled against one, and only `fresh` makes one of a
`Book`: whoever forgets to look at its age is told by the type checker.
"""

from typing import NewType

from domain.market import Book
from domain.units import Nanos

BOOK_AGE_MAX = Nanos(2_000_000_000)
"""Oldest book that anything is decided on or filled against [ns]."""

FreshBook = NewType("FreshBook", Book)
"""A book that was not older than BOOK_AGE_MAX when it was looked at."""


def fresh(book: Book | None, now: Nanos) -> FreshBook | None:
    """The book, where it is young enough at this moment; a stale one is none.

    >>> from decimal import Decimal
    >>> from domain.market import Level
    >>> book = Book(Nanos(0), (Level(Decimal(1), Decimal(1)),), (Level(Decimal(2), Decimal(1)),))
    >>> fresh(book, BOOK_AGE_MAX) is book, fresh(book, Nanos(BOOK_AGE_MAX + 1))
    (True, None)
    """
    if book is None or now - book.at > BOOK_AGE_MAX:
        return None
    return FreshBook(book)
