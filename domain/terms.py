"""When the policy acts on a signal: four numbers, each with its reason.

They were chosen on 2019 to 2024 with the embedded model, whose weights were trained on those years;
README, "Strategy", says how, how many others were tried, and what came of them later.
"""

from dataclasses import dataclass

from domain.execution import TAKER_FEE
from domain.units import BASIS_POINTS, HOUR, MINUTE, Nanos

ROUND_TRIP_BPS = 2 * float(TAKER_FEE) * BASIS_POINTS
"""What it costs to open and to close at the market [basis points]; slippage comes on top."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The policy's numbers.

    Attributes:
        entry: fused chance from which a position is opened. The forecasts' distributions are nearly
            symmetric: most of the time this chance is within three points of one half, and what it
            promises then is eaten by the costs.
        promise: what the signal promises, in round trips' costs: with a promise of less than its
            costs a trade loses on average; twice as much leaves room for slippage and for a
            promise that was too good.
        leave: chance for the position's own direction below which it is closed: who holds on
            against a forecast that sees no more in it, gambles.
        longest: how long a position is held at most: no forecast sees farther.
    """

    entry: float = 0.56
    promise: float = 2.0
    leave: float = 0.5
    longest: Nanos = Nanos(15 * HOUR)  # noqa: RUF009 - a NewType call is the value itself


TERMS = Terms()
"""Those that trade."""

EAGER = Terms(entry=0.5, promise=0.0, leave=0.5, longest=Nanos(15 * MINUTE))
"""Those that act on every confident signal: they try out the machinery, and pay for it in fees."""
