"""A screen as a picture that any browser shows: one text element for each span."""

from html import escape

from actors.dashboard.lines import Block, Span
from actors.dashboard.palette import COLOUR_BLIND, USUAL, Colour, Look

CELL = (8.4, 17)
"""Width and height of a character."""

PAPER: Colour = (18, 20, 26)
PEN: Colour = (214, 218, 226)

FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def as_text(block: Block) -> str:
    """The rows, without what is blank at their ends."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in block)


def as_svg(block: Block, *, colour_blind: bool = False) -> str:
    """The screen as SVG."""
    columns = max((sum(len(span.text) for span in line) for line in block), default=0)
    width, height = columns * CELL[0], len(block) * CELL[1]
    palette = COLOUR_BLIND if colour_blind else USUAL
    box = f'viewBox="0 0 {width:.1f} {height}" font-family="{FONT}" font-size="14"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f'<rect width="100%" height="100%" fill="{_hex(PAPER)}"/>',
    ]
    for row, line in enumerate(block):
        column = 0
        for span in line:
            parts += _span(span, palette[span.style], (column, row))
            column += len(span.text)
    return "\n".join((*parts, "</svg>\n"))


def _span(span: Span, look: Look, place: tuple[int, int]) -> list[str]:
    """The ground as a rectangle, the text without the blanks around it.

    A browser joins blanks that are not unbreakable ones.
    """
    x, y, width = place[0] * CELL[0], place[1] * CELL[1], len(span.text) * CELL[0]
    parts = []
    if look.ground is not None:
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{CELL[1]}" '
            f'fill="{_hex(look.ground)}"/>'
        )
    if text := span.text.strip():
        x += (len(span.text) - len(span.text.lstrip())) * CELL[0]
        shown = escape(text).replace(" ", "\u00a0")
        bold = ' font-weight="bold"' if "bold" in look.effects else ""
        parts.append(
            f'<text x="{x:.1f}" y="{y + 13}" textLength="{len(text) * CELL[0]:.1f}" '
            f'fill="{_hex(look.text or PEN)}"{bold}>{shown}</text>'
        )
    return parts


def _hex(colour: Colour) -> str:
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"
