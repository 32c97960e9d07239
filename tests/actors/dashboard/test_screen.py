"""The real screen in a real pseudo terminal; pyte shows what a person would see."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from time import monotonic

import pyte
import pytest

from actors.dashboard.screen import Screen, speaks_unicode
from tests.actors.dashboard.scenes import Outbox, a_trader

ROOT = Path(__file__).resolve().parents[3]

SECONDS_MAX = 20.0

LEAVES = b"\x1b[?1049l"
SHOWS_CURSOR = b"\x1b[?25h"


class Emulator(pyte.Screen):
    """A terminal that, unlike pyte, does not take a private `r` for margins."""

    def set_margins(
        self, top: int | None = None, bottom: int | None = None, **private: bool
    ) -> None:
        if not private:
            super().set_margins(top, bottom)


class Session:
    """A stage in a pseudo terminal of its own, with somebody in front of it."""

    def __init__(self, scene: str, folder: Path, **environment: str) -> None:
        self.screen = Emulator(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""
        # Blessed asks no questions of a terminal that it knows not to answer.
        known = {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal", "LANG": "C.UTF-8"}
        self._terminal, self._slave = pty.openpty()
        self.resize(80, 24)
        self.before = termios.tcgetattr(self._slave)
        self._child = Popen(
            [sys.executable, "-m", "tests.actors.dashboard.stage", scene, str(folder)],
            cwd=ROOT,
            env=os.environ | known | environment,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )

    def resize(self, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        self.screen.resize(rows, columns)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    @property
    def shown(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, holds: Callable[[], bool]) -> None:
        """Let it run until this holds."""
        end = monotonic() + SECONDS_MAX
        while not holds():
            ready, _, _ = select.select([self._terminal], [], [], 0.05)
            if ready:
                data = os.read(self._terminal, 1 << 16)
                self.sent += data
                self._stream.feed(data)
            assert monotonic() < end, self.sent[-3000:]

    def sees(self, text: str) -> None:
        self.until(lambda: text in self.shown)

    def ends(self) -> str:
        """Wait for the end; the last line that the program wrote."""
        self.until(lambda: LEAVES in self.sent and self.sent.endswith(b"\n"))
        assert self._child.wait(SECONDS_MAX) == 0
        return self.sent.decode().splitlines()[-1]

    @property
    def restored(self) -> bool:
        left, entered = self.sent.rpartition(LEAVES)[0], b"\x1b[?1049h"
        return (
            entered in left
            and self.sent.rindex(SHOWS_CURSOR) > self.sent.rindex(b"\x1b[?25l")
            and termios.tcgetattr(self._slave) == self.before
        )

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        os.close(self._terminal)
        os.close(self._slave)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def begin(scene: str, **environment: str) -> Session:
        sessions.append(Session(scene, tmp_path, **environment))
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


def test_screen_that_was_never_opened_does_nothing() -> None:
    supervisor = Outbox()
    screen = Screen(Outbox(), supervisor)

    screen.draw(a_trader().view())
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
