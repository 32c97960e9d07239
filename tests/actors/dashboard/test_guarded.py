"""The whole program under its guardian, in a pseudo terminal: nothing leaves a broken terminal."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from tests.actors.dashboard.session import (
    ENTERS,
    LEAVES,
    ROOT,
    SECONDS_MAX,
    SHOWS_CURSOR,
    Session,
)
from tests.actors.dashboard.tmux import MISSING, Tmux
from tests.program import children

SAID = b"the trader died (SIGKILL) and is started again"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Session]:
    command = (sys.executable, "-m", "actors.guardian", "--demo", "--home", str(tmp_path))
    session = Session(command)
    yield session
    session.close()


def test_trader_killed_under_its_guardian_leaves_a_clean_terminal_and_comes_back(
    guarded: Session,
) -> None:
    guarded.sees("System: ●DEMO")

    (trader,) = children(guarded.pid)
    os.kill(trader, signal.SIGKILL)
    guarded.until(lambda: guarded.sent.count(ENTERS) == 2)

    between = guarded.sent.partition(SAID)[0]
    assert between.rindex(LEAVES) > between.rindex(ENTERS)
    assert between.rindex(SHOWS_CURSOR) > between.rindex(b"\x1b[?25l")
    guarded.sees("System: ●DEMO")
    guarded.type("qq")
    guarded.ends()
    assert guarded.restored


def test_signal_to_the_guardian_ends_in_a_clean_terminal(guarded: Session) -> None:
    guarded.sees("System: ●DEMO")

    os.kill(guarded.pid, signal.SIGTERM)

    guarded.ends()
    assert guarded.restored


def logged(home: Path) -> str:
    """All that stands in its log."""
    return "".join(file.read_text() for file in (home / "log").glob("*.jsonl"))


def test_terminal_that_goes_away_ends_it_in_order(guarded: Session, tmp_path: Path) -> None:
    guarded.sees("System: ●DEMO")

    assert guarded.hang_up() == 0

    assert '"reason":"the terminal is gone"' in logged(tmp_path)
    assert '"event":"stopped"' in logged(tmp_path)


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_end_of_the_terminal_s_server_ends_it_in_order(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = (sys.executable, "-m", "actors.guardian", "--demo", "--home", str(home))
    terminal = Tmux(command, tmp_path, (80, 24))
    terminal.sees("System: ●DEMO")

    terminal.close()

    until(lambda: '"event":"stopped"' in logged(home))


def until(holds: Callable[[], bool]) -> None:
    """Wait for what must come."""
    end, pause = monotonic() + SECONDS_MAX, Event()
    while not holds():
        assert monotonic() < end
        pause.wait(0.05)


def test_first_frame_needs_nothing_of_the_house() -> None:
    heavy = {"actors.system", "jsonschema", "numpy", "pyarrow", "torch"}
    program = f"import sys, actors.dashboard.curtain; sys.exit(bool({heavy} & set(sys.modules)))"
    done = subprocess.run((sys.executable, "-c", program), cwd=ROOT, check=False)

    assert done.returncode == 0


def test_start_that_fails_says_why_on_the_terminal_as_it_was(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.touch()
    session = Session((sys.executable, "-m", "actors", "--demo", "--home", str(home)))

    session.until(lambda: session.ended and b"plasmatrader: " in session.sent)

    assert session.sent.rindex(b"plasmatrader: ") > session.sent.rindex(LEAVES)
    assert session.restored
    session.close()
