"""A copy of bin/ in a folder of its own, with packages so small that no registry is needed."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ECHO = """
import glob, importlib.metadata, json, os, sys
# the guardian runs without site-packages, so they are looked up where they are
environment = os.path.dirname(os.path.dirname(sys.executable))
folders = glob.glob(os.path.join(environment, "lib", "python3*", "site-packages"))
found = importlib.metadata.distributions(path=folders)
packages = sorted(f"{d.name}=={d.version}" for d in found)
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "packages": packages}))
sys.exit(int(sys.argv[-1]) if sys.argv[-1].isdigit() else 0)
"""

TOOLS = ("cat", "cmp", "readlink")
"""All that a wrapper needs besides the shell."""


@dataclass(frozen=True, slots=True)
class Echo:
    """What our stand-in for a program saw."""

    arguments: list[str]
    folder: str
    packages: list[str]


@dataclass(frozen=True, slots=True)
class Installation:
    """PlasmaTrader in `folder / "a root"`; its programs only say how they were called."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "a root"

    @property
    def tools(self) -> Path:
        """The one folder on PATH."""
        return self.folder / "tools"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": str(self.tools),
            "HOME": str(self.folder),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": (self.folder / "wheels").as_uri(),
            "PIP_NO_INDEX": "1",
        }

    def command(self, name: str) -> Path:
        return self.root / "bin" / name

    def run(self, name: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return self.run_path(self.command(name), *arguments, cwd=cwd)

    def run_path(
        self, path: Path, *arguments: str, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [path, *arguments],
            capture_output=True,
            check=False,
            cwd=cwd,
            env=self.environment,
            text=True,
        )

    def start(self, name: str, **environment: str) -> subprocess.Popen[str]:
        """Run a command beside us, as the head of its own process group."""
        return subprocess.Popen(
            [self.command(name)],
            env=self.environment | environment,
            start_new_session=True,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def require(self, *packages: str) -> None:
        (self.root / "requirements.txt").write_text("\n".join((*packages, "")))

    def site_packages(self) -> Path:
        return next((self.root / ".venv").glob("lib/python3*/site-packages"))


def an_installation(folder: Path) -> Installation:
    """One that was never started."""
    installation = Installation(folder)
    root = installation.root
    shutil.copytree(ROOT / "bin", root / "bin", ignore=shutil.ignore_patterns("__pycache__"))
    setup = root / "bin" / "setup"
    setup.joinpath("constraints.txt").write_text("# nothing to add\n")
    setup.joinpath("requirements-check.txt").write_text("tongs==1.0\n")
    setup.joinpath("checks.py").write_text(ECHO)
    installation.require("anvil==1.0")
    programs = (
        *("actors/guardian.py", "actors/forecast/train.py", "actors/forecast/evaluate.py"),
        "actors/backtest/__main__.py",
        *("actors/validation/__main__.py", "persistence/__main__.py"),
        "persistence/report/__main__.py",
    )
    for program in programs:
        file = root / program
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ECHO)
    for package in ("anvil", "tongs"):
        for version in ("1.0", "1.1"):
            _make_wheel(folder / "wheels", package, version)
    _make_tools(installation.tools)
    return installation


def heard(done: subprocess.CompletedProcess[str]) -> Echo:
    """What the program saw, if it alone wrote to standard output."""
    return Echo(**json.loads(done.stdout))


def _make_tools(tools: Path) -> None:
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    (tools / "python3").symlink_to(base)


def _make_wheel(folder: Path, package: str, version: str) -> None:
    folder.mkdir(exist_ok=True)
    record = f"{package}-{version}.dist-info"
    files = {
        f"{package}.py": f"version = {version!r}\n",
        f"{record}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
        f"{record}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    listing = "".join(f"{name},{_sha256(text)},{len(text)}\n" for name, text in files.items())
    files[f"{record}/RECORD"] = f"{listing}{record}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{package}-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def _sha256(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
