"""Puts panels one below the other, as many as there is room for, the most important first."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from actors.dashboard.lines import Block, Size, below, beside, fit

Panel = Callable[[Size], Block]
"""Draws itself in exactly that size."""


COLUMNS_LEAST = 26
"""Columns that a panel needs to be read."""


class Slot(NamedTuple):
    """A panel that wants to stand somewhere.

    Attributes:
        panel: draws it.
        least: rows below which it is left out.
        greedy: share of the rows that are left over; where nobody wants them the last one has them.
        rank: those of a higher one are left out first.
    """

    panel: Panel
    least: int
    greedy: int = 0
    rank: int = 0


def stacked(slots: Sequence[Slot], size: Size) -> Block:
    """As many of the panels as there is room for, top to bottom."""
    columns, rows = size
    kept, left = set[int](), rows
    for number, slot in sorted(enumerate(slots), key=lambda pair: pair[1].rank):
        if slot.least <= left:
            kept.add(number)
            left -= slot.least
    chosen = [slot for number, slot in enumerate(slots) if number in kept]
    heights = _heights(chosen, left)
    blocks = [slot.panel((columns, height)) for slot, height in zip(chosen, heights, strict=True)]
    return below(blocks) or (fit((), columns),) * rows


def _heights(kept: Sequence[Slot], left: int) -> list[int]:
    """The rows of each, with what is left over shared out among the greedy."""
    shares = sum(slot.greedy for slot in kept)
    heights = []
    for slot in kept:
        more = left * slot.greedy // shares if shares else 0
        left -= more
        shares -= slot.greedy
        heights.append(slot.least + more)
    if heights and not any(slot.greedy for slot in kept):
        heights[-1] += left
    return heights


def abreast(left: Panel, right: Panel, share: float = 0.5, most: int = 1000) -> Panel:
    """Two panels beside each other, the right one with this share of the columns or so many.

    Where the right one would be too narrow to be read, the left one stands alone.
    """

    def panel(size: Size) -> Block:
        columns, rows = size
        second = min(most, round(columns * share))
        if second < COLUMNS_LEAST:
            return left(size)
        return beside(left((columns - second, rows)), right((second, rows)))

    return panel
