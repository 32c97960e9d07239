"""The trader as its user runs it: a guarded process of its own that says one event a line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import IO, Any, Self

from actors.guardian import ALERT_URLS
from actors.validation.meter import Sample, sample

ROOT = Path(__file__).parents[2]

COMMAND = (sys.executable, "-P", "-S", "-m", "actors.guardian")
"""What `bin/plasmatrader` starts."""

STOP_SECONDS_MAX = 60.0
"""A guardian ends a trader that does not end by itself after 40 s."""

SILENCE_SECONDS_MAX = 300.0
"""A program that has said nothing for so long says nothing any more; ingestion may take 300 s."""

LOOK_SECONDS = 1.0
"""How often memory and processor are looked at."""

DIED = "the trader died"
"""What the guardian says of a trader that it has to start again."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event, and when its line came, by our own clock [s]."""

    at: float
    event: dict[str, Any]

    @property
    def name(self) -> str:
        """The event's name."""
        return str(self.event["event"])


class Program:
    """One run of the program, what it has said, and what it took.

    `heard`, `words` (lines of standard error with their time) and `samples` only ever grow. It is
    to be left as a context: whatever happens, no process stays behind.
    """

    def __init__(
        self, arguments: Sequence[str], home: Path, command: Sequence[str] = COMMAND
    ) -> None:
        self.heard: list[Heard] = []
        self.words: list[tuple[float, str]] = []
        self.samples: list[Sample] = []
        self.status: int | None = None
        self.begun = monotonic()
        self._home = home
        self._looked = self.begun
        self._over = False
        self._lines: Queue[tuple[float, bytes]] = Queue()
        self._process = _started((*command, *arguments, "--headless", "--home", str(home)))
        self._threads = (self._reads(self._hear_line), self._reads(self._hear_words, error=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.status is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._end()

    @property
    def trader(self) -> int | None:
        """The process that trades, which the guardian has started; None where there is none."""
        try:
            owner = int((self._home / "lock").read_text(encoding="utf-8"))
            os.kill(owner, 0)
        except (OSError, ValueError):
            return None
        return owner

    def of(self, name: str) -> list[Heard]:
        """The events of one name so far."""
        return [heard for heard in self.heard if heard.name == name]

    def hear(self, name: str, seconds: float) -> Heard | None:
        """The next event of this name; None where none comes within this time."""
        due, known = monotonic() + seconds, len(self.heard)
        self.listen(lambda: any(x.name == name for x in self.heard[known:]), due)
        return next((x for x in self.heard[known:] if x.name == name), None)

    def listen(self, enough: Callable[[], bool], due: float) -> bool:
        """Hear events until there are enough of them, or nothing more is to be expected.

        Args:
            enough: asked after each event.
            due: when to stop at the latest, by our own clock [s].

        Returns:
            Whether there are enough.
        """
        spoke = monotonic()
        while not (done := enough()):
            now = monotonic()
            if self._over or now > due or now - spoke > SILENCE_SECONDS_MAX:
                return False
            self._look(now)
            try:
                at, line = self._lines.get(timeout=min(LOOK_SECONDS, max(due - now, 0.01)))
            except Empty:
                continue
            if not line:
                self._over = True
                return enough()
            spoke = at
            self._take(at, line)
        return done

    def kill_trader(self) -> float | None:
        """End the trader as the kernel does when memory runs out; returns when [s]."""
        trader = self.trader
        if trader is None:
            return None
        os.kill(trader, signal.SIGKILL)
        return monotonic()

    def died(self, since: float) -> float | None:
        """When the guardian found a trader dead after this moment [s]; None where it has not."""
        return next((at for at, words in self.words if at >= since and DIED in words), None)

    def stop(self) -> int:
        """Ctrl+C, and hear all that is said until the end; returns the exit status."""
        if self._process.poll() is None:
            self._look(monotonic(), now_or_never=True)
            self._process.send_signal(signal.SIGINT)
        self.listen(lambda: False, monotonic() + STOP_SECONDS_MAX)
        return self._end()

    def _end(self) -> int:
        try:
            self.status = self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self.status = self._process.wait()
        for thread in self._threads:
            thread.join(STOP_SECONDS_MAX)
        return self.status

    def _look(self, now: float, *, now_or_never: bool = False) -> None:
        if now - self._looked < LOOK_SECONDS and not now_or_never:
            return
        self._looked = now
        found = sample(now, self._process.pid, self.trader)
        if found is not None:
            self.samples.append(found)

    def _take(self, at: float, line: bytes) -> None:
        event = decoded(line)
        if event is not None:
            self.heard.append(Heard(at, event))

    def _reads(self, take: Callable[[bytes], None], *, error: bool = False) -> Thread:
        pipe = self._process.stderr if error else self._process.stdout
        assert pipe is not None
        thread = Thread(target=_read, args=(pipe, take), daemon=True)
        thread.start()
        return thread

    def _hear_line(self, line: bytes) -> None:
        self._lines.put((monotonic(), line))

    def _hear_words(self, line: bytes) -> None:
        if line:
            self.words.append((monotonic(), line.decode(errors="replace").rstrip()))


def decoded(line: bytes) -> dict[str, Any] | None:
    """The event in a line; None where there is none that is whole.

    A trader that was killed may leave half a line, and the next one's first goes on in it.

    >>> decoded(b'{"at":"2026-01-01T00:0{"at":"2026-01-02T00:00:00.000Z","event":"note"}')
    {'at': '2026-01-02T00:00:00.000Z', 'event': 'note'}
    """
    whole = line[max(line.rfind(b'{"at":'), 0) :]
    try:
        event = json.loads(whole)
    except ValueError:
        return None
    return event if isinstance(event, dict) and {"at", "event"} <= set(event) else None


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """A process in a session of its own: Ctrl+C is our affair, and its deaths alert nobody."""
    kept = {name: value for name, value in os.environ.items() if name != ALERT_URLS}
    return subprocess.Popen(  # noqa: S603 - our own program
        command,
        env={**kept, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _read(pipe: IO[bytes], take: Callable[[bytes], None]) -> None:
    """Every line, and an empty one at the end."""
    with pipe:
        for line in pipe:
            take(line)
    take(b"")
