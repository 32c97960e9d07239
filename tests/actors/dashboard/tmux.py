"""A person in front of a real terminal: tmux, a server of its own for each."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from time import monotonic

from tests.actors.dashboard.session import ROOT, SECONDS_MAX

TMUX = shutil.which("tmux") or ""

MISSING = "" if TMUX else "there is no tmux on this machine"
"""Why there are no such terminals here."""


AND_THEN = ("sh", "-c", '"$@"; echo "ended with $?"; exec cat', "sh")
"""Runs the program and says how it ended; the pane stays to be looked at."""


class Tmux:
    """A program in a pane without a window; keys go in, the screen comes out."""

    def __init__(self, command: Sequence[str], folder: Path, size: tuple[int, int]) -> None:
        self._socket = folder / "tmux"
        columns, rows = size
        settings = folder / "tmux.conf"
        settings.write_text("set -g default-terminal screen-256color\n")
        size_ = ("-x", str(columns), "-y", str(rows))
        self._ask(
            "-f", str(settings), "new-session", "-d", *size_, "-c", str(ROOT), *AND_THEN, *command
        )
        self._ask("set-option", "window-size", "manual")

    def type(self, *keys: str) -> None:
        """Press keys, by tmux's names or as they are."""
        self._ask("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._ask("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def shown(self) -> str:
        """What a person sees."""
        return self._ask("capture-pane", "-p")

    def asked(self, *names: str) -> list[str]:
        """What tmux knows of the pane, such as `cursor_flag`."""
        form = " ".join(f"#{{{name}}}" for name in names)
        return self._ask("display-message", "-p", form).split()

    def until(self, holds: Callable[[], bool], seconds: float = SECONDS_MAX) -> None:
        """Let it run until this holds, for so long at most."""
        end, pause = monotonic() + seconds, Event()
        while not holds():
            assert monotonic() < end, self.shown
            pause.wait(0.02)

    def sees(self, text: str) -> None:
        self.until(lambda: text in self.shown)

    def close(self) -> None:
        command = (TMUX, "-S", str(self._socket), "kill-server")
        subprocess.run(command, capture_output=True, check=False)

    def _ask(self, *arguments: str) -> str:
        done = subprocess.run(
            (TMUX, "-u", "-S", str(self._socket), *arguments),
            capture_output=True,
            check=True,
            text=True,
            env={**os.environ, "LANG": "C.UTF-8"},
        )
        return done.stdout
