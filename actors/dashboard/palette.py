"""How each style looks: two calm dark palettes, in as many colours as the terminal has."""

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
WHITE = (255, 255, 255)
SLATE = (84, 92, 108)
ASH = (104, 108, 116)
BRICK = (190, 72, 72)
BID = (112, 176, 128)
FAN = (150, 168, 220)
FAN_MID = (98, 114, 160)
FAN_WIDE = (66, 78, 112)
VIOLET = (196, 150, 224)

SKY = (86, 180, 233)
VERMILION = (230, 120, 50)
YELLOW = (240, 228, 66)
ROSE = (204, 121, 167)

Palette = dict[Style, Look]

USUAL: Palette = {
    "text": Look(),
    "dim": Look(GREY),
    "strong": Look(effects=("bold",)),
    "frame": Look(SLATE),
    "title": Look(BLUE, effects=("bold",)),
    "good": Look(GREEN),
    "bad": Look(RED),
    "warn": Look(AMBER),
    "accent": Look(BLUE),
    "ask": Look(BRICK),
    "bid": Look(BID),
    "rise": Look(GREEN),
    "fall": Look(RED),
    "fan": Look(FAN),
    "fan-mid": Look(FAN_MID),
    "fan-wide": Look(FAN_WIDE),
    "stale": Look(ASH),
    "tab": Look(GREY),
    "tab-here": Look(INK, BLUE, ("bold",)),
    "badge-live": Look(INK, GREEN, ("bold",)),
    "badge-demo": Look(INK, VIOLET, ("bold",)),
    "badge-replay": Look(INK, BLUE, ("bold",)),
    "badge-alarm": Look(WHITE, BRICK, ("bold",)),
    "badge-note": Look(INK, AMBER),
}

COLOUR_BLIND: Palette = USUAL | {
    "title": Look(WHITE, effects=("bold",)),
    "good": Look(SKY),
    "bad": Look(VERMILION),
    "warn": Look(YELLOW),
    "accent": Look(ROSE),
    "ask": Look(VERMILION),
    "bid": Look(SKY),
    "rise": Look(SKY),
    "fall": Look(VERMILION),
    "tab-here": Look(INK, WHITE, ("bold",)),
    "badge-live": Look(INK, SKY, ("bold",)),
    "badge-demo": Look(INK, ROSE, ("bold",)),
    "badge-replay": Look(INK, WHITE, ("bold",)),
    "badge-alarm": Look(INK, VERMILION, ("bold",)),
    "badge-note": Look(INK, YELLOW),
}
"""After Okabe and Ito, "Color Universal Design" (2008): no pair differs in red and green alone."""

COLOURLESS: dict[Style, tuple[str, ...]] = {
    "strong": ("bold",),
    "title": ("bold",),
    "bad": ("bold",),
    "warn": ("bold",),
    "tab-here": ("reverse",),
    "badge-live": ("reverse",),
    "badge-demo": ("reverse",),
    "badge-replay": ("reverse",),
    "badge-alarm": ("reverse", "bold"),
    "badge-note": ("reverse",),
}
"""The effects that stand in for colour; a style that is not here looks like text."""

BASIC: dict[Colour, int] = {
    INK: 0,
    BRICK: 1,
    RED: 9,
    BID: 2,
    GREEN: 10,
    AMBER: 3,
    YELLOW: 11,
    VERMILION: 3,
    BLUE: 12,
    SKY: 14,
    VIOLET: 13,
    ROSE: 13,
    WHITE: 15,
    GREY: 7,
    SLATE: 8,
    ASH: 8,
    FAN: 6,
    FAN_MID: 4,
    FAN_WIDE: 8,
}
"""What stands in for each colour where there are but sixteen, by hue: the nearest would be grey."""

EFFECTS = {"bold": "1", "reverse": "7"}

CUBE = (0, 95, 135, 175, 215, 255)
"""Steps of each component in the 256-colour cube."""

CUBE_MIDDLES = (47, 115, 155, 195, 235)

EVERY_COLOUR = 1 << 24


def prefixes(colours: int, *, colour_blind: bool = False) -> dict[Style, str]:
    """What makes a terminal of so many colours write in each style; 0 for none."""
    palette = COLOUR_BLIND if colour_blind else USUAL
    return {style: _sequence(_codes(style, look, colours)) for style, look in palette.items()}


def _sequence(codes: list[str]) -> str:
    return f"\x1b[{';'.join(codes)}m" if codes else ""


def _codes(style: Style, look: Look, colours: int) -> list[str]:
    if colours < 8:  # noqa: PLR2004 - fewer than the basic colours are none
        return [EFFECTS[effect] for effect in COLOURLESS.get(style, ())]
    parts = [EFFECTS[effect] for effect in look.effects]
    if look.text is not None:
        parts.append(_colour(look.text, colours, ground=False))
    if look.ground is not None:
        parts.append(_colour(look.ground, colours, ground=True))
    return parts


def _colour(colour: Colour, colours: int, *, ground: bool) -> str:
    """The code of this colour, or of the nearest one that there is."""
    first = "48" if ground else "38"
    if colours >= EVERY_COLOUR:
        return f"{first};2;{colour[0]};{colour[1]};{colour[2]}"
    if colours >= 256:  # noqa: PLR2004
        return f"{first};5;{in_256(colour)}"
    number = in_few(colour, colours)
    base = 40 if ground else 30
    return str(base + number if number < 8 else base + 52 + number)  # noqa: PLR2004 - 8 are bright


def in_256(colour: Colour) -> int:
    """The nearest of the 256 colours: one of the cube or of the greys.

    >>> in_256((255, 0, 0)), in_256((128, 128, 128))
    (196, 244)
    """
    steps = [sum(part > middle for middle in CUBE_MIDDLES) for part in colour]
    cube = (CUBE[steps[0]], CUBE[steps[1]], CUBE[steps[2]])
    grey = min(23, max(0, (sum(colour) // 3 - 3) // 10))
    shade = 8 + 10 * grey
    if _distance(colour, (shade, shade, shade)) < _distance(colour, cube):
        return 232 + grey
    return 16 + 36 * steps[0] + 6 * steps[1] + steps[2]


def in_few(colour: Colour, colours: int) -> int:
    """What stands in among the eight or sixteen basic colours.

    >>> in_few(GREEN, 16), in_few(GREEN, 8), in_few(SLATE, 8)
    (10, 2, 7)
    """
    number = BASIC[colour]
    if colours >= 16 or number < 8:  # noqa: PLR2004
        return number
    return 7 if number == BASIC[SLATE] else number - 8


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
