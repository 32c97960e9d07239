"""The guardian: a small parent process that starts the trader again whenever it dies.

It runs on the standard library's core alone, so that it stays small and has nothing to die of. The
trader writes to a pipe each second; where that stops, or the process ends as it must not, the next
one starts. Start and recovery are one code path, so that is all it takes.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from time import monotonic

from actors.terminal import heeded, remembered

HEARTBEAT = "PLASMATRADER_HEARTBEAT"
"""Variable that names the pipe to the guardian."""

UNTIL = "PLASMATRADER_UNTIL"
"""Variable with the market time at which a program that was given --for ends [ns]."""

RECOVERED = "PLASMATRADER_RECOVERED"
"""Variable that says what the last trader died of."""

SILENCE_SECONDS_MAX = 60.0
"""A trader that has been silent for so long is stuck."""

STOP_SECONDS_MAX = 40.0
"""A trader that was asked to end must have ended by then; it takes 30 s at most by itself."""

ABORT_SECONDS = 5.0
"""How long a stuck trader is given to write down where it is stuck."""

ASLEEP_SECONDS = 5.0
"""Who has not looked for so long was suspended, and the trader with it."""

CRASHES_MAX = 5
CRASHES_SECONDS = 600.0
"""More crashes than that within this time are no accident any more."""

DELAYS = (0.2, 1.0, 2.0, 4.0, 8.0)
"""How long to wait before the next trader, by the crashes of late [s]."""

ALERT_URLS = "PLASMATRADER_ALERT_URL"
"""Variable with URLs like those of --alert-url: a command line can be read by everybody."""

CALL_SECONDS_MAX = 15.0
"""How long it may take to tell that we have given up."""

FINAL = frozenset((0, 2, 3, 4))
"""Exit statuses that the next trader would only repeat."""

EXIT_GAVE_UP = 5

FORWARDED = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


class Systemd:
    """Tells systemd how we are, where it wants to know; elsewhere nothing happens."""

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")

    def notify(self, text: str) -> None:
        """One message, e.g. READY=1."""
        if not self._address:
            return
        import socket  # noqa: PLC0415 - a megabyte that only a service needs

        address = self._address.replace("@", "\0", 1)
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(text.encode(), address)


class Guardian:
    """Starts the trader, watches it, and starts the next one, until an end is meant."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        silence: float = SILENCE_SECONDS_MAX,
        say: Callable[[str], None] | None = None,
        surrender: Callable[[str], None] | None = None,
    ) -> None:
        self._command = tuple(command)
        self._surrender = surrender
        self._silence = silence
        self._say = say or _say
        self._restore_terminal = remembered(0, 1)
        self._systemd = Systemd()
        self._until = b"0"
        self._wished: float | None = None
        self._crashes: list[float] = []
        self._wake, wake = os.pipe()
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in heeded((*FORWARDED, signal.SIGCHLD)):
            signal.signal(number, _only_wake)

    def run(self) -> int:
        """The exit status, once there is nothing left to guard."""
        died = ""
        while self._wished is None:
            status, stuck = self._watch(*self._started(died))
            if status < 0 or status not in FINAL:
                self._restore_terminal()
            if self._wished is not None:
                return 0 if -status in FORWARDED else max(status, 0) or EXIT_GAVE_UP * (status < 0)
            if status in FINAL:
                return status
            died = stuck or _in_words(status)
            if not self._goes_on(died):
                return EXIT_GAVE_UP
        return 0

    def _started(self, died: str) -> tuple[int, int]:
        """A new trader: its process, and the pipe on which we hear it."""
        heard, told = os.pipe()
        os.set_inheritable(told, True)  # noqa: FBT003
        os.set_blocking(heard, False)
        environment = {**os.environ, HEARTBEAT: str(told), UNTIL: self._until.decode()}
        if died:
            environment[RECOVERED] = died
        process = os.posix_spawn(self._command[0], self._command, environment)
        os.close(told)
        return process, heard

    def _goes_on(self, died: str) -> bool:
        """Whether there is a next trader, after a pause."""
        now = monotonic()
        self._crashes = [at for at in self._crashes if now - at < CRASHES_SECONDS] + [now]
        if len(self._crashes) > CRASHES_MAX:
            self._say(f"gave up after {len(self._crashes)} crashes; the last: {died}")
            if self._surrender is not None:
                self._surrender(died)
            return False
        self._say(f"the trader died ({died}) and is started again")
        self._systemd.notify(f"STATUS=recovering: {died}")
        due = now + DELAYS[len(self._crashes) - 1]
        while self._wished is None and (left := due - monotonic()) > 0:
            select.select([self._wake], [], [], left)
            self._hear_signals(None)
        return True

    def _watch(self, process: int, heard: int) -> tuple[int, str]:
        """Its exit status (minus the signal that killed it), and why we ended it, if we did."""
        last, looked, stuck = None, monotonic(), ""
        ears = [self._wake, heard]
        while True:
            ready, _, _ = select.select(ears, [], [], 1.0)
            now = monotonic()
            if last is not None and now - looked > ASLEEP_SECONDS:
                last = now
            looked = now
            self._hear_signals(process)
            if heard in ready:
                if self._hear_beat(heard, first=last is None):
                    last = now
                else:
                    ears.remove(heard)
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                os.close(heard)
                return os.waitstatus_to_exitcode(status), stuck
            self._systemd.notify("WATCHDOG=1")
            stuck = self._end_if_stuck(process, last, now) or stuck

    def _end_if_stuck(self, process: int, last: float | None, now: float) -> str:
        """End a trader that says nothing, or does not end; returns why."""
        late = 0.0 if last is None else now - last - self._silence
        if self._wished is not None:
            late = max(late, now - self._wished - STOP_SECONDS_MAX)
        if late <= 0:
            return ""
        # The first signal lets it write down where it hangs; the second one lets it do nothing.
        os.kill(process, signal.SIGABRT if late < ABORT_SECONDS else signal.SIGKILL)
        return "no sign of life"

    def _hear_signals(self, process: int | None) -> None:
        """Pass on what we are told; that the trader ended is found out by asking."""
        try:
            numbers = os.read(self._wake, 64)
        except BlockingIOError:
            return
        for number in numbers:
            if number in FORWARDED:
                self._wished = self._wished or monotonic()
                self._systemd.notify("STOPPING=1")
                if process is not None:
                    os.kill(process, number)

    def _hear_beat(self, heard: int, *, first: bool) -> bool:
        """Whether the trader lives; false where it has closed the pipe."""
        text = os.read(heard, 4096)
        if not text:
            return False
        if first:
            self._systemd.notify("READY=1\nSTATUS=trading")
        lines = text.split(b"\n")
        if len(lines) > 1:
            self._until = lines[-2]
        return True


