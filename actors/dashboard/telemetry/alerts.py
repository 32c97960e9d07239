"""What a person is told of wherever they are: halts, drawdown, a lost feed, restarts."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from actors.messages import DashboardInbox, Tick
from domain.account import Marked
from domain.drawdown import REDUCED_FROM, STOPPED_FROM, size_factor
from domain.facts import ActorRestarted, FeedDown, FeedUp, Halted, Resumed, Starting
from domain.units import SECOND, Nanos

FEED_LOST_AFTER = Nanos(60 * SECOND)
"""A feed that comes back within this time is nobody's business [ns of market time]."""

DRAWDOWN_STEPS = (REDUCED_FROM, 0.06, 0.07, STOPPED_FROM)
"""Each of them takes a quarter of the size [fraction of the high-water mark]."""

DRAWDOWN_BACK = 0.005
"""How far above a step the account must come before the step can be told again [fraction]."""

BEFORE = Nanos(0)
"""The time before the market says what time it is, where nobody knows better."""

EPSILON = 1e-9
"""Fractions are compared with this much patience."""


class Severity(StrEnum):
    """How soon a person should look."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that a person should know.

    Attributes:
        at: market time.
        kind: for programs; alerts of one kind are held back together where there are many.
        severity: how soon to look.
        text: a sentence.
    """

    at: Nanos
    kind: str
    severity: Severity
    text: str


class Alerts:
    """Follows what is heard, and raises what a person should know of; never fails."""

    def __init__(
        self, tell: Callable[[Alert], None], recovered: str = "", begun: Nanos = BEFORE
    ) -> None:
        self._tell = tell
        self._recovered = recovered
        self._now = begun
        self._down: FeedDown | None = None
        self._told_down = False
        self._steps = 0
        self._handlers: dict[type, Callable[[Any], None]] = {
            Tick: self._pass,
            Starting: self._begin,
            Halted: self._halt,
            Resumed: self._resume,
            FeedDown: self._lose,
            FeedUp: self._find,
            ActorRestarted: self._restart,
            Marked: self._value,
        }

    def hear(self, message: DashboardInbox) -> None:
        """Take it in."""
        handler = self._handlers.get(type(message))
        if handler is not None:
            handler(message)

    def ended(self, reason: str, status: int) -> None:
        """The program ends; a person should know where nobody asked for that."""
        if status:
            self._raise(
                "stopped", Severity.CRITICAL, f"the trader ended (status {status}): {reason}"
            )

    def _raise(self, kind: str, severity: Severity, text: str, at: Nanos | None = None) -> None:
        self._tell(Alert(self._now if at is None else at, kind, severity, text))

    def _begin(self, fact: Starting) -> None:
        self._now = fact.at
        died, self._recovered = self._recovered, ""
        if died:
            text = f"the trader died ({died}) and was started again"
            self._raise("restart", Severity.WARNING, text, fact.at)

    def _pass(self, tick: Tick) -> None:
        self._now = tick.now
        down = self._down
        if down is None or self._told_down or tick.now - down.at <= FEED_LOST_AFTER:
            return
        self._told_down = True
        seconds = (tick.now - down.at) / SECOND
        self._raise(
            "feed_lost", Severity.CRITICAL, f"no market data for {seconds:.0f} s: {down.reason}"
        )

    def _lose(self, fact: FeedDown) -> None:
        self._down = self._down or fact

    def _find(self, fact: FeedUp) -> None:
        if self._told_down:
            text = f"market data flows again after {fact.seconds:.0f} s"
            self._raise("feed_restored", Severity.INFO, text, fact.at)
        self._down, self._told_down = None, False

    def _halt(self, fact: Halted) -> None:
        self._raise("halted", Severity.CRITICAL, f"trading is halted: {fact.reason}", fact.at)

    def _resume(self, fact: Resumed) -> None:
        self._raise("resumed", Severity.INFO, f"trading goes on: {fact.reason}", fact.at)

    def _restart(self, fact: ActorRestarted) -> None:
        text = f"{fact.actor} died and lives again: {fact.error}"
        self._raise("restart", Severity.WARNING, text, fact.at)

    def _value(self, marked: Marked) -> None:
        """Each step once, the deepest where several came at once; again after a recovery."""
        depth = marked.drawdown + EPSILON
        reached = sum(depth >= step for step in DRAWDOWN_STEPS)
        if reached > self._steps:
            self._steps = reached
            self._warn(marked, DRAWDOWN_STEPS[reached - 1])
        elif reached < self._steps:
            self._steps = sum(depth >= step - DRAWDOWN_BACK for step in DRAWDOWN_STEPS)

    def _warn(self, marked: Marked, step: float) -> None:
        left = size_factor(step)
        then = f"{left:.0%} of the size is left" if left else "trading stops until a person resumes"
        text = f"the drawdown is {marked.drawdown:.1%}, {step:.0%} or more: {then}"
        severity = Severity.WARNING if left else Severity.CRITICAL
        self._raise(f"drawdown_{step * 100:.0f}", severity, text, marked.at)
