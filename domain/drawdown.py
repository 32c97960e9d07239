"""The drawdown guard: how far below its best the account may fall, and what that costs in size.

Mission, "Drawdown Protection": from 5 % each further 1 % takes a quarter of the size away, at 8 %
trading stops, and until a new high-water mark a trade risks at most 0.5 %. STEPS is the machine;
everything that depends on the state asks it.

    NORMAL    --drawdown >= 5 %-->  REDUCED
    REDUCED   --drawdown <  5 %-->  RECOVERY
    RECOVERY  --drawdown >= 5 %-->  REDUCED
    any       --new high water-->   NORMAL
    any       --drawdown >= 8 %-->  STOPPED   (until a person resumes)
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.units import Money

REDUCED_FROM = 0.05
"""Drawdown from which size is reduced [fraction of the high-water mark]."""

STOPPED_FROM = 0.08
"""Drawdown from which nothing is traded [fraction]."""

REDUCTION = 0.25
"""Share of the size that each further percent of drawdown takes away."""

RISK_MAX = 0.015
"""Most of the equity that one trade may lose [fraction]."""

RISK_MAX_RECOVERING = 0.005
"""The same while a drawdown is being made good [fraction]."""


class Guard(StrEnum):
    """What the drawdown allows."""

    NORMAL = "normal"
    REDUCED = "reduced"
    RECOVERY = "recovery"
    STOPPED = "stopped"


class Reading(StrEnum):
    """What a valuation of the account, or a person, tells the guard."""

    HIGH = "a new high-water mark"
    SHALLOW = "less than 5 % below the mark"
    DEEP = "5 % below the mark, or more"
    LIMIT = "8 % below the mark, or more"
    RESUMED = "a person lets trading go on"


STEPS: dict[Guard, dict[Reading, Guard]] = {
    Guard.NORMAL: {
        Reading.HIGH: Guard.NORMAL,
        Reading.SHALLOW: Guard.NORMAL,
        Reading.DEEP: Guard.REDUCED,
        Reading.LIMIT: Guard.STOPPED,
        Reading.RESUMED: Guard.NORMAL,
    },
    Guard.REDUCED: {
        Reading.HIGH: Guard.NORMAL,
        Reading.SHALLOW: Guard.RECOVERY,
        Reading.DEEP: Guard.REDUCED,
        Reading.LIMIT: Guard.STOPPED,
        Reading.RESUMED: Guard.REDUCED,
    },
    Guard.RECOVERY: {
        Reading.HIGH: Guard.NORMAL,
        Reading.SHALLOW: Guard.RECOVERY,
        Reading.DEEP: Guard.REDUCED,
        Reading.LIMIT: Guard.STOPPED,
        Reading.RESUMED: Guard.RECOVERY,
    },
    Guard.STOPPED: {
        Reading.HIGH: Guard.STOPPED,
        Reading.SHALLOW: Guard.STOPPED,
        Reading.DEEP: Guard.STOPPED,
        Reading.LIMIT: Guard.STOPPED,
        Reading.RESUMED: Guard.NORMAL,
    },
}
"""Where each reading leads from each state. Whoever is resumed begins anew, at its own equity."""


@dataclass(frozen=True, slots=True)
class HighWater:
    """The best the account ever was, and the worst since then.

    Attributes:
        equity: highest equity ever [quote currency].
        deepest: greatest drawdown since [fraction].
        stopped: the limit was reached; only `resumed` lifts that.
    """

    equity: Money
    deepest: float = 0.0
    stopped: bool = False


def drawdown(mark: HighWater, equity: Money) -> float:
    """How far equity stands below its best [fraction].

    >>> from decimal import Decimal
    >>> drawdown(HighWater(Money(Decimal(10000))), Money(Decimal(9500)))
    0.05
    """
    return float(1 - equity / mark.equity) if mark.equity > 0 else 0.0


def reading(mark: HighWater, equity: Money) -> Reading:
    """What this equity tells the guard."""
    if equity > mark.equity:
        return Reading.HIGH
    depth = drawdown(mark, equity)
    if depth >= STOPPED_FROM:
        return Reading.LIMIT
    return Reading.DEEP if depth >= REDUCED_FROM else Reading.SHALLOW


def remembered(mark: HighWater) -> Guard:
    """The state that the guard's memory stands for, before the account is valued again.

    Whether it was REDUCED or RECOVERY no reading asks: the two lead to the same states.
    """
    if mark.stopped:
        return Guard.STOPPED
    return Guard.RECOVERY if mark.deepest >= REDUCED_FROM else Guard.NORMAL


def guard(mark: HighWater, equity: Money) -> Guard:
    """What the drawdown allows at this equity."""
    return STEPS[remembered(mark)][reading(mark, equity)]


def watched(mark: HighWater, equity: Money) -> HighWater:
    """The mark after the account was valued at this equity."""
    if equity > mark.equity:
        return HighWater(equity, stopped=mark.stopped)
    depth = drawdown(mark, equity)
    if depth <= mark.deepest:
        return mark
    return replace(mark, deepest=depth, stopped=guard(mark, equity) is Guard.STOPPED)


def resumed(mark: HighWater, equity: Money) -> HighWater:
    """A person lets trading go on: what is there now is the new best."""
    if STEPS[remembered(mark)][Reading.RESUMED] is remembered(mark):
        return mark
    return HighWater(equity)


def size_factor(depth: float) -> float:
    """Share of the full size that is left at this drawdown.

    >>> [size_factor(depth) for depth in (0.049, 0.05, 0.06, 0.0799, 0.08)]
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    if depth < REDUCED_FROM:
        return 1.0
    steps = math.floor((depth - REDUCED_FROM) * 100 + 1e-9) + 1
    return max(0.0, 1.0 - REDUCTION * steps)


def risk_max(state: Guard) -> float:
    """Most of the equity that one trade may lose [fraction]."""
    return RISK_MAX if state is Guard.NORMAL else RISK_MAX_RECOVERING
