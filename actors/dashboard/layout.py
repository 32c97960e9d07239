"""The whole screen for any size of terminal: banner, view, keys."""

from itertools import accumulate

from actors.dashboard.desk import PAGES, TAB, Desk
from actors.dashboard.lines import Block, Line, Span, Style, fit, plain, spread, width
from actors.dashboard.pages import explained, page
from actors.dashboard.view import View
from actors.dashboard.words import clock
from domain.facts import Decision, Mode
from domain.moments import spoken

COLUMNS_MIN, ROWS_MIN = 60, 20
"""Smallest terminal that holds the mission's box between the banner and the keys."""

BARS = 2
"""Rows of the banner and of the keys."""


def compose(view: View, desk: Desk, size: tuple[int, int]) -> Block:
    """The whole screen: exactly so many rows, each exactly so many columns wide."""
    columns, rows = size
    if columns < COLUMNS_MIN or rows < ROWS_MIN:
        return _too_small(view, desk, size)
    inner = (columns, rows - BARS)
    middle = explained(inner) if desk.helping else page(view, desk, inner)
    return (banner(view, columns, paused=desk.paused), *middle, footer(desk, columns))


def _too_small(view: View, desk: Desk, size: tuple[int, int]) -> Block:
    """One honest line: what it is, how it stands, what is missing."""
    columns, rows = size
    mode = "" if view.starting is None else f"{view.starting.mode} "
    alarm = "HALTED " if view.halted else "PAUSED " if desk.paused else ""
    text = f"{mode}{alarm}needs {COLUMNS_MIN}x{ROWS_MIN}, has {columns}x{rows}"
    if desk.leaving:
        text = QUESTION_SHORT
    first = fit((Span(text, "warn"),), columns)
    return (first, *[fit((), columns)] * (rows - 1))[: max(0, rows)]


QUESTION = " A position is open: q again closes it and quits, any other key stays "
QUESTION_SHORT = " q again: close the position, quit "


def footer(desk: Desk, columns: int) -> Line:
    """The views by their keys; or what the screen asks, or what a key has done."""
    if desk.leaving:
        question = QUESTION if len(QUESTION) <= columns else QUESTION_SHORT
        return fit((Span(question, "badge-alarm"),), columns)
    if desk.typing:
        typed = (
            Span(f" /{plain(desk.filter)}▏", "accent"),
            Span("  Enter keeps, Esc clears", "dim"),
        )
        return fit(typed, columns)
    if desk.said:
        return fit((Span(f" {plain(desk.said)}", "accent"),), columns)
    tabs = [part for key, name in PAGES.items() for part in _tab(key, name, here=name is desk.page)]
    help_ = " ? help  q quit " if columns >= COLUMNS_HELP else " ? q"
    return spread(tuple(tabs), (Span(help_, "dim"),), columns)


def clicked(place: tuple[int, int], size: tuple[int, int]) -> str:
    """The key of the tab at this column and row, marked as one that was clicked; '' elsewhere.

    >>> clicked((2, 23), (80, 24)), clicked((13, 23), (80, 24)), clicked((13, 20), (80, 24))
    ('TAB 1', 'TAB 2', '')
    """
    if place[1] != size[1] - 1:
        return ""
    ends = accumulate(len(f" {key} {name}") for key, name in PAGES.items())
    return next((TAB + key for key, end in zip(PAGES, ends, strict=True) if place[0] < end), "")


COLUMNS_HELP = 80


def _tab(key: str, name: str, *, here: bool) -> Line:
    text = f"{key} {name}"
    return (Span(f" {text}", "tab-here" if here else "tab"),)


def banner(view: View, columns: int, *, paused: bool) -> Line:
    """What nobody may overlook, and the time."""
    badges = [part for badge in _badges(view, paused=paused) for part in (badge, Span(" "))]
    if width(tuple(badges)) > columns:
        badges = [Span(SHORT.get(part.text, part.text), part.style) for part in badges]
    if view.now is None:
        return fit(tuple(badges), columns)
    full, short = f"{spoken(view.now)} UTC", clock(view.now)
    left = sum(len(part.text) for part in badges)
    time = full if left + len(full) < columns else short
    return spread(tuple(badges), (Span(time, "dim"),), columns)


SHORT = {
    " MODELLED BOOK ": " MODELLED ",
    " EMBEDDED MODEL ": " EMBEDDED ",
    " RISK PAUSE ": " PAUSED ",
}
"""Badges where there is no room for all."""


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
