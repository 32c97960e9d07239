"""Makes the virtual environment beside bin/, or brings it up to date, then becomes the command.

    environment.py run|check ARGUMENT...

`environment.sh` comes here only if the environment is not complete. This runs on the standard
library alone, speaks on standard error alone, and can be killed at any moment: a stamp is taken
away before the first change and written after the last one, so the next start finishes the work.
"""

import csv
import fcntl
import os
import platform
import queue
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "bin" / "setup"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / ".venv.lock"
CONSTRAINTS = SETUP / "constraints.txt"

TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
"""On Linux the default torch brings gigabytes of CUDA; this index has the CPU build."""

TORCH_INDEX_SECONDS_MAX = 5

TAIL_LINES = 15

STILL_ALIVE_SECONDS = 10
"""How long we are silent at most where nobody sees the line change under their eyes."""

PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")

STAGES = ("Building", "Collecting", "Downloading", "Installing", "Preparing")
"""How the lines begin by which pip says what it does now."""

WAY_OUT = (
    "Check the network, pip's configuration and the space on the disk, then run this again:"
    " it goes on where it stopped."
)


class SetupFailedError(Exception):
    """The environment is not complete; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Packages that are there as a whole, or not."""

    requirements: Path
    stamp: Path

    @property
    def wanted(self) -> bytes:
        """All that the set-up reads for this layer; its copy is the stamp."""
        return self.requirements.read_bytes() + CONSTRAINTS.read_bytes()

    @property
    def complete(self) -> bool:
        """Whether the set-up came to its end with what is wanted now."""
        return self.stamp.is_file() and self.stamp.read_bytes() == self.wanted


RUN = Layer(ROOT / "requirements.txt", VENV / "complete-run")
CHECK = Layer(SETUP / "requirements-check.txt", VENV / "complete-check")
LAYERS = {"run": (RUN,), "check": (RUN, CHECK)}


def main() -> NoReturn:
    """Make what is missing, then become the command."""
    name, *command = sys.argv[1:]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with locked() as lock:
            Setup(lock).complete(LAYERS[name])
    except KeyboardInterrupt:
        sys.exit("PlasmaTrader: set-up interrupted; the next start goes on from here.")
    except SetupFailedError as failure:
        sys.exit(f"PlasmaTrader: {failure}")
    except OSError as error:
        sys.exit(f"PlasmaTrader: the set-up cannot write its files: {error}")
    os.execv(PYTHON, [str(PYTHON), "-P", *command])  # noqa: S606 - it is the command itself


@contextmanager
def locked() -> Iterator[int]:
    """Hold the only right to change the environment. The kernel takes it back from the dead."""
    with LOCK.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is making the environment; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


@dataclass(frozen=True, slots=True)
class Setup:
    """The steps of a set-up.

    Attributes:
        lock: what each child inherits, so that one which outlives us still keeps others out.
    """

    lock: int

    def complete(self, layers: Sequence[Layer]) -> None:
        """Do what is not done yet."""
        if PYTHON.exists() and all(layer.complete for layer in layers):
            return
        broken, sound = mend(), self._sound()
        if broken or not sound:
            for stamp in (RUN.stamp, CHECK.stamp):
                stamp.unlink(missing_ok=True)
        if not sound:
            self._make()
        for layer in layers:
            if not layer.complete:
                self._install(layer)
        say("the environment is complete.")

    def _sound(self) -> bool:
        """Whether there is an environment with a Python and a pip that run."""
        if not PYTHON.exists() or not any(site_packages("pip-*.dist-info")):
            return False
        probe = "import sys, pip._internal.cli.main; sys.exit(sys.version_info < (3, 11))"
        return self._run([PYTHON, "-I", "-c", probe]).returncode == 0

    def _make(self) -> None:
        say(f"making .venv with Python {platform.python_version()}; once, some minutes.")
        made = self._run([sys.executable, "-I", "-m", "venv", "--clear", VENV])
        if made.returncode != 0:
            raise SetupFailedError(f"python -m venv failed:\n{made.stdout.strip()}")

    def _install(self, layer: Layer) -> None:
        say(f"installing what {layer.requirements.relative_to(ROOT)} names.")
        layer.stamp.unlink(missing_ok=True)
        wanted = layer.wanted
        self._install_torch_for_cpu(layer)
        self._pip("-r", str(layer.requirements))
        fresh = layer.stamp.with_suffix(".new")
        fresh.write_bytes(wanted)
        fresh.replace(layer.stamp)

    def _install_torch_for_cpu(self, layer: Layer) -> None:
        torch = next(
            (line for line in _lines(layer.requirements) if line.startswith("torch==")), ""
        )
        installed = any(site_packages(f"{torch.replace('==', '-')}*.dist-info"))
        if not torch or installed or sys.platform != "linux" or os.environ.get("PIP_NO_INDEX"):
            return
        if not answers(f"{TORCH_INDEX}/torch/"):
            say(f"{TORCH_INDEX} does not answer; taking torch from the configured registry.")
            return
        try:
            self._pip("--no-deps", "--index-url", TORCH_INDEX, torch)
        except SetupFailedError as failure:
            say(f"{failure}\nAsking the configured registry for {torch} instead.")

    def _pip(self, *arguments: str) -> None:
        with subprocess.Popen(
            [PYTHON, "-I", "-m", "pip", "install", *PIP_OPTIONS, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[self.lock],
        ) as pip:
            assert pip.stdout is not None
            try:
                last = follow(pip.stdout)
            except BaseException:  # Ctrl+C too: pip must not go on by itself
                pip.terminate()
                raise
        if pip.returncode != 0:
            raise SetupFailedError(
                "\n    ".join(("pip failed; its last lines are:", *last, WAY_OUT))
            )

    def _run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[self.lock],
        )


