"""The real screen in a real pseudo terminal; pyte shows what a person would see."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.dashboard.screen import Screen, speaks_unicode
from actors.terminal import remembered
from tests.actors.dashboard.scenes import Outbox, a_trader
from tests.actors.dashboard.session import ENTERS, LEAVES, Session, a_stage


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def begin(scene: str, **environment: str) -> Session:
        sessions.append(Session(a_stage(scene, tmp_path), **environment))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.close()


def test_screen_follows_the_market_and_q_leaves_a_clean_terminal(
    play: Callable[..., Session],
) -> None:
    session = play("trading")
    session.sees("System: ●DEMO │ Feed: ●STABLE │ Risk: 23%")
    session.sees("BTC/USDT: $43,250.04")
    session.type("q")
    session.sees("A position is open")
    session.type("q")

    last = session.ends()

    assert "asked at the keyboard" in last
    assert session.restored
    assert session.sent.count(b"\x1b[?2026h") == session.sent.count(b"\x1b[?2026l") > 0


def test_p_pauses_and_resumes(play: Callable[..., Session]) -> None:
    session = play("trading")
    session.sees("Bot Decision")
    session.type("p")
    session.sees(" PAUSED ")
    session.type("p")
    session.until(lambda: " PAUSED " not in session.shown)
    session.type("qq")

    last = session.ends()

    assert last.endswith("Pause(on=True) Pause(on=False)")


def test_ctrl_c_reaches_the_program_as_a_signal(play: Callable[..., Session]) -> None:
    session = play("trading")
    session.sees("Bot Decision")
    session.type("\x03")

    last = session.ends()

    assert "interrupted" in last
    assert session.restored


def test_crash_of_the_dashboard_leaves_a_clean_terminal(play: Callable[..., Session]) -> None:
    session = play("crash")

    last = session.ends()

    assert "the screen is broken" in last
    assert session.restored


def test_crash_of_the_screen_s_own_thread_is_a_crash_of_the_dashboard(
    play: Callable[..., Session],
) -> None:
    session = play("torn")

    last = session.ends()

    assert "the painter is broken" in last
    assert session.restored


def test_screen_comes_back_with_the_next_life_of_the_dashboard(
    play: Callable[..., Session],
) -> None:
    session = play("again")
    session.until(lambda: session.sent.count(ENTERS) == 2)
    session.sees("Bot Decision")
    session.type("qq")

    session.ends()

    assert session.sent.count(LEAVES) == 2
    assert session.restored


def test_screen_is_composed_anew_when_the_terminal_changes_its_size(
    play: Callable[..., Session],
) -> None:
    session = play("trading")
    session.sees("└─ Wallet Balance: $10,127.34 USDT                 │")
    session.resize(120, 40)
    session.sees("Equity")
    session.resize(60, 20)
    session.sees("└─ Wallet Balance: $10,127.34 USDT                       │")
    session.resize(40, 10)
    session.sees("needs 60x20, has 40x10")
    session.resize(80, 24)
    session.sees("└─ Wallet Balance: $10,127.34 USDT                 │")
    session.type("qq")

    session.ends()

    assert session.restored


def test_terminal_without_utf_8_gets_ascii_and_no_colour_means_none(
    play: Callable[..., Session],
) -> None:
    session = play("trading", LC_ALL="C", NO_COLOR="1")
    session.sees("System: *DEMO | Feed: *STABLE | Risk: 23%")
    session.type("qq")

    session.ends()

    assert session.sent.isascii()
    assert b"\x1b[38;" not in session.sent
    assert session.restored


VIEWS = {
    "1": "Bot Decision",
    "2": "p up weight",
    "3": "┌─ Pressure",
    "4": "┌─ Orders",
    "5": "┌─ Drawdown guard",
    "6": "┌─ Process",
}

UP, DOWN, PAGE_UP, PAGE_DOWN, HOME = "\x1b[A", "\x1b[B", "\x1b[5~", "\x1b[6~", "\x1b[H"


def test_robot_that_presses_every_key_in_every_view_breaks_nothing(
    play: Callable[..., Session], tmp_path: Path
) -> None:
    session = play("trading")
    session.sees("Bot Decision")
    for key, title in VIEWS.items():
        session.type(key)
        session.sees(title)
        session.type("pptcc" + UP + DOWN + PAGE_UP + PAGE_DOWN + HOME + "\x00\x1bZ~é")
        session.type("?")
        session.sees("┌─ Keys")
        session.type("?s")
        session.sees("kept as")
        session.type("/fill")
        session.sees("/fill▏")
        session.type("\r")
        session.sees("/fill ─┐")
        session.type("/\x1b")
        session.until(lambda: "Esc clears" not in session.shown)
    session.type("q")
    session.sees("q again")
    session.type("x")
    session.until(lambda: "q again" not in session.shown)
    session.type("qq")

    last = session.ends()

    assert session.restored
    assert last.count("Pause(on=True)") == last.count("Pause(on=False)") == len(VIEWS)
    kept = {file.name.split("-")[1] for file in (tmp_path / "reports").glob("*.svg")}
    assert {"overview", "system"} <= kept


def test_storm_of_sizes_ends_in_a_whole_screen(play: Callable[..., Session]) -> None:
    session = play("replay")
    session.sees("Bot Decision")
    for number in range(60):
        session.resize(30 + number * 37 % 190, 5 + number * 13 % 60)
        session.until(lambda: True)
    session.resize(40, 10)
    session.sees("needs 60x20, has 40x10")
    session.resize(80, 24)
    session.sees("6 system")
    session.sees("┌─ Book")

    session.type("qq")

    session.ends()
    assert session.restored


def test_guardian_gives_back_the_terminal_of_a_killed_program(
    play: Callable[..., Session],
) -> None:
    session = play("trading")
    restore = remembered(session.slave, session.slave)
    session.sees("Bot Decision")

    session.kill()
    restore()

    session.until(lambda: LEAVES in session.sent)
    assert session.restored


def test_ctrl_s_does_not_stop_the_screen(play: Callable[..., Session]) -> None:
    session = play("trading")
    session.sees("Bot Decision")
    session.type("\x13")
    session.type("5")
    session.sees("Drawdown guard")
    session.type("qq")

    session.ends()

    assert session.restored


def test_what_is_no_terminal_needs_no_restoring(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        remembered(file.fileno(), file.fileno())()

    assert (tmp_path / "file").read_bytes() == b""


def test_screen_that_was_never_opened_does_nothing() -> None:
    supervisor = Outbox()
    screen = Screen(Outbox(), supervisor)

    screen.draw(a_trader().view)
    screen.fact(b"{}")
    screen.close()

    assert supervisor.told == []


@pytest.mark.parametrize(
    ("environment", "encoding", "answer"),
    [
        ({}, "utf-8", True),
        ({"LANG": "de_DE.UTF-8"}, "UTF-8", True),
        ({"LANG": "C"}, "utf-8", False),
        ({"LC_ALL": "POSIX", "LANG": "en_GB.UTF-8"}, "utf-8", False),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, "utf-8", True),
        ({}, "iso8859-1", False),
        ({}, None, False),
    ],
)
def test_ascii_is_for_whoever_asks_for_it(
    environment: dict[str, str],
    encoding: str | None,
    answer: bool,  # noqa: FBT001
) -> None:
    assert speaks_unicode(environment, encoding) is answer


WHEEL_UP, WHEEL_DOWN = "\x1b[<64;60;10M", "\x1b[<65;60;10M"


def clicks(column: int, row: int) -> str:
    """A left click there, counted from one, as a terminal reports it."""
    return f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"


def test_mouse_scrolls_and_clicks_unless_it_is_left_to_the_terminal(
    play: Callable[..., Session],
) -> None:
    session = play("replay")
    session.sees("Bot Decision")
    assert b"\x1b[?1000;1006h" in session.sent
    session.type(clicks(25, 24))
    session.sees("┌─ Pressure")
    session.sees("│ 12:00:00 ↗")
    session.type(WHEEL_DOWN)
    session.sees("│ 11:59:57 ↗ 43,244.82 0.01200   │\n")
    session.until(lambda: "│ 12:00:00 ↗" not in session.shown)
    session.type(WHEEL_UP)
    session.sees("│ 12:00:00 ↗")
    session.type("m")
    session.until(lambda: b"\x1b[?1000;1006l" in session.sent)
    session.sees("the mouse selects text")
    session.type("qq")

    session.ends()

    assert session.restored
