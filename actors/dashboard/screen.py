"""The terminal: the only file that touches it."""

import atexit
import os
import sys
import termios
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Event, Thread, current_thread
from time import monotonic

from blessed import Terminal

from actors.actor import Mailbox
from actors.dashboard.desk import Desk, Wish, pressed
from actors.dashboard.diff import changes
from actors.dashboard.layout import clicked, compose
from actors.dashboard.lines import Block, Line, Style, in_ascii
from actors.dashboard.palette import prefixes
from actors.dashboard.process import Meter
from actors.dashboard.svg import as_svg, as_text
from actors.dashboard.view import View
from actors.messages import Pause, RiskInbox, StopRequested, SupervisorInbox
from actors.terminal import MOUSE
from domain.moments import spoken

FRAME_SECONDS = 0.2
"""Least time between two frames: five a second are calm, and more than anybody reads.

Frames are for eyes, so their clock has nothing to do with market time.
"""

HASTY_SECONDS = 0.1
"""The same after a key: who presses one waits for what it does."""

REPAINT_SECONDS = 10.0
"""After so long everything is drawn again: whatever others wrote on the screen is gone."""

KEY_SECONDS = 0.1
"""How long the keyboard is waited for before we look whether to draw or to end."""

CLOSE_SECONDS = 2.0
"""How long the end waits for a terminal that takes nothing."""

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


