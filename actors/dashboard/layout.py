"""Puts panels together for any size of terminal, the most important first."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from actors.dashboard import mission as box
from actors.dashboard import panels, pictures
from actors.dashboard.lines import Block, Line, Span, Style, below, beside, fit, spread
from actors.dashboard.view import View
from actors.dashboard.words import clock, moment
from domain.facts import Decision, Mode

COLUMNS_MIN, ROWS_MIN = 60, 20
"""Smallest terminal that holds the mission's box, its banner and one event."""

BOX = 54
"""Columns of the mission's box where something stands beside it."""

BESIDE = 80
"""Columns from which the order book stands beside the box."""

THREE_BESIDE = 116
"""Columns from which a chart stands beside both."""

BOOK = 28
"""Columns of the book between two others."""

STACKS = (110, 1 + box.ROWS + panels.MARKET_ROWS)
"""Columns and rows from which there are two stacks of panels."""

STACK_MAX = 64
"""Columns of the left stack at most."""

Panel = Callable[[View, tuple[int, int]], Block]


class Slot(NamedTuple):
    """A panel that wants to stand somewhere.

    Attributes:
        panel: draws it.
        least: rows below which it is left out.
        greedy: share of the rows that are left over.
        rank: those of a higher one are left out first.
    """

    panel: Panel
    least: int
    greedy: int = 0
    rank: int = 0


def compose(view: View, columns: int, rows: int, *, paused: bool = False) -> Block:
    """The whole screen: exactly so many rows, each exactly so many columns wide."""
    if columns < COLUMNS_MIN or rows < ROWS_MIN:
        return _too_small(view, columns, rows)
    top = banner(view, columns, paused=paused)
    wide = columns >= STACKS[0] and rows >= STACKS[1]
    return (top, *(_stacks if wide else _rows)(view, columns, rows - 1))


def _too_small(view: View, columns: int, rows: int) -> Block:
    """One honest line: what it is, how it stands, what is missing."""
    mode = "" if view.starting is None else f"{view.starting.mode} "
    alarm = "HALTED " if view.halted else ""
    text = f"{mode}{alarm}needs {COLUMNS_MIN}x{ROWS_MIN}, has {columns}x{rows}"
    first = fit((Span(text, "warn"),), columns)
    return (first, *[fit((), columns)] * (rows - 1))[: max(0, rows)]


def banner(view: View, columns: int, *, paused: bool) -> Line:
    """What nobody may overlook, and the time."""
    badges = [part for badge in _badges(view, paused=paused) for part in (badge, Span(" "))]
    if view.now is None:
        return fit(tuple(badges), columns)
    full, short = f"{moment(view.now)} UTC", clock(view.now)
    left = sum(len(part.text) for part in badges)
    time = full if left + len(full) < columns else short
    return spread(tuple(badges), (Span(time, "dim"),), columns)


def _badges(view: View, *, paused: bool) -> list[Span]:
    decided = view.decision is not None and view.decision.state is Decision.RISK_PAUSE
    badges: list[tuple[bool, str, Style]] = [
        (bool(view.halted), "HALTED", "badge-alarm"),
        (bool(view.ending), "STOPPING", "badge-alarm"),
        (paused, "PAUSED", "badge-alarm"),
        (decided and not paused and not view.halted, "RISK PAUSE", "badge-alarm"),
        (view.modelled, "MODELLED BOOK", "badge-note"),
        (_embedded(view), "EMBEDDED MODEL", "badge-note"),
    ]
    return [_mode(view), *(Span(f" {text} ", style) for holds, text, style in badges if holds)]


def _mode(view: View) -> Span:
    if view.starting is None:
        return Span(" STARTING ", "badge-note")
    mode = view.starting.mode
    return Span(f" {mode} ", _MODE_STYLE[mode])


_MODE_STYLE: dict[Mode, Style] = {
    Mode.LIVE: "badge-live",
    Mode.DEMO: "badge-demo",
    Mode.REPLAY: "badge-replay",
}


def _embedded(view: View) -> bool:
    return view.ready is not None and "embedded" in view.ready.model


def _rows(view: View, columns: int, rows: int) -> Block:
    """The box with what there is room for beside it, everything else below."""
    top, shown = _top(view, columns)
    slots = (
        Slot(panels.start_up, 6, 2) if view.starting_up else Slot(pictures.chart, 9, 3, rank=1),
        Slot(panels.market, panels.MARKET_ROWS, rank=2),
        Slot(panels.events, 1, 2),
    )
    missing = [slot for slot in slots if slot.panel not in shown]
    return (*top, *stacked(view, missing, columns, rows - box.ROWS))


def _top(view: View, columns: int) -> tuple[Block, tuple[Panel, ...]]:
    """The box's row, and what stands in it besides."""
    if columns < BESIDE:
        return box.mission(view, columns), ()
    first = box.mission(view, BOX)
    main = panels.start_up if view.starting_up else pictures.chart
    if columns < THREE_BESIDE:
        side = panels.start_up if view.starting_up else panels.market
        return beside(first, side(view, (columns - BOX, box.ROWS))), (side,)
    book = panels.market(view, (BOOK, box.ROWS))
    last = main(view, (columns - BOX - BOOK, box.ROWS))
    return beside(beside(first, book), last), (panels.market, main)


def _stacks(view: View, columns: int, rows: int) -> Block:
    """The box and what feeds it on the left, pictures and events on the right."""
    left = min(STACK_MAX, max(BOX, columns * 2 // 5))
    under = (
        Slot(panels.market, panels.MARKET_ROWS),
        Slot(panels.signal, panels.SIGNAL_ROWS, rank=1),
        Slot(panels.trades, panels.TRADES_ROWS, 1, rank=3),
        Slot(panels.health, panels.HEALTH_ROWS, rank=2),
    )
    right = (
        Slot(panels.start_up, 10, 4) if view.starting_up else Slot(pictures.chart, 12, 4),
        Slot(pictures.equity, 7, 1, rank=1),
        Slot(panels.events, 5, 2),
    )
    one = (*box.mission(view, left), *stacked(view, under, left, rows - box.ROWS))
    return beside(one, stacked(view, right, columns - left, rows))


def stacked(view: View, slots: Sequence[Slot], columns: int, rows: int) -> Block:
    """As many of the panels as there is room for, top to bottom."""
    kept, left = set[Slot](), rows
    for slot in sorted(slots, key=lambda slot: slot.rank):
        if slot.least <= left:
            kept.add(slot)
            left -= slot.least
    chosen = [slot for slot in slots if slot in kept]
    heights = _heights(chosen, left)
    blocks = [
        slot.panel(view, (columns, height)) for slot, height in zip(chosen, heights, strict=True)
    ]
    rest = rows - sum(heights)
    return (*below(blocks), *[fit((), columns)] * rest)


def _heights(kept: Sequence[Slot], left: int) -> list[int]:
    """The rows of each, with what is left over shared out among the greedy."""
    shares = sum(slot.greedy for slot in kept)
    heights = []
    for slot in kept:
        more = left * slot.greedy // shares if shares else 0
        left -= more
        shares -= slot.greedy
        heights.append(slot.least + more)
    return heights
