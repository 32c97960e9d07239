"""A book can be acted on for two seconds; then its type says so no more."""

import pytest

from domain.consumption import available, deep
from domain.freshness import BOOK_AGE_MAX, fresh
from domain.instrument import BTCUSDT
from domain.market import Book, Side
from domain.orders import Approved, Order
from domain.units import Nanos
from tests.builders import NOON, a_book


def forgetful(order: Order, book: Book) -> Approved:
    """Never run: mypy refuses each of these lines, and would refuse an ignore too many.

    So nobody approves an order, or fills one, against a book whose age was not looked at.
    """
    available(book, Side.BUY, ())  # type: ignore[arg-type]
    deep(book, Side.BUY, (), BTCUSDT)  # type: ignore[arg-type]
    return Approved(order, book)  # type: ignore[arg-type]


@pytest.mark.parametrize(("age", "usable"), [(0, True), (2 * 10**9, True), (2 * 10**9 + 1, False)])
def test_book_is_fresh_for_two_seconds(age: int, usable: bool) -> None:  # noqa: FBT001
    book = a_book(at=NOON)

    assert BOOK_AGE_MAX == 2 * 10**9
    assert fresh(book, Nanos(NOON + age)) == (book if usable else None)
    assert fresh(None, NOON) is None
