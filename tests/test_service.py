"""The unit for systemd, judged by systemd itself."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.program import ROOT

UNIT = ROOT / "docs" / "plasmatrader.service"

ANALYZE = shutil.which("systemd-analyze") or ""

EXPOSURE_MAX = 20
"""Of 100 that `systemd-analyze security` gives to a unit without any hardening."""

OFFLINE_FROM = 250
"""The version of systemd that judges a unit which is not loaded."""

pytestmark = pytest.mark.skipif(not ANALYZE, reason="there is no systemd on this machine")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as somebody has set it up who keeps the program where it is now."""
    text = UNIT.read_text().replace("/opt/plasmatrader", str(ROOT))
    file = tmp_path / UNIT.name
    file.write_text(text)
    return file


def analyzed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = (ANALYZE, *map(str, arguments))
    return subprocess.run(command, capture_output=True, check=False, text=True)


def version() -> int:
    found = re.match(r"systemd (\d+)", analyzed("--version").stdout)
    return int(found[1]) if found else 0


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    verified = analyzed("verify", unit)

    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_systemd_would_find_something_wrong(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notified"))

    assert "notified" in analyzed("verify", unit).stderr


def test_unit_leaves_little_open(unit: Path) -> None:
    if version() < OFFLINE_FROM:
        pytest.skip(f"this systemd is older than {OFFLINE_FROM}")

    judged = analyzed("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit)

    assert judged.returncode == 0, judged.stdout
