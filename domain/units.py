"""Names for numbers, so that a price is never taken for a quantity.

Exact money is Decimal; statistics are float64. Time is int nanoseconds since the Unix epoch, UTC.

numpy is imported when somebody asks for the type of an array: it takes a quarter of the time that
the first screen is waited for, which shows no array.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    """Statistics: float64, read-only where it travels in a message."""

    Ints = NDArray[np.int64]
    """Counts, ticks and times: int64, likewise."""

Price = NewType("Price", Decimal)
"""Quote currency for one unit of base currency [USDT per BTC]."""

Quantity = NewType("Quantity", Decimal)
"""Base currency [BTC]; never negative, the side says which way."""

Money = NewType("Money", Decimal)
"""Quote currency [USDT], signed."""

Nanos = NewType("Nanos", int)
"""Nanoseconds since 1970-01-01T00:00:00Z, or a span of them."""

MILLISECOND = Nanos(1_000_000)
SECOND = Nanos(1_000_000_000)
MINUTE = Nanos(60 * SECOND)
HOUR = Nanos(60 * MINUTE)
DAY = Nanos(24 * HOUR)

EVER = Nanos(2**63 - 1)
"""Later than anything."""

BASIS_POINTS = 10_000
"""Basis points in one."""


def __getattr__(name: str) -> Any:
    """The arrays' types; found once, then they are names of this module like any other."""
    if name not in {"Floats", "Ints"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import numpy as np  # noqa: PLC0415 - see above
    from numpy.typing import NDArray  # noqa: PLC0415

    globals().update(Floats=NDArray[np.float64], Ints=NDArray[np.int64])
    return globals()[name]
