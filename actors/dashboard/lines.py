"""Text with named styles, laid out in columns: what panels are made of. No terminal in here."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Literal, NamedTuple
from unicodedata import category, east_asian_width

Style = Literal[
    "text",
    "dim",
    "strong",
    "frame",
    "title",
    "good",
    "bad",
    "warn",
    "accent",
    "ask",
    "bid",
    "fan",
    "fan-mid",
    "fan-wide",
    "rise",
    "fall",
    "tab",
    "tab-here",
    "stale",
    "badge-live",
    "badge-demo",
    "badge-replay",
    "badge-alarm",
    "badge-note",
]
"""What a piece of text means; the palette says how that looks."""


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: Style = "text"


Line = tuple[Span, ...]
"""One row, left to right."""

Block = tuple[Line, ...]
"""Rows of the same width, top to bottom."""

Size = tuple[int, int]
"""Columns and rows."""

ELLIPSIS = "…"


def width(line: Line) -> int:
    """Columns that the line takes."""
    return sum(len(span.text) for span in line)


@lru_cache(maxsize=512)
def plain(text: str) -> str:
    r"""The text with every character that does not fill exactly one column made a question mark.

    >>> plain("a\x1b[2Jb\n你e\u0301")
    'a?[2Jb??e?'
    """
    return "".join(char if _narrow(char) else "?" for char in text)


def _narrow(char: str) -> bool:
    if " " <= char <= "~":
        return True
    return category(char)[0] not in "CMZ" and east_asian_width(char) not in "WF"


def dimmed(line: Line) -> Line:
    """The line as something that was true once."""
    return tuple(Span(span.text, "stale") for span in line)


def fit(line: Line, columns: int) -> Line:
    """The line cut or filled to exactly so many columns; a cut shows.

    >>> fit((Span("abc"), Span("defg", "dim")), 5)
    (Span(text='abc', style='text'), Span(text='d…', style='dim'))
    """
    missing = columns - width(line)
    if missing == 0:
        return line
    if missing > 0:
        return (*line, Span(" " * missing))
    return _cut(line, columns)


def _cut(line: Line, columns: int) -> Line:
    spans: list[Span] = []
    left = columns
    for span in line:
        if len(span.text) >= left:
            if left:
                spans.append(Span(span.text[: left - 1] + ELLIPSIS, span.style))
            return tuple(spans)
        spans.append(span)
        left -= len(span.text)
    return tuple(spans)


def spread(left: Line, right: Line, columns: int) -> Line:
    """One line at both ends of the same row; the right one goes first where both do not fit."""
    gap = columns - width(left) - width(right)
    if gap < 1:
        return fit(left, columns)
    return (*left, Span(" " * gap), *right)


def framed(
    title: Line, rows: Sequence[Line], size: tuple[int, int], note: Line = (), foot: Line = ()
) -> Block:
    """Rows in a box of (columns, rows); the title and a note in its upper edge, a foot below."""
    columns, height = size
    inner = columns - 4
    body = [*rows[: height - 2], *([()] * (height - 2 - len(rows)))]
    left, right = Span("│ ", "frame"), Span(" │", "frame")
    return (
        _edge(title, note, columns),
        *((left, *fit(row, inner), right) for row in body),
        _lower_edge(foot, columns),
    )


def _lower_edge(foot: Line, columns: int) -> Line:
    dashes = columns - 6 - width(foot)
    if not foot or dashes < 0:
        return (Span(f"└{'─' * (columns - 2)}┘", "frame"),)
    return Span(f"└{'─' * (dashes + 1)} ", "frame"), *foot, Span(" ─┘", "frame")


def _edge(title: Line, note: Line, columns: int) -> Line:
    ends = 6 + width(title)
    tail = (Span(" "), *note, Span(" ─", "frame")) if note else ()
    if ends + width(tail) > columns:
        tail = ()
    dashes = columns - ends - width(tail)
    if dashes < 0:
        return fit((Span("┌─ ", "frame"), *title, Span(" ─┐", "frame")), columns)
    start = (Span("┌─ ", "frame"), *title, Span(" " + "─" * (dashes + 1), "frame"))
    return (*start, *tail, Span("┐", "frame"))


def beside(left: Block, right: Block) -> Block:
    """Two blocks of the same height in one."""
    return tuple((*one, *other) for one, other in zip(left, right, strict=True))


def below(blocks: Iterable[Block]) -> Block:
    """Blocks of the same width in one."""
    return tuple(chain.from_iterable(blocks))


BRAILLE = 0x2800
"""The first of 256 characters that show eight dots each."""

ASCII = {
    **{ord(char): "+" for char in "┌┐└┘├┤┬┴┼"},
    **{ord(char): "#" for char in "█▉▊▋▌▐▰"},
    **{ord(char): "." for char in "▍▎▏▱"},
    **{BRAILLE + dots: "*" for dots in range(1, 256)},
    BRAILLE: " ",
    **{ord(char): "#" for char in "┃╻╹╽╿▓▀▄"},
    **{ord(char): "|" for char in "╵╷"},
    **{ord(char): ":" for char in "░▒"},
    ord("▲"): "^",
    ord("▼"): "v",
    ord("—"): "-",
    ord("≤"): "<",
    ord("⚠"): "!",
    ord("◆"): "#",
    ord("─"): "-",
    ord("│"): "|",
    ord("●"): "*",
    ord("○"): "o",
    ord("↗"): "/",
    ord("↘"): "\\",
    ord("→"): "-",
    ord("↑"): "^",
    ord("↓"): "v",
    ord("·"): "-",
    ord("✓"): "x",
    ord(ELLIPSIS): "~",
}
"""What stands in where the terminal knows ASCII only."""


def in_ascii(line: Line) -> Line:
    """The line in ASCII, column by column."""
    return tuple(Span(_asciified(span.text), span.style) for span in line)


@lru_cache(maxsize=2048)
def _asciified(text: str) -> str:
    return text.translate(ASCII).encode("ascii", "replace").decode("ascii")
