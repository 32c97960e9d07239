"""A robot user in a real terminal, tmux."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.actors.dashboard.session import a_stage
from tests.actors.dashboard.tmux import MISSING, Tmux

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

VIEWS = {
    "1": "System: ●DEMO",
    "2": "p up weight",
    "3": "┌─ Pressure",
    "4": "┌─ Orders",
    "5": "┌─ Drawdown guard",
    "6": "┌─ Process",
}

HARMLESS = (
    *"ptctm",
    *("Up", "Down", "PPage", "NPage", "Home", "End", "Left", "Right", "Tab", "Enter", "Escape"),
    *("BSpace", "DC", "F1", "C-l", "é", "~", "Space"),
    *"m?",
)
"""Keys that leave the view as it is, but for those that do nothing at all."""

QUIT = "asked at the keyboard"


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Tmux]]:
    terminals: list[Tmux] = []

    def begin(scene: str, size: tuple[int, int] = (80, 24)) -> Tmux:
        terminals.append(Tmux(a_stage(scene, tmp_path), tmp_path, size))
        return terminals[-1]

    yield begin
    for terminal in terminals:
        terminal.close()


def whole(terminal: Tmux, title: str, size: tuple[int, int]) -> bool:
    """Whether a view stands in this size, from its banner to its tabs."""
    shown = terminal.shown
    lines = shown.splitlines()
    fits = len(lines) == size[1] and max(map(len, lines)) <= size[0]
    return fits and title in shown and " 6 system" in lines[-1]


def left_clean(terminal: Tmux) -> bool:
    """Whether it is as it was: its own screen, a cursor, wrapped lines, no mouse for others."""
    flags = "alternate_on", "cursor_flag", "wrap_flag", "mouse_standard_flag", "mouse_sgr_flag"
    return terminal.asked(*flags) == ["0", "1", "1", "0", "0"]


def test_robot_in_tmux_presses_every_key_in_every_view(play: Callable[..., Tmux]) -> None:
    terminal = play("trading")
    for key, title in VIEWS.items():
        terminal.type(key)
        terminal.sees(title)
        terminal.type(*HARMLESS)
        terminal.sees("┌─ Keys")
        terminal.type("?", "p", "s")
        terminal.sees("kept as")
        terminal.type("/", "o", "r", "d", "e", "r")
        terminal.sees("/order▏")
        terminal.type("Enter", "Escape")
        terminal.until(lambda: "/order" not in terminal.shown)
    for size in ((120, 40), (200, 60)):
        terminal.resize(*size)
        for key, title in VIEWS.items():
            terminal.type(key)
            terminal.until(partial(whole, terminal, title, size))

    terminal.type("q")
    terminal.sees("q again")
    terminal.type("q")
    terminal.sees("ended with 0")
    assert QUIT in terminal.shown
    assert left_clean(terminal)


def test_storm_of_sizes_in_tmux_ends_in_a_whole_screen(play: Callable[..., Tmux]) -> None:
    terminal = play("replay")
    terminal.sees("System: ●REPLAY")

    for number in range(40):
        terminal.type(str(number % 6 + 1))
        terminal.resize(20 + number * 37 % 200, 3 + number * 13 % 70)
    terminal.resize(59, 19)
    terminal.sees("needs 60x20, has 59x19")
    terminal.resize(80, 24)
    terminal.type("1")
    terminal.sees("┌─ Equity")

    lines = terminal.shown.splitlines()
    assert len(lines) == 24
    assert lines[1].startswith("┌─ PlasmaTrader")
    assert lines[-1].startswith(" 1 overview 2 forecast")
    assert all(line[0] in "┌│└" and line[-1] in "┐│┘" for line in lines[1:-1])


@pytest.mark.parametrize("scene", ["crash", "torn"])
def test_crash_leaves_a_clean_terminal_in_tmux(play: Callable[..., Tmux], scene: str) -> None:
    terminal = play(scene)

    terminal.sees("ended with 0")
    assert "stopped ChildDied" in terminal.shown
    assert left_clean(terminal)
