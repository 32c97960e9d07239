"""Moments as people and other programs read them: RFC 3339, UTC."""

from datetime import UTC, datetime
from functools import lru_cache

from domain.units import MILLISECOND, SECOND, Nanos

LATEST = Nanos(4_102_444_800 * SECOND)
"""The year 2100: nothing that a trader hears of is dated later."""


@lru_cache(maxsize=8)
def second(seconds: int) -> str:
    """Date and time, to the second, of so many seconds since 1970.

    Event lines come many to a second, so the newest ones are remembered.

    >>> second(1_740_787_260)
    '2025-03-01T00:01:00'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def moment(at: Nanos) -> str:
    """RFC 3339 with milliseconds.

    >>> moment(Nanos(1_740_787_260_000_999_999))
    '2025-03-01T00:01:00.000Z'
    """
    seconds, rest = divmod(at, SECOND)
    return f"{second(seconds)}.{rest // MILLISECOND:03d}Z"


def spoken(at: Nanos) -> str:
    """Date and time to the second, for a person.

    >>> spoken(Nanos(1_740_787_260 * SECOND))
    '2025-03-01 00:01:00'
    """
    return second(at // SECOND).replace("T", " ")


def instant(text: str) -> Nanos:
    """The moment that an RFC 3339 text names.

    Raises:
        ValueError: it names none, or one before 1970 or after LATEST.

    >>> instant("2025-03-01T00:01:00.5Z")
    1740787260500000000
    """
    named = datetime.fromisoformat(text)
    if named.tzinfo is None:
        raise ValueError("it does not say in which zone")
    whole = int(named.replace(microsecond=0).timestamp())  # a float holds no more than that exactly
    at = Nanos(whole * SECOND + named.microsecond * 1000)
    if not 0 <= at <= LATEST:
        raise ValueError("not between 1970 and 2100")
    return at