def _lines(requirements: Path) -> list[str]:
    return requirements.read_text().splitlines()


def site_packages(pattern: str) -> Iterator[Path]:
    """What lies in the environment's site-packages."""
    return VENV.glob(f"lib/python3*/site-packages/{pattern}")


def mend() -> bool:
    """Take away the records of packages that are there in part, so that pip makes them anew.

    Pip believes a package to be installed once its record's folder exists; whoever is killed
    in the middle of an installation leaves such a folder with files missing or short.
    """
    broken = [folder for folder in site_packages("*.dist-info") if not intact(folder)]
    for folder in (*broken, *site_packages("~*")):
        shutil.rmtree(folder, ignore_errors=True)
    return bool(broken)


def intact(folder: Path) -> bool:
    """Whether each file of an installed package is there in its full size."""
    record = folder / "RECORD"
    if not record.is_file():
        return False
    with record.open(newline="") as rows:
        for path, _hash, size in csv.reader(rows):
            file = folder.parent / path
            if size and not (file.is_file() and file.stat().st_size == int(size)):
                return False
    return True


def answers(url: str) -> bool:
    """Whether something useful is served there."""
    try:
        with urllib.request.urlopen(url, timeout=TORCH_INDEX_SECONDS_MAX):  # noqa: S310 - https
            return True
    except urllib.error.URLError as error:
        # Pip has certificates of its own and may succeed where this Python does not.
        return isinstance(error.reason, ssl.SSLError)
    except OSError:
        return False


def say(text: str) -> None:
    """Tell the person who waits; standard output belongs to the command."""
    print(f"PlasmaTrader: {text}", file=sys.stderr, flush=True)


def follow(output: IO[str]) -> list[str]:
    """Show how far a program is, from what it prints, until it ends; return its last lines."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(output, lines), daemon=True).start()
    progress, seen = Progress(), [""]
    try:
        while (line := _next(lines)) is not None:
            seen = [*seen[1 - TAIL_LINES :], line] if line else seen
            progress.show(seen[-1])
    finally:
        progress.end()
    return [line for line in seen if line]


def _next(lines: "queue.SimpleQueue[str | None]") -> str | None:
    """The next line; an empty one after a second without any; None at the end."""
    try:
        return lines.get(timeout=1)
    except queue.Empty:
        return ""


def _read(output: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    for line in output:
        lines.put(line.rstrip())
    lines.put(None)


class Progress:
    """One line that changes in a terminal; a line now and then elsewhere."""

    def __init__(self) -> None:
        self._begun = self._shown = time.monotonic()
        self._stage = "Starting pip"
        self._moving = sys.stderr.isatty()

    def show(self, line: str) -> None:
        """Show the seconds gone and what is going on."""
        now = time.monotonic()
        if line.startswith(STAGES):
            self._stage = line.partition(" (from ")[0]
        if line.startswith("Installing collected packages"):
            self._stage = f"Installing {line.count(',') + 1} packages"
        text = f"{now - self._begun:4.0f} s  {self._stage}"
        if self._moving:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{text[:width]}", end="", file=sys.stderr, flush=True)
        elif now - self._shown >= STILL_ALIVE_SECONDS:
            self._shown = now
            print(text[:100], file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clear the line that changes."""
        if self._moving:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
