"""One hunt: a target is given one input after the other until its time is over.

With atheris in the environment (`pip install -r tests/fuzz/requirements.txt`; Linux) an input that
reaches code which none before it has reached is kept and changed further; without it inputs are
changed blindly. What is found is written into the corpus, once for each place that it breaks at.
"""

import importlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

from tests.fuzz.mutations import SIZE_MAX, mutated

CORPUS = Path(__file__).parent / "corpus"

SLOW_SECONDS = 10.0
"""An input that takes longer is a finding, too [processor time]."""

MEMORY_MAX = 8 << 30
"""Address space of a hunt [bytes]; an input that wants more is a finding."""

OPTIONS = (
    *("-timeout=1000000", "-rss_limit_mb=4096", f"-max_len={SIZE_MAX}"),
    *("-report_slow_units=1000000", "-verbosity=0"),
)
"""Of libFuzzer; how long an input takes is watched here, where it shows in which line."""

PACKAGES = ("actors", "domain", "persistence")
"""Code whose reach is watched."""


class Slow(Exception):  # noqa: N818 - it names what the input was
    """An input took so long that it would hold up whoever reads it."""


def atheris_or_none() -> ModuleType | None:
    """The coverage-guided fuzzer, where it is installed."""
    with suppress(ImportError):
        return importlib.import_module("atheris")
    return None


def load(guide: ModuleType | None) -> Any:
    """The targets, imported so that the guide sees what they reach."""
    if guide is None:
        return importlib.import_module("tests.fuzz.targets")
    with guide.instrument_imports(include=list(PACKAGES)):
        return importlib.import_module("tests.fuzz.targets")


class Hunt:
    """Tries inputs on one target and keeps what breaks it.

    Attributes:
        runs: inputs tried.
        found: places where the target broke, with the input's name.
    """

    def __init__(self, name: str, seconds: float, seed: int) -> None:
        self._guide = atheris_or_none()
        self._target = load(self._guide).TARGETS[name]
        self._seed = seed
        self._folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-", dir=_memory()))
        self._room = self._folder / "room"
        self._begun = perf_counter()
        self._end = self._begun + seconds
        self._pool = [*self._target.seeds(), *known(name).values()]
        self._found: dict[str, str] = {}
        self.runs = 0

    def run(self) -> None:
        """Hunt until the time is over, tell what was found, and end the process."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        signal.signal(signal.SIGPROF, _too_slow)
        if self._guide is None:
            while True:
                number = self._seed * 10**9 + self.runs
                start = self._pool[number * 7919 % len(self._pool)]
                self.try_one(mutated(start, self._pool, self._target.head, number))
        inputs = self._folder / "inputs"
        inputs.mkdir()
        for number, data in enumerate(self._pool):
            (inputs / str(number)).write_bytes(data)
        own = (f"-seed={self._seed % 2**32 or 1}", f"-artifact_prefix={self._folder}/")
        arguments = ["fuzz", str(inputs), *OPTIONS, *own]
        self._guide.Setup(
            arguments, self.try_one, custom_mutator=self._mutated, internal_libfuzzer=True
        )
        self._guide.Fuzz()

    def try_one(self, data: bytes) -> None:
        """One input; ends the process when the time is over."""
        if perf_counter() > self._end:
            self._finish()
        self.runs += 1
        error = broken(self._target.check, data, self._room)
        if error is not None and (place := _place(error)) not in self._found:
            self._found[place] = keep(self._target.name, data)
            lines = "".join(traceback.format_exception(error)[-3:])
            sys.stdout.write(f"{self._target.name}: {place}: {self._found[place]}\n{lines}\n")
            sys.stdout.flush()

    def _mutated(self, data: bytes, size: int, seed: int) -> bytes:
        assert self._guide is not None
        if seed % 3 == 0:
            return bytes(self._guide.Mutate(data, size))
        return mutated(data, self._pool, self._target.head, seed)[:size]

    def _finish(self) -> None:
        seconds = perf_counter() - self._begun
        how = "guided" if self._guide else "blind"
        found = f"{len(self._found)} findings" if self._found else "nothing found"
        sys.stdout.write(
            f"{self._target.name:<10} {self.runs:>10,} inputs in {seconds:.0f} s, {how}, "
            f"seed {self._seed}: {found}\n"
        )
        sys.stdout.flush()
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(1 if self._found else 0)  # the guide's loop knows no other end


def broken(check: Callable[[bytes, Path], None], data: bytes, room: Path) -> BaseException | None:
    """What an input broke; None where the target bore it. `room` is emptied before."""
    room.mkdir(exist_ok=True)
    with os.scandir(room) as entries:
        used = any(entries)
    if used:
        shutil.rmtree(room)
        room.mkdir()
    signal.setitimer(signal.ITIMER_PROF, SLOW_SECONDS)
    try:
        check(data, room)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what we look for
        return error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def known(name: str) -> dict[str, bytes]:
    """The inputs that once broke a target, by their names."""
    files = sorted((CORPUS / name).glob("*"))
    return {file.name: file.read_bytes() for file in files}


def keep(name: str, data: bytes) -> str:
    """Write an input into the corpus; returns its name."""
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / sha256(data).hexdigest()[:12]
    file.write_bytes(data)
    return file.name


def _too_slow(_number: int, _frame: object) -> None:
    raise Slow(f"longer than {SLOW_SECONDS:g} s")


def _place(error: BaseException) -> str:
    """Where in our code it broke."""
    frames = traceback.extract_tb(error.__traceback__)
    root = str(Path(__file__).parents[2])
    ours = [frame for frame in frames if frame.filename.startswith(root)]
    if not ours:
        return type(error).__name__
    return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _memory() -> str | None:
    """A folder in memory, where the system has one: thousands of small files a second."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    return str(shared) if os.access(shared, os.W_OK) else None
