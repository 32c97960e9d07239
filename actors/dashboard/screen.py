"""The terminal: the only file that touches it."""

import atexit
import os
import sys
import termios
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from threading import Event, Thread, current_thread
from time import monotonic

from blessed import Terminal

from actors.actor import Mailbox
from actors.dashboard.diff import changes
from actors.dashboard.layout import compose
from actors.dashboard.lines import Block, Line, Style, in_ascii
from actors.dashboard.palette import COLOURLESS, PALETTE
from actors.dashboard.view import View
from actors.messages import Pause, RiskInbox, StopRequested, SupervisorInbox

FRAME_SECONDS = 0.2
"""Least time between two frames: five a second are calm, and more than anybody reads.

Frames are for eyes, so their clock has nothing to do with market time.
"""

REPAINT_SECONDS = 10.0
"""After so long everything is drawn again: whatever others wrote on the screen is gone."""

KEY_SECONDS = 0.2
"""How long the keyboard is waited for before we look whether to end."""

ESCAPE_SECONDS = 0.05
"""How long we wait for the rest of a key that begins with Escape."""

BEGIN_FRAME, END_FRAME = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronised output; a terminal that does not know it shows the frame as it comes."""


def speaks_unicode(environment: Mapping[str, str], encoding: str | None) -> bool:
    """Whether the terminal shows more than ASCII.

    Python makes UTF-8 of the locales C and POSIX, so what the user has set counts first.
    """
    said = environment.get("LC_ALL") or environment.get("LANG") or ""
    if said in ("C", "POSIX"):
        return False
    return "utf" in (encoding or "").lower().replace("-", "")


def _terminal() -> Terminal:
    """The terminal of standard output.

    Blessed takes NO_COLOR for a wish to have no terminal at all; we mean colour alone by it.
    """
    wish = os.environ.pop("NO_COLOR", None)
    try:
        return Terminal()
    finally:
        if wish is not None:
            os.environ["NO_COLOR"] = wish


class Screen:
    """Shows the newest `View` in the terminal and listens to the keyboard."""

    def __init__(
        self,
        risk: Mailbox[RiskInbox],
        supervisor: Mailbox[SupervisorInbox],
        *,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._risk = risk
        self._supervisor = supervisor
        self._seconds = seconds
        self._canvas: Canvas | None = None
        self._keyboard: Thread | None = None
        self._closing = Event()
        self._paused = False

    def open(self) -> None:
        """Take the terminal: an empty screen of our own, no cursor, every key at once."""
        if self._canvas is not None:
            return
        self._canvas = Canvas(_terminal())
        atexit.register(self.close)
        self._closing.clear()
        if sys.stdin is not None and sys.stdin.isatty():
            arguments = (self._canvas.terminal,)
            self._keyboard = Thread(
                target=self._listen, args=arguments, name="keyboard", daemon=True
            )
            self._keyboard.start()

    def fact(self, line: bytes) -> None:
        """Facts reach the screen by the view."""

    def draw(self, view: View) -> None:
        """Show the view, unless another was shown a moment ago."""
        if self._canvas is None:
            return
        try:
            self._canvas.draw(view, self._seconds(), paused=self._paused)
        except OSError:
            self.close()
            self._supervisor.tell(StopRequested("the terminal is gone"))

    def close(self) -> None:
        """Give the terminal back as it was; more than once does no harm."""
        canvas, self._canvas = self._canvas, None
        if canvas is None:
            return
        self._closing.set()
        if self._keyboard is not None and self._keyboard is not current_thread():
            self._keyboard.join(KEY_SECONDS * 2)
        canvas.close()
        atexit.unregister(self.close)

    def _listen(self, terminal: Terminal) -> None:
        """The keyboard's thread: it only tells."""
        while not self._closing.is_set():
            try:
                key = terminal.inkey(timeout=KEY_SECONDS, esc_delay=ESCAPE_SECONDS)
            except (EOFError, OSError):
                self._supervisor.tell(StopRequested("the terminal is closed"))
                return
            if key == "q":
                self._supervisor.tell(StopRequested("asked at the keyboard"))
            elif key == "p":
                self._paused = not self._paused
                self._risk.tell(Pause(on=self._paused))


class Canvas:
    """A terminal that is ours for a while; remembers what it shows, to send only what changes."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._unicode = speaks_unicode(os.environ, sys.stdout.encoding)
        self._prefixes = prefixes(terminal, colour=not os.environ.get("NO_COLOR"))
        self._normal = str(terminal.normal)
        self._place = cache(terminal.move_xy)
        self._shown: Block = ()
        self._size = (0, 0)
        self._drawn = self._repainted = float("-inf")
        self._held = ExitStack()
        self._enter()

    def draw(self, view: View, now: float, *, paused: bool) -> None:
        """One frame, if it is time for one."""
        if now - self._drawn < FRAME_SECONDS:
            return
        self._drawn = now
        # A terminal that does not know its size says 0.
        size = (self.terminal.width or 80, self.terminal.height or 24)
        block = compose(view, *size, paused=paused)
        if not self._unicode:
            block = tuple(map(in_ascii, block))
        if size != self._size or now - self._repainted >= REPAINT_SECONDS:
            self._size, self._repainted, self._shown = size, now, ()
        self._write(self._frame(block))
        self._shown = block

    def close(self) -> None:
        """Leave our screen, show the cursor, set the keyboard back."""
        # A terminal that is gone needs nothing from us any more.
        with suppress(OSError, ValueError, termios.error):
            self._held.close()

    def _enter(self) -> None:
        for mode in ("cbreak", "fullscreen", "hidden_cursor", "no_line_wrap"):
            self._held.enter_context(getattr(self.terminal, mode)())

    def _frame(self, block: Block) -> str:
        """What brings the screen from what it shows to this block; empty where that is nothing."""
        if not self._shown:
            rows = (self._place(0, y) + self._styled(line) for y, line in enumerate(block))
            return f"{self._normal}{''.join(rows)}"
        return "".join(
            self._place(column, y) + self._styled(spans)
            for y, (old, new) in enumerate(zip(self._shown, block, strict=True))
            for column, spans in changes(old, new)
        )

    def _styled(self, line: Line) -> str:
        prefixes, normal = self._prefixes, self._normal
        parts = (
            f"{prefixes[span.style]}{span.text}{normal}" if prefixes[span.style] else span.text
            for span in line
        )
        return "".join(parts)

    def _write(self, frame: str) -> None:
        if not frame:
            return
        encoding = "utf-8" if self._unicode else "ascii"
        data = f"{BEGIN_FRAME}{frame}{END_FRAME}".encode(encoding, "replace")
        while data:
            data = data[os.write(self.terminal.stream.fileno(), data) :]


def prefixes(terminal: Terminal, *, colour: bool) -> dict[Style, str]:
    """What makes the terminal write in each style."""
    if not colour or not terminal.number_of_colors:
        return {
            style: "".join(str(getattr(terminal, effect)) for effect in COLOURLESS.get(style, ()))
            for style in PALETTE
        }
    return {
        style: "".join(
            (
                str(terminal.color_rgb(*look.text)) if look.text else "",
                str(terminal.on_color_rgb(*look.ground)) if look.ground else "",
                *(str(getattr(terminal, effect)) for effect in look.effects),
            )
        )
        for style, look in PALETTE.items()
    }
