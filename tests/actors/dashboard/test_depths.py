"""The whole screen as a terminal shows it, in every depth of colour, cell by cell."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyte
import pytest
from blessed import Terminal

from actors.dashboard.desk import Desk, Page
from actors.dashboard.layout import compose
from actors.dashboard.lines import Block
from actors.dashboard.palette import EVERY_COLOUR, prefixes
from actors.dashboard.screen import Canvas
from actors.dashboard.view import View
from tests.actors.dashboard.emulator import Emulator
from tests.actors.dashboard.scenes import busy
from tests.actors.dashboard.test_layout import SCENES, USAGE

DEPTHS = (0, 8, 16, 256, EVERY_COLOUR)

Look = tuple[str, str, bool, bool]
"""Colour of the text, of its ground, bold, reversed."""


Draw = Callable[[Canvas], None]


class Paper:
    """A terminal that writes into a file, which is shown when all is written."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = file
        self._set = monkeypatch.setenv
        monkeypatch.delenv("NO_COLOR", raising=False)
        self._set("LC_ALL", "C.UTF-8")

    def shows(self, size: tuple[int, int], colours: int, draw: Draw) -> Emulator:
        """What stands on a screen of this size and depth when all this is drawn."""
        for name, value in zip(("COLUMNS", "LINES"), size, strict=True):
            self._set(name, str(value))
        with self._file.open("w", encoding="utf-8") as stream:
            terminal = Terminal(kind="xterm-256color", stream=stream, force_styling=True)
            terminal.number_of_colors = colours
            draw(Canvas(terminal))
        screen = Emulator(*size)
        pyte.ByteStream(screen).feed(self._file.read_bytes())
        return screen


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paper:
    return Paper(tmp_path / "sent", monkeypatch)


@cache
def look(prefix: str) -> Look:
    """How a character is shown after these codes, as the emulator understands them."""
    screen = pyte.Screen(2, 1)
    pyte.Stream(screen).feed(f"{prefix}x")
    return _look(screen, 0, 0)


def _look(screen: pyte.Screen, row: int, column: int) -> Look:
    cell = screen.buffer[row][column]
    return cell.fg, cell.bg, cell.bold, cell.reverse


def wanted(block: Block, colours: int, *, blind: bool) -> list[list[tuple[str, Look]]]:
    """Each cell of each row: its character and its look."""
    styles = prefixes(colours, colour_blind=blind)
    return [
        [(char, look(styles[span.style])) for span in line for char in span.text] for line in block
    ]


def cells(screen: Emulator) -> list[list[tuple[str, Look]]]:
    return [
        [
            (screen.buffer[row][column].data, _look(screen, row, column))
            for column in range(screen.columns)
        ]
        for row in range(screen.lines)
    ]


STATES = [*SCENES, *(page for page in Page)]


def state(name: str) -> tuple[View, Desk]:
    if name in SCENES:
        return SCENES[name]().view(), Desk()
    return busy().view(), Desk(page=Page(name), usage=USAGE)


@pytest.mark.parametrize("colours", DEPTHS)
@pytest.mark.parametrize("name", STATES)
def test_terminal_shows_each_state_as_composed_in_every_depth(
    paper: Paper, name: str, colours: int
) -> None:
    view, desk = state(name)
    size = (80, 24) if colours else (60, 20)

    screen = paper.shows(size, colours, lambda canvas: canvas.draw(view, desk, 0.0))

    assert cells(screen) == wanted(compose(view, desk, size), colours, blind=False)


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("size", [(120, 40), (200, 60), (40, 8)])
def test_terminal_shows_each_size_and_palette_as_composed(
    paper: Paper,
    size: tuple[int, int],
    blind: bool,  # noqa: FBT001
) -> None:
    view, desk = busy().view(), Desk(colour_blind=blind)

    screen = paper.shows(size, EVERY_COLOUR, lambda canvas: canvas.draw(view, desk, 0.0))

    assert cells(screen) == wanted(compose(view, desk, size), EVERY_COLOUR, blind=blind)


@pytest.mark.parametrize("colours", DEPTHS)
def test_frame_after_frame_the_screen_shows_the_newest(paper: Paper, colours: int) -> None:
    states = [state(name) for name in ("demo", "lost", "halted", "market", "risk", "demo")]

    def play(canvas: Canvas) -> None:
        for second, (view, desk) in enumerate(states):
            canvas.draw(view, desk, float(second))

    screen = paper.shows((80, 24), colours, play)

    assert cells(screen) == wanted(compose(*states[-1], (80, 24)), colours, blind=False)
