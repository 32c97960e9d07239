"""Which of the minutes ahead may change anything, judged by figures for many at once.

What `stage.reached` asks of one candle exactly is asked here of weeks of them with room to spare: a
minute too many is looked at closely, never one too few.
"""

from dataclasses import dataclass

import numpy as np

from actors.broker import Rest
from actors.feed.rows import Rows
from domain.account import Marked, Position
from domain.drawdown import REDUCED_FROM, STOPPED_FROM
from domain.funding import PERIOD
from domain.instrument import BTCUSDT
from domain.margin import liquidation_price
from domain.market import Side
from domain.modelled import Flags
from domain.units import MINUTE, Floats

SIGHT = 0.000501
"""`stage.SIGHT`, and more than rounding may take from it."""

SPARE = 0.000101
"""Likewise `stage.SPARE`."""

CHUNK = 128
"""So many minutes are looked at first; each further look takes four times as many."""


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """What signals may do at some minutes' ends, shape (n,) each.

    Attributes:
        opens: open a position.
        covers: close a short.
        sells: close a long.
    """

    opens: Flags
    covers: Flags
    sells: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Some weeks of minutes, and the signals at their ends."""

    rows: Rows
    prompts: Prompts


def first_to_matter(rest: Rest, stretch: Stretch, place: int) -> int:
    """The first minute from this place on that may change something; the number of all if none."""
    count, chunk, high = len(stretch.rows.opened), CHUNK, float(rest.marked.high_water)
    while place < count:
        part = slice(place, place + chunk)
        flags, best = _matters(rest, stretch, part, high)
        found = int(np.argmax(flags))
        if flags[found]:
            return place + found
        high, place, chunk = max(high, best), place + chunk, 4 * chunk
    return count


def _matters(rest: Rest, stretch: Stretch, part: slice, high: float) -> tuple[Flags, float]:
    """Which minutes may matter, and how high equity may come in them."""
    _, highs, lows, _ = stretch.rows.prices[:, part]
    low, up = lows * (1 - SIGHT), highs * (1 + SIGHT)
    flags = np.full(len(low), rest.marked.stopped)
    for price in rest.missing:
        flags |= (low <= float(price)) & (float(price) <= up)
    position = rest.marked.account.position
    if position is None:
        return flags | stretch.prompts.opens[part], high
    for price in (position.plan.stop, position.plan.target, liquidation_price(position)):
        flags |= (low <= float(price)) & (float(price) <= up)
    ends = stretch.rows.opened[part] + MINUTE
    flags |= (ends >= position.plan.expires) | (ends % PERIOD == 0)
    prompts = stretch.prompts
    flags |= (prompts.sells if position.side is Side.BUY else prompts.covers)[part]
    best, worst = _equities(rest.marked, position, lows, highs)
    highest = np.maximum(np.maximum.accumulate(best), high)
    acts = guard_acts_from(rest.marked)
    return flags | (worst <= highest * (1 - acts + SPARE)), float(highest[-1])


def guard_acts_from(marked: Marked) -> float:
    """The drawdown from which the guard does something that it has not done already [fraction].

    Who was as deep as the first step before is told apart from others only where trading stops.
    """
    return STOPPED_FROM if marked.deepest >= REDUCED_FROM else REDUCED_FROM


def _equities(
    marked: Marked, position: Position, lows: Floats, highs: Floats
) -> tuple[Floats, Floats]:
    """The most and the least that the account may be worth in each minute."""
    sign, quantity = position.side.sign, float(position.quantity)
    fixed = float(marked.account.wallet) - sign * float(position.cost)
    low, high = (
        fixed + sign * quantity * price for price in (lows * (1 - SPARE), highs * (1 + SPARE))
    )
    return (high, low) if sign > 0 else (low, high)


def extremes(position: Position, rows: Rows, first: int, last: int, beyond: float) -> list[int]:
    """The places from first to before last that may show a better price than `beyond`, best first.

    A made book's mid is half a tick outside of its candle at most, where that has no height.
    """
    _, highs, lows, _ = rows.prices[:, first:last]
    prices = highs if position.side is Side.BUY else -lows
    better = np.flatnonzero(prices > beyond * position.side.sign - float(BTCUSDT.tick))
    order = np.argsort(-prices[better], kind="stable")
    return [first + int(x) for x in better[order]]
