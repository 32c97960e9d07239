"""A person in front of a real pseudo terminal in which a program of ours runs."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import Popen
from time import monotonic

import pyte

from tests.actors.dashboard.emulator import Emulator

ROOT = Path(__file__).resolve().parents[3]

SECONDS_MAX = 120.0
"""How long a test waits on a busy machine before it gives up [s]."""

LEAVES = b"\x1b[?1049l"
ENTERS = b"\x1b[?1049h"
SHOWS_CURSOR = b"\x1b[?25h"


def a_stage(scene: str, folder: Path) -> tuple[str, ...]:
    """The command that plays this scene."""
    return (sys.executable, "-m", "tests.actors.dashboard.stage", scene, str(folder))


class Session:
    """A program in a pseudo terminal of its own, with somebody in front of it."""

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        self.screen = Emulator(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""
        # Blessed asks no questions of a terminal that it knows not to answer.
        known = {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal", "LANG": "C.UTF-8"}
        self._terminal, self.slave = pty.openpty()
        self.resize(80, 24)
        self.before = termios.tcgetattr(self.slave)
        self._child = Popen(
            command,
            cwd=ROOT,
            env=os.environ | known | environment,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
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

    @property
    def ended(self) -> bool:
        return self._child.poll() is not None

    def ends(self) -> str:
        """Wait for the end; the last line that the program wrote."""
        self.until(lambda: self.ended)
        assert self._child.wait() == 0
        self.until(lambda: not self._more())
        return self.sent.decode().splitlines()[-1]

    def _more(self) -> bool:
        return bool(select.select([self._terminal], [], [], 0)[0])

    @property
    def restored(self) -> bool:
        left = self.sent.rpartition(LEAVES)[0]
        return (
            ENTERS in left
            and self.sent.rindex(SHOWS_CURSOR) > self.sent.rindex(b"\x1b[?25l")
            and termios.tcgetattr(self.slave) == self.before
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    def hang_up(self) -> int:
        """Close the terminal under the program, as the end of ssh does; its exit status."""
        os.close(self._terminal)
        self._terminal = os.open(os.devnull, os.O_RDONLY)
        return self._child.wait(SECONDS_MAX)

    def kill(self) -> None:
        """End the program as it ends by `kill -9`."""
        self._child.kill()
        self._child.wait()

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        os.close(self._terminal)
        os.close(self.slave)
