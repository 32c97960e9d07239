"""The guardian, over small programs that die in all the ways a trader can."""

import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.guardian import (
    CRASHES_MAX,
    EXIT_GAVE_UP,
    HEARTBEAT,
    RECOVERED,
    UNTIL,
    Guardian,
    main,
    unguarded,
)
from actors.pulse import Pulse
from actors.terminal import RESTORE
from domain.units import Nanos
from tests.program import ROOT, children, ended, running

SILENCE = 1.0
"""How long a guarded program may say nothing in these tests [s]."""

FIRST = f"import os, sys, signal\nfirst = not os.environ.get('{RECOVERED}')\n"
"""What each program begins with: whether it is the first of its line."""

BEAT = f"os.write(int(os.environ['{HEARTBEAT}']), b'%d\\n' % 77)\n"


class Guarded:
    """A guardian over a program, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.surrendered: list[str] = []
        self._script = folder / "program.py"

    def run(self, program: str, silence: float = SILENCE) -> int:
        self._script.write_text(FIRST + program)
        command = (sys.executable, "-S", str(self._script))
        ears = self.said.append, self.surrendered.append
        return Guardian(command, silence=silence, say=ears[0], surrender=ears[1]).run()


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    monkeypatch.setattr("actors.guardian.DELAYS", (0.0,) * CRASHES_MAX)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    before = {number: signal.getsignal(number) for number in numbers}
    yield Guarded(tmp_path)
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("status", [0, 2, 3, 4])
def test_status_that_the_next_one_would_only_repeat_is_final(guarded: Guarded, status: int) -> None:
    assert guarded.run(f"sys.exit({status})") == status
    assert guarded.said == []


@pytest.mark.parametrize(
    ("death", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("sys.exit(5)", "exit status 5"),
        ("sys.exit(1)", "exit status 1"),
    ],
)
def test_program_that_dies_is_started_again_and_knows_of_what(
    guarded: Guarded, death: str, words: str
) -> None:
    program = f"if first: {death}\nsys.exit(4 if os.environ['{RECOVERED}'] == '{words}' else 9)"

    assert guarded.run(program) == 4
    assert guarded.said == [f"the trader died ({words}) and is started again"]


def test_program_that_stops_beating_is_ended_and_started_again(guarded: Guarded) -> None:
    assert guarded.run(f"if not first: sys.exit(0)\n{BEAT}signal.pause()") == 0
    assert guarded.said == ["the trader died (no sign of life) and is started again"]


def test_program_that_has_not_begun_to_beat_may_take_its_time(guarded: Guarded) -> None:
    looked_at = "for _ in range(50): os.kill(os.getppid(), signal.SIGCHLD)"

    assert guarded.run(looked_at, silence=0.0) == 0
    assert guarded.said == []


def test_end_that_was_given_is_handed_on_to_the_next_one(guarded: Guarded) -> None:
    program = f"{BEAT}if first: sys.exit(5)\nsys.exit(0 if os.environ['{UNTIL}'] == '77' else 3)"

    assert guarded.run(program) == 0


def test_too_many_crashes_are_given_up_with_the_reason(guarded: Guarded) -> None:
    assert guarded.run("sys.exit(5)") == EXIT_GAVE_UP
    assert len(guarded.said) == CRASHES_MAX + 1
    assert "gave up after 6 crashes; the last: exit status 5" in guarded.said[-1]
    assert guarded.surrendered == ["exit status 5"]


def test_signal_is_passed_on_once_and_what_follows_is_final(guarded: Guarded) -> None:
    program = (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
        f"{BEAT}os.kill(os.getppid(), signal.SIGTERM)\nsignal.pause()"
    )

    assert guarded.run(program) == 3
    assert guarded.said == []


def test_program_that_dies_of_the_signal_it_was_sent_has_ended_well(guarded: Guarded) -> None:
    assert guarded.run(f"{BEAT}os.kill(os.getppid(), signal.SIGTERM)\nsignal.pause()") == 0


def test_systemd_hears_when_we_are_ready_and_that_we_live(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(5)
        heard: set[bytes] = set()

        def listen() -> None:
            heard.update(line.recv(100).split(b"\n")[0] for _ in range(2))
            os.kill(os.getpid(), signal.SIGTERM)

        listener = threading.Thread(target=listen)
        listener.start()
        program = f"assert 'NOTIFY_SOCKET' not in os.environ\n{BEAT}signal.pause()"

        assert guarded.run(program) == 0
        listener.join()
    assert heard == {b"READY=1", b"WATCHDOG=1"}


def test_terminal_of_a_trader_that_was_killed_is_handed_back(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        f"{FIRST}import tty\nif not first: sys.exit(0)\ntty.setraw(0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = "import sys; from actors.guardian import Guardian; sys.exit(Guardian(sys.argv[1:]).run())"
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with subprocess.Popen(
        [sys.executable, "-c", run, sys.executable, str(script)],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    ) as process:
        assert process.wait(timeout=20) == 0
        assert termios.tcgetattr(theirs) == before
        assert RESTORE.encode() in os.read(ours, 1000)
    os.close(ours)
    os.close(theirs)


def test_pulse_ends_at_the_time_that_the_last_life_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(UNTIL, "77")

    assert Pulse().ends(Nanos(99)) == 77


def test_pulse_knows_when_its_guardian_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, told = os.pipe()
    monkeypatch.setenv(HEARTBEAT, str(told))
    pulse = Pulse()
    pulse.beat()
    assert os.read(heard, 9) == b"0\n"
    os.close(heard)

    pulse.beat()

    assert pulse.alone
    os.close(told)


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [("--help", True), ("--demo --speed max", True), ("--speed=max", True), ("--speed 9", False)],
)
def test_what_is_over_at_once_or_can_be_run_again_needs_no_guardian(
    arguments: str, *, verdict: bool
) -> None:
    assert unguarded(arguments.split()) is verdict


def test_usage_error_passes_through(monkeypatch: pytest.MonkeyPatch, guarded: Guarded) -> None:
    monkeypatch.setattr(sys, "argv", ["plasmatrader", "--frobnicate"])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert guarded is not None

    assert main() == 2


@pytest.mark.timeout(120)
def test_killed_trader_is_back_and_ctrl_c_still_ends_it_all(tmp_path: Path) -> None:
    arguments = ("--demo", "--headless", "--home", tmp_path)

    with running(*arguments, until="ready", module="actors.guardian") as (process, before):
        (trader,) = children(process.pid)
        os.kill(trader, signal.SIGKILL)
        assert process.stdout is not None
        said = [*before, *iter_until(process.stdout, '"event":"ready"')]
        process.send_signal(signal.SIGINT)
        run = ended(process, said)

    assert run.status == 0
    assert "SIGKILL" in run.err
    assert any("the trader before this one died (SIGKILL)" in x["text"] for x in run.of("note"))
    assert run.names[-1] == "stopped"


@pytest.mark.timeout(120)
def test_hang_up_that_nohup_has_had_ignored_is_ignored(guarded: Guarded, tmp_path: Path) -> None:
    assert guarded is not None
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    arguments = ("--demo", "--headless", "--home", tmp_path)

    with running(*arguments, until="ready", module="actors.guardian") as (process, said):
        (trader,) = children(process.pid)
        for one in (trader, process.pid):
            os.kill(one, signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        run = ended(process, said)

    assert run.status == 0
    assert [event["reason"] for event in run.of("stopping")] == ["SIGINT"]


def iter_until(lines: Iterator[str], words: str) -> Iterator[str]:
    """Lines up to the one that has these words."""
    for line in lines:
        yield line
        if words in line:
            return
