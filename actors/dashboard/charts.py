"""Pictures in characters: lines of braille dots, bars of block eighths."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil

from actors.dashboard.lines import BRAILLE, Block, Line, Span, Style

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot of a braille character: four rows of two."""

NO_DOTS = chr(BRAILLE)

EIGHTHS = " ▏▎▍▌▋▊▉█"

Point = tuple[float, float]

Body = tuple[float, float]


_SCATTERED: dict[Style, Callable[[int, int], bool]] = {
    "fan": lambda x, y: (x + y) % 2 == 0,
    "fan-mid": lambda x, y: (x + 2 * y) % 4 == 0,
    "fan-wide": lambda x, y: x % 2 == 0 and y % 4 == x % 4,
}
"""Where a band of this style has its dots: close together or far apart."""

CANDLE = {
    (False, False): " ",
    (True, False): "╵",
    (False, True): "╷",
    (True, True): "│",
}
"""A wick, by whether it is in the upper and in the lower half of a character."""

BODY = {(True, False): "╿", (False, True): "╽", (True, True): "┃"}
"""A body likewise; where only one half has it the other has a wick, or nothing."""

LONE_BODY = {(True, False): "╹", (False, True): "╻"}


class Canvas:
    """A grid of characters, two dots wide and four high each; every character has one style.

    What is drawn later stands above what was drawn before; a line wipes the band it crosses out
    of its characters, so that it stays thin.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.width = 2 * columns
        self.height = 4 * rows
        self._dots = [[BRAILLE] * columns for _ in range(rows)]
        self._styles: list[list[Style]] = [["text"] * columns for _ in range(rows)]

    def copy(self) -> "Canvas":
        """Another one with the same picture."""
        twin = Canvas(self.width // 2, 0)
        twin.height = self.height
        twin._dots = [row.copy() for row in self._dots]
        twin._styles = [row.copy() for row in self._styles]
        return twin

    def dot(self, x: int, y: int, style: Style) -> None:
        """One dot; (0, 0) is at the top left. Outside there is nothing to see."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            return
        row, column = y // 4, x // 2
        if self._dots[row][column] >= BRAILLE:  # else a character stands there
            if style not in _SCATTERED and self._styles[row][column] in _SCATTERED:
                self._dots[row][column] = BRAILLE
            self._dots[row][column] |= DOTS[y % 4][x % 2]
            self._styles[row][column] = style

    def path(self, points: Sequence[Point], style: Style) -> None:
        """A line through the points, left to right."""
        for (x0, y0), (x1, y1) in pairwise(points):
            steps = max(1, ceil(max(abs(x1 - x0), abs(y1 - y0))))
            for step in range(steps + 1):
                part = step / steps
                self.dot(round(x0 + (x1 - x0) * part), round(y0 + (y1 - y0) * part), style)

    def band(self, upper: Sequence[Point], lower: Sequence[Point], style: Style) -> None:
        """Scattered dots between two lines over the same x."""
        for (a, b), (c, d) in zip(pairwise(upper), pairwise(lower), strict=True):
            for x in range(round(a[0]), round(b[0]) + 1):
                part = (x - a[0]) / (b[0] - a[0]) if b[0] > a[0] else 0.0
                top, bottom = a[1] + (b[1] - a[1]) * part, c[1] + (d[1] - c[1]) * part
                for y in range(round(top), round(bottom) + 1):
                    if _SCATTERED[style](x, y):
                        self.dot(x, y, style)

    def put(self, column: int, row: int, char: str, style: Style) -> None:
        """One character in place of whatever dots it stands on."""
        if 0 <= 2 * column < self.width and 0 <= 4 * row < self.height:
            self._dots[row][column] = ord(char)
            self._styles[row][column] = style

    def candle(self, column: int, wick: tuple[float, float], body: Body, style: Style) -> None:
        """One candle: its wick from top to bottom, the body within it, as rows of dots."""
        top, bottom = (round(y / 2) for y in wick)
        upper, lower = (round(y / 2) for y in body)
        for row in range(top // 2, bottom // 2 + 1):
            halves = (2 * row, 2 * row + 1)
            thick = (upper <= halves[0] <= lower, upper <= halves[1] <= lower)
            thin = (top <= halves[0] <= bottom, top <= halves[1] <= bottom)
            self.put(column, row, _candle_part(thick, thin), style)

    def rows(self) -> Block:
        """The picture."""
        return tuple(map(_row, self._dots, self._styles))


def _candle_part(thick: tuple[bool, bool], thin: tuple[bool, bool]) -> str:
    if not any(thick):
        return CANDLE[thin]
    return LONE_BODY[thick] if thick in LONE_BODY and thick == thin else BODY[thick]


def _row(dots: list[int], styles: list[Style]) -> Line:
    """Neighbours of one style in one span."""
    spans: list[Span] = []
    begin = 0
    for end in range(1, len(dots) + 1):
        if end == len(dots) or styles[end] != styles[begin]:
            text = "".join(map(chr, dots[begin:end])).replace(NO_DOTS, " ")
            spans.append(Span(text, styles[begin]))
            begin = end
    return tuple(spans)


def bar(fraction: float, columns: int) -> str:
    """A bar that fills this part of so many columns.

    >>> bar(0.5, 3)
    '█▌ '
    """
    eighths = round(min(1.0, max(0.0, fraction)) * columns * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(columns)


def gauge(done: int, total: int, columns: int) -> str:
    """How far something is.

    >>> gauge(3, 4, 8)
    '▰▰▰▰▰▰▱▱'
    """
    full = columns * max(0, min(done, total)) // total if total > 0 else 0
    return "▰" * full + "▱" * (columns - full)
