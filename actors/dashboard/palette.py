"""How each style looks: a calm dark palette, and what remains of it without colour."""

from typing import NamedTuple

from actors.dashboard.lines import Style

Colour = tuple[int, int, int]
"""Red, green, blue."""


class Look(NamedTuple):
    """Colour of the text and of its ground, None for the terminal's own; and `bold`, `reverse`."""

    text: Colour | None = None
    ground: Colour | None = None
    effects: tuple[str, ...] = ()


GREEN = (126, 201, 143)
RED = (232, 112, 112)
AMBER = (229, 180, 96)
BLUE = (113, 176, 232)
GREY = (128, 136, 150)
INK = (16, 18, 24)

PALETTE: dict[Style, Look] = {
    "text": Look(),
    "dim": Look(GREY),
    "strong": Look(effects=("bold",)),
    "frame": Look((84, 92, 108)),
    "title": Look(BLUE, effects=("bold",)),
    "good": Look(GREEN),
    "bad": Look(RED),
    "warn": Look(AMBER),
    "accent": Look(BLUE),
    "ask": Look((201, 112, 112)),
    "bid": Look((112, 176, 128)),
    "fan": Look((104, 122, 160)),
    "fan-wide": Look((70, 82, 108)),
    "stale": Look((104, 108, 116)),
    "badge-live": Look(INK, GREEN, ("bold",)),
    "badge-demo": Look(INK, (196, 150, 224), ("bold",)),
    "badge-replay": Look(INK, BLUE, ("bold",)),
    "badge-alarm": Look((255, 255, 255), (190, 48, 48), ("bold",)),
    "badge-note": Look(INK, AMBER),
}

COLOURLESS: dict[Style, tuple[str, ...]] = {
    "strong": ("bold",),
    "title": ("bold",),
    "bad": ("bold",),
    "warn": ("bold",),
    "badge-live": ("reverse",),
    "badge-demo": ("reverse",),
    "badge-replay": ("reverse",),
    "badge-alarm": ("reverse", "bold"),
    "badge-note": ("reverse",),
}
"""The effects that stand in for colour; a style that is not here looks like text."""
