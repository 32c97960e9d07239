"""How a terminal is given back that a killed program has left behind.

The guardian uses it, so it needs no library; the dashboard takes the terminal with the same words.
"""

import os
import termios
from collections.abc import Callable
from contextlib import suppress

TAKE_WHEEL = "\x1b[?1007s\x1b[?1007h"
"""On a screen of its own the mouse wheel sends arrow keys; the terminal remembers how it was.

Mouse reports are not asked for: they would take the selection of text away from the person.
"""

LEAVE_WHEEL = "\x1b[?1007r"

RESTORE = f"\x1b[?2026l\x1b[0m{LEAVE_WHEEL}\x1b[?7h\x1b[?25h\x1b[?1049l"
"""End the frame, no colours, the wheel, line wrap and the cursor as usual, the screen before."""


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
