"""Binance's numbers, levels and candles, as they are written in JSON: parsed and checked, once.

Numbers come as text, and most of them come again and again (nine of ten levels of a book are those
of the book before), so a number and a level are parsed once and remembered: a quarter of the cost
of parsing them anew, checks included. What is wrong raises ValueError here; those who know which
stream or body it stood in make it a `BadFrame`.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from msgspec import Meta, MsgspecError

from domain.candles import wrong
from domain.errors import PlasmaError
from domain.horizons import Timeframe
from domain.market import Candle, Level
from domain.moments import LATEST
from domain.units import MILLISECOND, Nanos, Price, Quantity

Frame = bytes | bytearray | memoryview | str

Millis = Annotated[int, Meta(ge=0, le=LATEST // MILLISECOND)]
"""Milliseconds since the epoch, up to the year 2100 [ms]."""

Identifier = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""One of the exchange's running numbers."""

UNREADABLE = (MsgspecError, ValueError, RecursionError)
"""All that decoding bytes from outside can raise."""

REMEMBERED = 32_768
"""Numbers, and levels, kept parsed."""

STREAM_LENGTH_MAX = 64
REASON_LENGTH_MAX = 200
"""What is quoted of a bad frame [characters]; it may be huge."""


class BadFrame(PlasmaError):  # noqa: N818 - it names what came, as the event does
    """A frame or a body that says nothing we could believe."""

    def __init__(self, stream: str, reason: str) -> None:
        self.stream = stream[:STREAM_LENGTH_MAX] or "unknown"
        self.reason = reason[:REASON_LENGTH_MAX]
        super().__init__(f"{self.stream}: {self.reason}")


_UNSIGNED = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,18})?")
_SIGNED = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,18})?")


def _plain(text: str) -> str:
    """The number without the zeros that only fill it up to eight places."""
    return text.rstrip("0").rstrip(".") if "." in text else text


@lru_cache(REMEMBERED)
def quantity_of(text: str) -> Quantity:
    """A number that may be zero. No sign, exponent, NaN or digit of another script is one.

    >>> quantity_of("0.88634000"), quantity_of("100.00000000"), quantity_of("0.00000000")
    (Decimal('0.88634'), Decimal('100'), Decimal('0'))
    """
    if not _UNSIGNED.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number")
    return Quantity(Decimal(_plain(text)))


@lru_cache(REMEMBERED)
def price_of(text: str) -> Price:
    """A number above zero."""
    number = quantity_of(text)
    if not number:
        raise ValueError("a price of zero")
    return Price(number)


def signed_of(text: str) -> Decimal:
    """A number that may be negative: a change, a rate."""
    if not _SIGNED.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number")
    return Decimal(_plain(text))


@lru_cache(REMEMBERED)
def level_of(text: tuple[str, str]) -> Level:
    """A price and what waits there. Levels never change, so all books share them."""
    return Level(price_of(text[0]), quantity_of(text[1]))


def nanos_of(millis: int) -> Nanos:
    """The exchange's time as ours."""
    return Nanos(millis * MILLISECOND)


def candle_of(
    timeframe: Timeframe, open_time: int, numbers: tuple[str, str, str, str, str]
) -> Candle:
    """A real candle from its open time [ms] and open, high, low, close and volume, checked."""
    opened, high, low, close = map(price_of, numbers[:4])
    volume = quantity_of(numbers[4])
    candle = Candle(timeframe, nanos_of(open_time), opened, high, low, close, volume)
    reason = wrong(candle)
    if reason:
        raise ValueError(f"a candle that cannot be: {reason}")
    return candle
