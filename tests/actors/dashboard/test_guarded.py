"""The whole program under its guardian, in a pseudo terminal: nothing leaves a broken terminal."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.dashboard.session import ENTERS, LEAVES, SHOWS_CURSOR, Session
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
