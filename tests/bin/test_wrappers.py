"""The commands in bin/ as real processes, from the first start to a changed requirement."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bin.installation import Installation, an_installation, heard


@pytest.fixture
def fresh(tmp_path: Path) -> Installation:
    """Never started."""
    return an_installation(tmp_path)


@dataclass(frozen=True, slots=True)
class FirstStart:
    """A first start and what came of it; tests take copies."""

    installation: Installation
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> FirstStart:
    installation = an_installation(tmp_path_factory.mktemp("first"))
    return FirstStart(installation, installation.run("plasmatrader", "--demo"))


@pytest.fixture
def complete(first_start: FirstStart) -> Installation:
    """Its environment is complete; only to be looked at."""
    return first_start.installation


@pytest.fixture
def changeable(first_start: FirstStart, tmp_path: Path) -> Installation:
    """A complete one that a test may break."""
    shutil.copytree(first_start.installation.folder, tmp_path, dirs_exist_ok=True, symlinks=True)
    return Installation(tmp_path)


@pytest.fixture
def stuck(changeable: Installation) -> Iterator[subprocess.Popen[str]]:
    """A start in the middle of an update: pip asks a registry that never answers."""
    changeable.require("anvil==1.1")
    with socket.create_server(("127.0.0.1", 0)) as registry:
        registry.settimeout(30)
        index = f"http://127.0.0.1:{registry.getsockname()[1]}"
        process = changeable.start("plasmatrader", PIP_NO_INDEX="", PIP_INDEX_URL=index)
        connection, _ = registry.accept()
        with connection:
            yield process


def test_first_start_makes_the_environment_and_then_runs_the_command(
    first_start: FirstStart,
) -> None:
    done = first_start.done

    assert done.returncode == 0, done.stderr
    assert heard(done).arguments == ["--demo"]
    assert "anvil==1.0" in heard(done).packages
    assert "making .venv" in done.stderr


def test_second_start_does_not_come_near_the_set_up(changeable: Installation) -> None:
    (changeable.root / "bin/setup/environment.py").write_text("raise SystemExit('came here')")

    done = changeable.run("plasmatrader")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "name",
    [
        "plasmatrader",
        "pt-backtest",
        "pt-evaluate",
        "pt-report",
        "pt-state",
        "pt-train",
        "pt-validate",
    ],
)
def test_command_gets_every_argument_as_it_was_given(complete: Installation, name: str) -> None:
    arguments = ["--for", "3m", "two words", "", "*", "$HOME", "'", '"', "-P"]

    assert heard(complete.run(name, *arguments)).arguments == arguments


def test_exit_status_of_the_program_is_that_of_the_command(complete: Installation) -> None:
    assert complete.run("pt-state", "5").returncode == 5


def test_command_works_in_the_folder_where_it_was_called(
    complete: Installation, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()

    assert heard(complete.run("plasmatrader", cwd=elsewhere)).folder == str(elsewhere)


def test_module_in_the_callers_folder_does_not_take_the_place_of_ours(
    complete: Installation, tmp_path: Path
) -> None:
    for name in ("actors", "json", "venv"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")

    assert complete.run("plasmatrader", cwd=tmp_path).returncode == 0


def test_command_is_found_through_links(complete: Installation, tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(complete.command("pt-state"))
    (tmp_path / "second").symlink_to("first")

    done = complete.run_path(tmp_path / "second", "dump")

    assert heard(done).arguments == ["dump"]


def test_two_first_starts_at_once_make_one_environment(fresh: Installation) -> None:
    both = [fresh.start("plasmatrader"), fresh.start("pt-state")]

    said = [process.communicate()[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("making .venv" in text for text in said) == [False, True]
    assert sorted("waiting for it" in text for text in said) == [False, True]


def test_start_after_a_killed_one_finishes_the_work(
    changeable: Installation, stuck: subprocess.Popen[str]
) -> None:
    os.killpg(stuck.pid, signal.SIGKILL)
    stuck.communicate()

    done = changeable.run("plasmatrader")

    assert done.returncode == 0, done.stderr
    assert "anvil==1.1" in heard(done).packages


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_set_up_says_so_in_one_line(
    stuck: subprocess.Popen[str], how: signal.Signals
) -> None:
    stuck.send_signal(how)

    told, said = stuck.communicate()

    assert stuck.returncode == 1
    assert told == ""
    assert said.splitlines()[-1].endswith("interrupted; the next start goes on from here.")
    assert "Traceback" not in said


def test_package_that_was_written_in_part_is_made_anew(changeable: Installation) -> None:
    module = changeable.site_packages() / "anvil.py"
    module.write_text("")
    (changeable.root / ".venv/complete-run").unlink()

    assert changeable.run("plasmatrader").returncode == 0

    assert module.read_text() == "version = '1.0'\n"


def test_environment_whose_python_is_gone_is_made_anew(changeable: Installation) -> None:
    python = changeable.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")

    done = changeable.run("plasmatrader")

    assert done.returncode == 0, done.stderr
    assert "making .venv" in done.stderr


def test_changed_requirements_update_the_environment(changeable: Installation) -> None:
    changeable.require("anvil==1.1")

    done = changeable.run("plasmatrader")

    assert "anvil==1.1" in heard(done).packages
    assert "making .venv" not in done.stderr


def test_failing_pip_shows_its_last_lines_and_the_way_out(changeable: Installation) -> None:
    changeable.require("anvil==9.9")

    done = changeable.run("plasmatrader")

    assert (done.returncode, done.stdout) == (1, "")
    assert "No matching distribution found for anvil==9.9" in done.stderr
    assert "then run this again" in done.stderr.splitlines()[-1]


def test_start_after_a_failed_one_is_not_taken_for_complete(changeable: Installation) -> None:
    changeable.require("anvil==9.9")

    statuses = [changeable.run("plasmatrader").returncode for _ in range(2)]

    assert statuses == [1, 1]


def test_folder_that_cannot_be_written_is_one_line(fresh: Installation) -> None:
    (fresh.root / ".venv.lock").mkdir()

    done = fresh.run("plasmatrader")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert ".venv.lock" in done.stderr


@pytest.mark.parametrize(
    ("answer", "said"), [("3.9.6", "python3 3.9.6"), ("3.12.1 without venv", "without venv")]
)
def test_python_that_will_not_do_is_named_in_one_line(
    fresh: Installation, answer: str, said: str
) -> None:
    python = fresh.tools / "python3"
    python.unlink()
    python.write_text(f"#!/bin/sh\necho '{answer}'\n")
    python.chmod(0o755)

    done = fresh.run("plasmatrader")

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_missing_python_is_one_line(fresh: Installation) -> None:
    (fresh.tools / "python3").unlink()

    done = fresh.run("plasmatrader")

    assert done.returncode == 2
    assert done.stderr.startswith("PlasmaTrader needs Python 3.11 or newer")
    assert "found none" in done.stderr


def test_only_check_adds_what_tests_need(changeable: Installation) -> None:
    without = heard(changeable.run("pt-train")).packages
    with_tools = heard(changeable.run("check")).packages

    assert "tongs==1.0" not in without
    assert "tongs==1.0" in with_tools
