import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.dashboard.fold import Fold
from actors.dashboard.headless import BATCH, Headless
from actors.messages import StopRequested
from tests.actors.dashboard.scenes import Outbox

ROOT = Path(__file__).resolve().parents[3]


def test_lines_are_written_on_the_next_tick() -> None:
    reader, writer = os.pipe()
    display = Headless(Outbox(), writer)

    display.open()
    display.fact(b"one")
    display.fact(b"two")
    display.draw(Fold().view)

    assert os.read(reader, 100) == b"one\ntwo\n"
    os.close(reader)
    os.close(writer)


def test_many_lines_do_not_wait_for_a_tick() -> None:
    reader, writer = os.pipe()
    display = Headless(Outbox(), writer)

    display.fact(b"x" * (BATCH - 1))

    assert len(os.read(reader, 2 * BATCH)) == BATCH
    os.close(reader)
    os.close(writer)


def test_closed_pipe_asks_once_to_stop_and_is_quiet_from_then_on() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    supervisor = Outbox()
    display = Headless(supervisor, writer)

    for _ in range(2):
        display.fact(b"line")
        display.draw(Fold().view)
    display.close()

    assert supervisor.told == [StopRequested("standard output is closed")]
    os.close(writer)


def test_full_disk_behind_standard_output_stops_nothing() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    supervisor = Outbox()
    display = Headless(supervisor, full)

    display.fact(b"line")
    display.close()

    assert supervisor.told == []
    os.close(full)


def test_pipe_that_somebody_made_non_blocking_loses_no_line() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    child = subprocess.Popen(["/bin/sh", "-c", "wc -c"], stdin=reader, stdout=subprocess.PIPE)
    os.close(reader)
    display = Headless(Outbox(), writer)

    for _ in range(10):
        display.fact(b"x" * 99_999)
    display.close()
    os.close(writer)

    assert child.communicate(timeout=10)[0].strip() == b"1000000"


def test_program_whose_standard_output_is_closed_is_asked_to_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supervisor = Outbox()
    monkeypatch.setattr(sys, "stdout", None)

    display = Headless(supervisor)
    display.open()
    display.fact(b"line")
    display.close()

    assert supervisor.told == [StopRequested("standard output is closed")]


def test_reader_that_leaves_early_sees_no_traceback() -> None:
    program = (
        "from actors.dashboard import Headless\n"
        "from tests.actors.dashboard.scenes import Outbox\n"
        "display = Headless(Outbox())\n"
        "display.open()\n"
        "for _ in range(99_999): display.fact(b'line')\n"
        "display.close()\n"
    )

    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -c "$0" | head -n 1', program],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
        timeout=30,
    )

    assert (done.stdout, done.stderr) == ("line\n", "")
