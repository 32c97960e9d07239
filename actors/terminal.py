"""How a terminal is given back that a killed program has left behind, and what its loss means.

The guardian uses it, so it needs no library; the dashboard takes the terminal with the same words.
"""

import os
import signal
import termios
from collections.abc import Callable, Iterable
from contextlib import suppress

MOUSE = (1000, 1006)
"""The terminal's modes in which it reports clicks and the wheel, at any column."""

RESTORE = "\x1b[?2026l\x1b[0m\x1b[?1000;1006l\x1b[?7h\x1b[?25h\x1b[?1049l"
"""End the frame, no colours, the mouse, line wrap and the cursor as usual, the screen before."""


def heeded(numbers: Iterable[signal.Signals]) -> tuple[signal.Signals, ...]:
    """These signals; not SIGHUP where whoever started us has had it ignored: `nohup` means it."""
    deaf = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return tuple(number for number in numbers if not (deaf and number == signal.SIGHUP))


def remembered(keyboard: int, screen: int) -> Callable[[], None]:
    """Remember the terminal as it is; what comes back makes it so again, after whatever end.

    For a process that outlives the one that draws.

    Args:
        keyboard: descriptor of the input, whose modes are remembered.
        screen: descriptor of the output.
    """
    modes = termios.tcgetattr(keyboard) if os.isatty(keyboard) else None

    def restore() -> None:
        """Give it back; a terminal that is gone needs nothing any more."""
        with suppress(OSError, termios.error):
            if os.isatty(screen):
                os.write(screen, RESTORE.encode("ascii"))
            if modes is not None:
                termios.tcsetattr(keyboard, termios.TCSANOW, modes)

    return restore
