"""A terminal without a window: what a person would see of what a program sends."""

import pyte


class Emulator(pyte.Screen):
    """A terminal that, unlike pyte, does not take a private `r` for margins."""

    def set_margins(
        self, top: int | None = None, bottom: int | None = None, **private: bool
    ) -> None:
        if not private:
            super().set_margins(top, bottom)

    def colours(self) -> set[str]:
        """Everything that texts and grounds are coloured with."""
        cells = [self.buffer[row][column] for row in range(self.lines) for column in range(80)]
        return {cell.fg for cell in cells} | {cell.bg for cell in cells}
