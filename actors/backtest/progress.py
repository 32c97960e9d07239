"""How far something is that takes minutes: a bar on a terminal, else a line at each tenth."""

from collections.abc import Callable
from time import monotonic
from typing import TextIO

WIDTH = 30
"""Characters of a bar."""

EVERY_S = 0.2
"""How often a bar is drawn at most [s]."""


class Progress:
    """One piece of work on a stream."""

    def __init__(
        self, name: str, whole: int, stream: TextIO, clock: Callable[[], float] = monotonic
    ) -> None:
        """Begin.

        Args:
            name: of the work.
            whole: how much there is to do, in any unit.
            stream: where it is shown.
            clock: seconds that only grow.
        """
        self._name = name
        self._whole = max(whole, 1)
        self._stream = stream
        self._clock = clock
        self._begun = clock()
        self._drawn = float("-inf")
        self._tenth = 0
        self._terminal = stream.isatty()

    def show(self, done: int) -> None:
        """So much is done."""
        if self._terminal:
            self._draw(done)
        elif done * 10 // self._whole > self._tenth:
            self._tenth = done * 10 // self._whole
            self._stream.write(f"{self._words(done)}\n")
            self._stream.flush()

    def end(self) -> None:
        """Leave the bar's line."""
        if self._terminal:
            self._stream.write("\n")

    def _draw(self, done: int) -> None:
        if self._clock() - self._drawn < EVERY_S and done < self._whole:
            return
        self._drawn = self._clock()
        full = min(done, self._whole) * WIDTH // self._whole
        bar = "█" * full + "░" * (WIDTH - full)
        self._stream.write(f"\r{bar} {self._words(done)}\x1b[K")
        self._stream.flush()

    def _words(self, done: int) -> str:
        share = min(done / self._whole, 1.0)
        left = (self._clock() - self._begun) * (1 - share) / share if share else 0.0
        minutes, seconds = divmod(round(left), 60)
        return f"{self._name} {share:.0%}, {minutes}:{seconds:02d} left"
