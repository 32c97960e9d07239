import os
import sys
from pathlib import Path
from time import monotonic

import pytest

from actors.guardian import ALERT_URLS
from actors.validation.meter import sample
from actors.validation.program import COMMAND, Program, _started, decoded

FAKE = (sys.executable, "-c")
LINE = '{"at":"2026-01-01T00:00:00.000Z","event":"%s"}'


def saying(*names: str, status: int = 0) -> str:
    """A program that says these events and ends."""
    lines = "".join(LINE % name + "\n" for name in names)
    return f"import sys; sys.stdout.write({lines!r}); sys.exit({status})"


def a_program(script: str, home: Path) -> Program:
    return Program((), home, (*FAKE, script))


def test_events_are_heard_in_their_order_up_to_the_end(tmp_path: Path) -> None:
    with a_program(saying("starting", "ready", "stopped", status=3), tmp_path) as program:
        ready = program.hear("ready", 30)
        nothing = program.hear("ready", 30)
        status = program.stop()

    assert ready is not None
    assert nothing is None
    assert status == 3
    assert [heard.name for heard in program.heard] == ["starting", "ready", "stopped"]


def test_program_that_is_left_while_it_runs_is_ended(tmp_path: Path) -> None:
    sleeps = "import signal; print(1); signal.pause()"

    with a_program(sleeps, tmp_path) as program:
        assert not program.listen(lambda: False, monotonic() + 0.1)

    assert program.status == -9


def test_what_stands_on_standard_error_is_kept_with_its_time(tmp_path: Path) -> None:
    words = "import sys; sys.stderr.write('plasmatrader: the trader died (SIGKILL)\\n')"

    with a_program(words, tmp_path) as program:
        program.listen(lambda: False, monotonic() + 30)
        program.stop()

    at = program.died(program.begun)
    assert at is not None
    assert program.died(at + 0.001) is None


def test_trader_is_who_holds_the_lock_if_there_is_such_a_process(tmp_path: Path) -> None:
    with a_program(saying(), tmp_path) as program:
        before = program.trader
        (tmp_path / "lock").write_text("1\n")
        owner = program.trader
        (tmp_path / "lock").write_text("4194305\n")
        gone = program.trader

    assert (before, owner, gone) == (None, 1, None)


@pytest.mark.parametrize("line", [b"", b"{", b'{"at":"2026-01-01', b"[1]", b'{"event":"note"}'])
def test_line_that_is_no_event_is_none(line: bytes) -> None:
    assert decoded(line) is None


def test_command_is_what_the_wrapper_starts() -> None:
    wrapper = (Path(__file__).parents[3] / "bin" / "plasmatrader").read_text()

    assert "start run -S -m actors.guardian" in wrapper
    assert COMMAND[1:] == ("-P", "-S", "-m", "actors.guardian")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
def test_sample_adds_up_what_both_processes_take() -> None:
    one, both = sample(1.0, os.getpid(), None), sample(1.0, os.getpid(), os.getpid())

    assert one is not None
    assert both is not None
    assert one.resident > 2**20
    assert one.peak >= one.resident > one.private > 0
    assert both.resident == pytest.approx(2 * one.resident, rel=0.1)
    assert both.processor > one.processor > 0


def test_process_that_is_gone_has_no_sample() -> None:
    assert sample(1.0, 4194305, None) is None


def test_traders_that_are_killed_on_purpose_alert_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALERT_URLS, "https://host/secret")

    with _started(("sh", "-c", f"echo ${{{ALERT_URLS}-nobody}}")) as process:
        said, _ = process.communicate(timeout=10)

    assert said == b"nobody\n"