def unguarded(arguments: Sequence[str]) -> bool:
    """Whether this run is over before a guardian is of use, or is exact and can be run again."""
    if {"-h", "--help", "--version", "--speed=max"} & set(arguments):
        return True
    return ("--speed", "max") in pairwise(arguments)


def main() -> int:
    """Run the trader with these arguments, guarded; returns the exit status."""
    arguments = sys.argv[1:]
    safely = ("-P",) if sys.flags.safe_path else ()
    command = (sys.executable, *safely, "-m", "actors", *arguments)
    if unguarded(arguments):
        os.execv(command[0], command)  # noqa: S606 - our own program
    return Guardian(command, surrender=lambda died: _call(command, died)).run()


def _call(command: Sequence[str], died: str) -> None:
    """Have whoever --alert-url names told that nobody trades any more: no trader can."""
    place = command.index("-m")
    interpreter, arguments = command[:place], command[place + 2 :]
    if ALERT_URLS not in os.environ and not any(x.startswith("--alert-url") for x in arguments):
        return
    caller = (*interpreter, "-m", "actors.dashboard.telemetry", died, *arguments)
    process = os.posix_spawn(caller[0], caller, os.environ)
    until = monotonic() + CALL_SECONDS_MAX
    while not os.waitpid(process, os.WNOHANG)[0]:
        if monotonic() > until:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return
        select.select([], [], [], 0.1)


def _only_wake(_number: int, _frame: object) -> None:
    """The number is written to the pipe that we wait on."""


def _in_words(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"plasmatrader: {text}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
