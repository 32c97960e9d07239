"""What bin/check prints, for a small project of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bin.setup.checks import notable

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "bin/setup").mkdir(parents=True)
    shutil.copy(ROOT / "bin/setup/checks.py", tmp_path / "bin/setup")
    return tmp_path


def check(project: Path, *steps: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, project / "bin/setup/checks.py", *steps],
        capture_output=True,
        check=False,
        text=True,
    )


def test_skipped_tests_are_explained_before_the_summary_of_pytest() -> None:
    output = "..s\nSKIPPED [1] tests/test_tide.py:3: no moon\n=== 2 passed, 1 skipped in 3s ===\n"

    assert notable(output).splitlines() == [
        "SKIPPED [1] tests/test_tide.py:3: no moon",
        "=== 2 passed, 1 skipped in 3s ===",
    ]


def test_failing_check_shows_all_that_it_said(project: Path) -> None:
    (project / "wrong.py").write_text("import os\n")

    done = check(project, "lint")

    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "F401" in done.stdout


def test_unknown_step_is_one_line(project: Path) -> None:
    done = check(project, "lnit")

    assert done.returncode == 2
    assert done.stderr.splitlines() == ["bin/check: no step is called lnit; see bin/check --help"]
