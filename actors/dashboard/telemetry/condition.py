"""Whether the trader trades, and if not, why not: what `/health` answers."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from actors.messages import DashboardInbox, Tick, Vitals
from domain.account import Marked
from domain.drawdown import STOPPED_FROM
from domain.facts import (
    Decided,
    Decision,
    FeedDown,
    FeedUp,
    Halted,
    Progress,
    Ready,
    Resumed,
    Stopped,
    Stopping,
)

SILENT_SECONDS = 10.0
"""The market's time comes ten times a second; one that is so old says that nobody listens [s]."""

CRITERIA_MAX = 32
"""Start criteria that are remembered; there are a dozen."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for which the trader does not trade.

    Attributes:
        code: one of CODES, for programs.
        text: a sentence, for people.
    """

    code: str
    text: str


CODES = ("starting", "feed_lost", "halted", "drawdown", "paused", "stopping", "silent")
"""Every reason there is."""


class Condition:
    """Follows what is heard; one thread tells it, any thread may ask.

    Each field is replaced as a whole, so whoever asks sees each as it was at some moment.
    """

    def __init__(
        self, seconds: Callable[[], float] = monotonic, silent_after: float = SILENT_SECONDS
    ) -> None:
        self._seconds = seconds
        self._silent_after = silent_after
        self._heard = seconds()
        self._ticked = False
        self._ready = False
        self._unmet: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._handlers: dict[type, Callable[[Any], None]] = {
            Tick: self._tick,
            Vitals: self._live,
            Progress: self._progress,
            Ready: self._begin,
            FeedDown: self._lose,
            FeedUp: self._find,
            Halted: self._halt,
            Resumed: self._resume,
            Stopping: self._end,
            Stopped: self._end,
            Marked: self._take,
            Decided: self._decide,
        }

    def hear(self, message: DashboardInbox) -> None:
        """Take it in."""
        handler = self._handlers.get(type(message))
        if handler is not None:
            handler(message)

    def reasons(self) -> tuple[Reason, ...]:
        """Why the trader does not trade; none where it does."""
        texts = dict(self._texts)
        if not self._ready:
            unmet = ", ".join(tuple(self._unmet))
            texts["starting"] = f"start criteria are pending: {unmet or 'not known yet'}"
        quiet = self.quiet
        if quiet > self._silent_after:
            texts["silent"] = f"no tick was heard for {quiet:.0f} s; nobody knows how it stands"
        if {"halted", "drawdown"} & texts.keys():
            texts.pop("paused", "")
        return tuple(Reason(code, texts[code]) for code in CODES if code in texts)

    @property
    def quiet(self) -> float:
        """How long ago the newest tick was heard, by the wall [s]."""
        return self._seconds() - self._heard

    def _tick(self, _tick: Tick) -> None:
        self._heard, self._ticked = self._seconds(), True

    def _live(self, _vitals: Vitals) -> None:
        """A demo and a replay have no time before the model is loaded; it lives all the same."""
        if not self._ticked:
            self._heard = self._seconds()

    def _progress(self, fact: Progress) -> None:
        unmet = {name: told for name, told in self._unmet.items() if name != fact.criterion}
        if not fact.met and len(unmet) < CRITERIA_MAX:
            unmet[fact.criterion] = fact.detail
        self._unmet = unmet

    def _begin(self, _fact: Ready) -> None:
        self._ready = True

    def _lose(self, fact: FeedDown) -> None:
        self._say("feed_lost", fact.reason or "no market data comes")

    def _find(self, _fact: FeedUp) -> None:
        self._unsay("feed_lost")

    def _halt(self, fact: Halted) -> None:
        self._say("halted", fact.reason or "trading is halted")

    def _resume(self, _fact: Resumed) -> None:
        self._unsay("halted")

    def _end(self, fact: Stopping | Stopped) -> None:
        self._say("stopping", getattr(fact, "reason", "") or "the program ends")

    def _take(self, marked: Marked) -> None:
        if marked.stopped == ("drawdown" in self._texts):
            return
        if marked.stopped:
            text = f"the drawdown limit of {STOPPED_FROM:.0%} was reached; a person has to resume"
            self._say("drawdown", text)
        else:
            self._unsay("drawdown")

    def _decide(self, fact: Decided) -> None:
        if fact.state is Decision.RISK_PAUSE:
            self._say("paused", fact.reason)
        else:
            self._unsay("paused")

    def _say(self, code: str, text: str) -> None:
        self._texts = {**self._texts, code: text}

    def _unsay(self, code: str) -> None:
        self._texts = {name: text for name, text in self._texts.items() if name != code}
