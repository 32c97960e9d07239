"""Colours by depth: as codes, and as a terminal emulator takes them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pyte
import pytest
from blessed import Terminal

from actors.dashboard.desk import Desk, Page
from actors.dashboard.layout import compose
from actors.dashboard.lines import Style
from actors.dashboard.palette import COLOUR_BLIND, EVERY_COLOUR, USUAL, prefixes
from actors.dashboard.screen import Canvas
from actors.dashboard.svg import as_text
from actors.dashboard.view import View
from tests.actors.dashboard.emulator import Emulator
from tests.actors.dashboard.scenes import busy

DEPTHS = (0, 8, 16, 256, EVERY_COLOUR)

BUSY = busy().view()


@pytest.mark.parametrize("colours", DEPTHS)
@pytest.mark.parametrize("colour_blind", [False, True])
def test_every_style_has_a_look_in_every_depth(colours: int, *, colour_blind: bool) -> None:
    looks = prefixes(colours, colour_blind=colour_blind)

    assert set(looks) == set(get_args(Style))
    assert all(re.fullmatch(r"(\x1b\[[\d;]+m)?", look) for look in looks.values())
    assert len({looks["good"], looks["bad"]}) == 2


def test_no_colour_means_effects_alone() -> None:
    assert set(prefixes(0).values()) == {"", "\x1b[1m", "\x1b[7m", "\x1b[7;1m"}


def test_colour_blind_palette_tells_gain_from_loss_by_blue() -> None:
    def blue(style: Style) -> int:
        colour = COLOUR_BLIND[style].text
        return 0 if colour is None else colour[2]

    for gain, loss in (("good", "bad"), ("rise", "fall"), ("bid", "ask")):
        assert blue(gain) - blue(loss) > 100  # type: ignore[arg-type]
        assert USUAL[gain] != COLOUR_BLIND[gain]  # type: ignore[index]


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal of 80x24 that writes into a file."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in (("LC_ALL", "C.UTF-8"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    with (tmp_path / "sent").open("w", encoding="utf-8") as stream:
        yield Terminal(kind="xterm-256color", stream=stream, force_styling=True)


def drawn(terminal: Terminal, colours: int, view: View, desk: Desk) -> Emulator:
    """What a terminal of so many colours shows."""
    terminal.number_of_colors = colours
    canvas = Canvas(terminal)
    canvas.draw(view, desk, 0.0)
    emulator = Emulator(80, 24)
    pyte.ByteStream(emulator).feed(Path(terminal.stream.name).read_bytes())
    canvas.close()
    return emulator


@pytest.mark.parametrize("page", list(Page))
@pytest.mark.parametrize("colours", DEPTHS)
def test_terminal_shows_the_same_text_in_every_depth(
    terminal: Terminal, page: Page, colours: int
) -> None:
    desk = Desk(page=page)

    emulator = drawn(terminal, colours, BUSY, desk)

    shown = "".join(row.rstrip() + "\n" for row in emulator.display)
    assert shown == as_text(compose(BUSY, desk, (80, 24)))
    named = {colour for colour in emulator.colours() if not re.fullmatch("[0-9a-f]{6}", colour)}
    if colours == 0:
        assert emulator.colours() == {"default"}
    elif colours <= 16:
        assert emulator.colours() == named != {"default"}
    else:
        assert named == {"default"}
