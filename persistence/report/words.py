"""How the page writes its numbers."""

from collections.abc import Callable
from decimal import Decimal

from domain.moments import spoken

SMALL = 10
"""Amounts below it are shown to a hundredth of a cent [USDT]."""

ONE_PERCENT = 0.01

NOTHING = "\N{EN DASH}"
"""Stands where a figure cannot be said."""


def money(given: float | Decimal | None) -> str:
    """An amount with its sign, to the cent; below ten to a hundredth of a cent.

    >>> money(1234.5), money(Decimal("0.0123")), money(0)
    ('+1,234.50', '+0.0123', '0')
    """
    if given is None:
        return NOTHING
    amount = float(given)
    return _signed(f"{amount:+,.{4 if abs(amount) < SMALL else 2}f}") if amount else "0"


def number(value: float | Decimal | None, decimals: int = 2) -> str:
    """A plain number.

    >>> number(3.14159), number(1234567, 0)
    ('3.14', '1,234,567')
    """
    return NOTHING if value is None else _signed(f"{value:z,.{decimals}f}")


def percent(share: float | None, decimals: int = 1) -> str:
    """A share in per cent.

    >>> percent(0.6203), percent(0.00014, 3)
    ('62.0 %', '0.014 %')
    """
    return NOTHING if share is None else f"{number(100 * share, decimals)} %"


def fine(share: float | None) -> str:
    """A share in per cent, small ones with a decimal more.

    >>> fine(0.14701), fine(0.00016)
    ('14.70 %', '0.016 %')
    """
    return percent(share, 3 if share is not None and abs(share) < ONE_PERCENT else 2)


def interval(bounds: tuple[float, float] | None) -> str:
    """The two ends of a range of shares.

    >>> interval((0.49, 0.943))
    '49.0 to 94.3 %'
    """
    return NOTHING if bounds is None else f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def bounds(ends: tuple[float, float] | None) -> str:
    """The two ends of a range of plain numbers.

    >>> bounds((0.5, 2.25))
    '0.50 to 2.25'
    """
    return NOTHING if ends is None else f"{number(ends[0])} to {number(ends[1])}"


def duration(seconds: float) -> str:
    """A span of time in its two largest units.

    >>> duration(93_784), duration(61.4), duration(0)
    ('1 d 2 h', '1 min 1 s', '0 s')
    """
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    left, parts = round(seconds), list[str]()
    for name, size in units:
        count, left = divmod(left, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def tone(amount: float | Decimal | None) -> str:
    """The name of the colour that a gain, a loss or neither is written in."""
    return ("gain" if amount > 0 else "loss") if amount else ""


FILTERS: dict[str, Callable[..., str]] = {
    "bounds": bounds,
    "duration": duration,
    "fine": fine,
    "interval": interval,
    "spoken": spoken,
    "money": money,
    "number": number,
    "percent": percent,
    "tone": tone,
}
"""What the page's template may call."""


def _signed(text: str) -> str:
    """The text with a real minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")
