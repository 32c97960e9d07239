"""The first frame, drawn before the rest of the program is imported, which takes longer."""

from dataclasses import replace
from time import monotonic

from actors.dashboard.desk import Desk
from actors.dashboard.fold import Fold
from actors.dashboard.screen import Canvas, terminal
from domain.facts import Mode, Starting
from domain.units import Nanos
from domain.version import VERSION


def raised(mode: Mode) -> Canvas:
    """The terminal of standard output, taken, showing that this is starting; a `Screen` goes on."""
    canvas = Canvas(terminal())
    view = replace(Fold().view(), starting=Starting(Nanos(0), mode, VERSION, "real"))
    canvas.draw(view, Desk(), monotonic())
    return canvas