def terminal() -> Terminal:
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
    """Shows the newest `View` in the terminal and obeys the keyboard.

    One thread of its own does both, so a terminal that takes nothing holds up nobody else.
    """

    def __init__(
        self,
        risk: Mailbox[RiskInbox],
        supervisor: Mailbox[SupervisorInbox],
        *,
        reports: Path = Path("reports"),
        canvas: "Canvas | None" = None,
    ) -> None:
        """With somebody who has the keyboard.

        Args:
            risk: hears of a pause.
            supervisor: hears of the wish to quit.
            reports: the folder for pictures of the screen.
            canvas: a terminal that is ours already; else it is taken when the screen opens.
        """
        self._taken = canvas
        self._risk = risk
        self._supervisor = supervisor
        self._reports = reports
        self._meter = Meter()
        self._desk = Desk()
        self._view: View | None = None
        self._canvas: Canvas | None = None
        self._thread: Thread | None = None
        self._closing = Event()
        self._failure: BaseException | None = None

    def open(self) -> None:
        """Take the terminal: an empty screen of our own, no cursor, every key at once."""
        if self._canvas is not None:
            return
        self._canvas, self._taken = self._taken or Canvas(terminal()), None
        atexit.register(self.close)
        self._closing.clear()
        self._thread = Thread(target=self._run, args=(self._canvas,), name="screen", daemon=True)
        self._thread.start()

    def fact(self, line: bytes) -> None:
        """Facts reach the screen by the view."""

    def draw(self, view: Callable[[], View]) -> None:
        """Show the view, soon.

        Raises whatever the screen's thread has died of.
        """
        self._view = view()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Give the terminal back as it was; more than once does no harm."""
        canvas, self._canvas = self._canvas, None
        if canvas is None:
            return
        atexit.unregister(self.close)
        self._closing.set()
        canvas.unblock()
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(CLOSE_SECONDS)
            if self._thread.is_alive():
                return  # a terminal that takes nothing cannot be given back either
        canvas.close()

    def _run(self, canvas: "Canvas") -> None:
        try:
            while not self._closing.is_set():
                self._listen(canvas)
                self._paint(canvas)
        except (EOFError, OSError):
            if not self._closing.is_set():
                self._supervisor.tell(StopRequested("the terminal is gone"))
        except Exception as error:  # noqa: BLE001 - the thread's outermost edge: the actor dies of it
            self._failure = error

    def _listen(self, canvas: "Canvas") -> None:
        """Wait for a key, a moment long, and do what it says."""
        key = canvas.key()
        if not key:
            return
        self._desk, wish = pressed(self._desk, key, self._view)
        canvas.hurry()
        match wish:
            case Wish.QUIT:
                self._supervisor.tell(StopRequested("asked at the keyboard"))
            case Wish.PAUSE | Wish.RESUME:
                self._risk.tell(Pause(on=wish is Wish.PAUSE))
            case Wish.PICTURE:
                self._desk = replace(self._desk, said=self._picture(canvas.size))
            case None:
                pass

    def _paint(self, canvas: "Canvas") -> None:
        if self._view is not None:
            desk = replace(self._desk, usage=self._meter.usage())
            canvas.draw(self._view, desk, monotonic())

    def _picture(self, size: tuple[int, int]) -> str:
        """Keep what is shown as two files; says where they are, or why they are not."""
        view, desk = self._view, self._desk
        if view is None:
            return "there is nothing to keep yet"
        block = compose(view, replace(desk, usage=self._meter.usage()), size)
        when = "start" if view.now is None else spoken(view.now)
        stem = f"screen-{desk.page}-{when}".replace(" ", "-").replace(":", "")
        file = self._reports / f"{stem}.svg"
        try:
            self._reports.mkdir(parents=True, exist_ok=True)
            file.write_text(as_svg(block, colour_blind=desk.colour_blind), encoding="utf-8")
            file.with_suffix(".txt").write_text(as_text(block), encoding="utf-8")
        except OSError as error:
            return f"the picture cannot be written: {error}"
        return f"kept as {file} and .txt"


class Canvas:
    """A terminal that is ours for a while; remembers what it shows, to send only what changes."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._unicode = speaks_unicode(os.environ, sys.stdout.encoding)
        self._keyboard = sys.stdin is not None and sys.stdin.isatty()
        colours = 0 if os.environ.get("NO_COLOR") else terminal.number_of_colors
        self._palettes = {blind: prefixes(colours, colour_blind=blind) for blind in (False, True)}
        self._prefixes: dict[Style, str] = self._palettes[False]
        self._normal = "\x1b[0m"
        self._place = cache(terminal.move_xy)
        self._shown: Block = ()
        self._showing: tuple[View, Desk, tuple[int, int]] | None = None
        self._drawn = self._repainted = float("-inf")
        self._hasty = self._pointing = False
        self._held = ExitStack()
        self._enter()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows. A terminal that does not know its size says 0."""
        return self.terminal.width or 80, self.terminal.height or 24

    def key(self) -> str:
        """The next key, '' where none is pressed for a moment."""
        if not self._keyboard:
            Event().wait(KEY_SECONDS)
            return ""
        key = self.terminal.inkey(timeout=KEY_SECONDS, esc_delay=ESCAPE_SECONDS)
        if key.name == "MOUSE_LEFT":
            return clicked(key.mouse_xy, self.size)
        return (key.name or "") if key.is_sequence else str(key)

    def hurry(self) -> None:
        """The next frame is waited for."""
        self._hasty = True

    def draw(self, view: View, desk: Desk, now: float) -> None:
        """One frame, if there is anything new and it is time for one."""
        size = self.size
        if now - self._drawn < (HASTY_SECONDS if self._hasty else FRAME_SECONDS):
            return
        repaint = now - self._repainted >= REPAINT_SECONDS
        before, self._showing = self._showing, (view, desk, size)
        if before is not None and not repaint and _same(before, self._showing):
            return
        self._drawn, self._hasty = now, False
        self._point(on=desk.mouse)
        block = compose(view, desk, size)
        if not self._unicode:
            block = tuple(map(in_ascii, block))
        prefixes_now = self._palettes[desk.colour_blind]
        if repaint or before is None or before[2] != size or prefixes_now is not self._prefixes:
            self._repainted, self._shown, self._prefixes = now, (), prefixes_now
        self._write(self._frame(block))
        self._shown = block

    def unblock(self) -> None:
        """Let a terminal go on that somebody has stopped."""
        with suppress(OSError, ValueError, termios.error):
            termios.tcflow(self.terminal.stream.fileno(), termios.TCOON)

    def close(self) -> None:
        """Leave our screen, show the cursor, set the keyboard back."""
        # A terminal that is gone needs nothing from us any more.
        with suppress(OSError, ValueError, termios.error):
            self._held.close()

    def _enter(self) -> None:
        for mode in ("cbreak", "fullscreen", "hidden_cursor", "no_line_wrap"):
            self._held.enter_context(getattr(self.terminal, mode)())
        if self._keyboard:
            _flow_freely(sys.stdin.fileno())
            self._point(on=True)
            self._held.callback(self._point, on=False)

    def _point(self, *, on: bool) -> None:
        """Hear of the mouse, or leave it to the terminal, which selects text by it.

        Blessed reads reports of the mouse only where it knows that they are on, and its own way to
        turn them on asks the terminal before; many do not answer, tmux among them.
        """
        if self._keyboard and self._pointing is not on:
            self._pointing = on
            terminal = self.terminal
            turn = terminal._dec_mode_set_enabled if on else terminal._dec_mode_set_disabled  # noqa: SLF001
            turn(*MOUSE)

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
        if frame:
            self._send(f"{BEGIN_FRAME}{frame}{END_FRAME}")

    def _send(self, text: str) -> None:
        data = text.encode("utf-8" if self._unicode else "ascii", "replace")
        while data:
            data = data[os.write(self.terminal.stream.fileno(), data) :]


def _flow_freely(descriptor: int) -> None:
    """Ctrl+S shall not stop the screen: whoever hits it by accident would find it dead.

    What leaves `cbreak` undoes this as well.
    """
    modes = termios.tcgetattr(descriptor)
    modes[0] &= ~termios.IXON
    termios.tcsetattr(descriptor, termios.TCSANOW, modes)


def _same(
    one: tuple[View, Desk, tuple[int, int]], other: tuple[View, Desk, tuple[int, int]]
) -> bool:
    """Whether two frames would show the same; views are compared by what they are."""
    return one[0] is other[0] and one[1:] == other[1:]
