"""Risk: decides on each signal, watches what is open, and lets orders out or keeps them here."""

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from actors.actor import Actor, Mailbox
from actors.messages import (
    Begin,
    BrokerInbox,
    CloseAndStop,
    DashboardInbox,
    FeedReady,
    ModelReady,
    Pause,
    RiskInbox,
    StopRequested,
    SupervisorInbox,
    Suspended,
    Tick,
    TradingHalted,
)
from domain.account import Marked, Position
from domain.facts import Decided, Decision, OrderRefused, Progress, Ready
from domain.instrument import Instrument
from domain.market import Book
from domain.microstructure import SPREAD_MAX_AT_START, MarketQuality
from domain.orders import Approved, Order, Refused, Verdict
from domain.policy import Situation, Verdicts, closing, decide, exit_due, kept
from domain.signals import Signal
from domain.terms import TERMS, Terms
from domain.units import MINUTE, SECOND, Nanos

ANSWER_WITHIN = Nanos(10 * SECOND)
"""An order that the broker has not shown by then was lost on the way; we may decide anew."""

NARROW_WITHIN = Nanos(10 * MINUTE)
"""A spread that keeps the start waiting for longer, once all else is met, ends the program."""


class RiskActor(Actor[RiskInbox]):
    """Judges what may be traded, by all it has been told last."""

    def __init__(  # noqa: PLR0913 - three of them are mailboxes
        self,
        rules: Instrument,
        stopwatch: Callable[[], float],
        *,
        broker: Mailbox[BrokerInbox],
        dashboard: Mailbox[DashboardInbox],
        supervisor: Mailbox[SupervisorInbox],
        terms: Terms = TERMS,
    ) -> None:
        super().__init__(supervisor)
        self._stopwatch = stopwatch
        self._broker = broker
        self._dashboard = dashboard
        self._seen = Situation(
            now=Nanos(0), rules=rules, terms=terms
        )  # what changes seldom; see _situation
        self._now = Nanos(0)
        self._book: Book | None = None
        self._quality: MarketQuality | None = None
        self._feed_ready = False
        self._model: ModelReady | None = None
        self._said: set[tuple[str, bool]] = set()
        self._waits_since: Nanos | None = None
        self._sent: tuple[Order, Nanos] | None = None
        self._stuck: Refused | None = None

    def receive(self, message: RiskInbox) -> None:
        """Keep the market and the account in view; decide on signals; guard what is open."""
        match message:
            case Book() as book:
                self._book, self._now = book, max(self._now, book.at)
                self._guard()
            case Tick(now):
                self._now = max(self._now, now)
                self._get_ready()
                self._guard()
            case MarketQuality() as quality:
                self._quality = quality
                self._get_ready()
            case Signal() as signal:
                self._now = max(self._now, signal.at)
                self._seen = replace(self._seen, signal=signal)
                self._decide()
            case Marked() as marked:
                self._take(marked)
            case Terms() as terms:
                self._seen = replace(self._seen, terms=terms)
            case _:
                self._obey(message)

    def _obey(
        self,
        message: Begin
        | Instrument
        | FeedReady
        | ModelReady
        | TradingHalted
        | Suspended
        | CloseAndStop
        | Pause,
    ) -> None:
        match message:
            case Instrument() as rules:
                self._seen = replace(self._seen, rules=rules)
            case FeedReady():
                self._feed_ready = True
                self._get_ready()
            case ModelReady() as model:
                self._model = model
                self._get_ready()
            case TradingHalted(reason) | CloseAndStop(reason):
                self._seen = replace(self._seen, halt=reason)
                self._guard()
            case Suspended(reason):
                self._seen = replace(self._seen, suspended=reason)
                self._decide()
            case Pause(on):
                self._seen = replace(self._seen, paused=on)
                self._decide()
            case Begin():
                pass
            case _:
                assert_never(message)

    def _get_ready(self) -> None:
        """Begin when the feed and the model are ready and the spread is narrow enough."""
        if self._seen.ready:
            return
        model, narrow = self._model, self._narrow()
        self._show("model", "loads" if model is None else model.model, met=model is not None)
        if not self._feed_ready or model is None:
            return
        if not narrow:
            self._await_spread()
            return
        self._seen = replace(self._seen, ready=True)
        seconds = self._stopwatch()
        self._dashboard.tell(
            Ready(self._now, model.model, model.sha, seconds, verified=model.verified)
        )
        self._decide()

    def _narrow(self) -> bool:
        """Whether the average spread allows a start."""
        quality = self._quality
        narrow = quality is not None and quality.spread_average_bps < SPREAD_MAX_AT_START
        seen = "no book yet" if quality is None else f"{quality.spread_average_bps:.2f} bps"
        self._show("spread", f"{seen}; below {SPREAD_MAX_AT_START:g} bps", met=narrow)
        return narrow

    def _show(self, criterion: str, detail: str, *, met: bool) -> None:
        """A start criterion of ours, when it is first looked at and when it changes."""
        if self._now and (criterion, met) not in self._said:
            self._said = {x for x in self._said if x[0] != criterion} | {(criterion, met)}
            self._dashboard.tell(Progress(self._now, criterion, int(met), 1, met, detail))

    def _await_spread(self) -> None:
        """All else is met; a market that stays too wide is none to start in."""
        now, quality = self._now, self._quality
        if self._waits_since is None:
            self._waits_since = now or None
        elif now - self._waits_since > NARROW_WITHIN:
            self._waits_since = now
            seen = "no book came" if quality is None else f"it is {quality.spread_average_bps:.1f}"
            reason = (
                f"start criterion not met: an average spread below {SPREAD_MAX_AT_START:g} bps is "
                f"needed, but for {NARROW_WITHIN // MINUTE} minutes {seen}"
            )
            self._supervisor.tell(StopRequested(reason, status=3))

    def _take(self, marked: Marked) -> None:
        """The account as it is now; where it shows what became of an order, say so."""
        before, after = self._position(), marked.account.position
        known = self._seen.marked is not None
        self._seen = replace(self._seen, marked=marked)
        sent = self._sent and self._sent[0]
        if sent is not None and marked.last_order == sent.id and not marked.pending:
            self._sent = None
        if after is not None and before is None and known:
            self._say(Decision.POSITION_HOLD, kept(after))
        elif after is None and before is not None and self._sent is None:
            self._say(Decision.CLOSE_POSITION, marked.ended)
        elif sent is not None and self._sent is None and not sent.closes and after is None:
            self._say(Decision.WAITING, "the order came back without a fill")

    def _situation(self) -> Situation:
        """All that a decision rests on; what the market changes many times a second is added."""
        return replace(self._seen, now=self._now, book=self._book, quality=self._quality)

    def _position(self) -> Position | None:
        marked = self._seen.marked
        return None if marked is None else marked.account.position

    def _say(self, state: Decision, reason: str) -> None:
        self._dashboard.tell(Decided(self._now, state, reason))

    def _guard(self) -> None:
        """Close what must not stay open a moment longer."""
        if self._position() is None:
            return
        seen = self._situation()
        reason = exit_due(seen)
        if not reason or self._waiting():
            return
        decision = closing(seen, reason)
        if isinstance(decision.verdict, Refused):
            if self._stuck is not None and self._stuck.reason is decision.verdict.reason:
                return
            self._stuck = decision.verdict
        else:
            self._stuck = None
        self._act(decision)

    def _decide(self) -> None:
        if not self._waiting():
            self._act(decide(self._situation()))

    @property
    def idle(self) -> bool:
        """Whether no order of ours is on its way; for who runs the rooms himself."""
        return self._seen.ready and self._sent is None

    def _waiting(self) -> bool:
        """Whether an order is on its way; nothing is decided until its end is known."""
        if self._sent is not None and self._now - self._sent[1] > ANSWER_WITHIN:
            self._sent = None
        return self._sent is not None

    def _act(self, decision: Verdicts) -> None:
        if decision.verdict is not None:
            self._announce(decision.verdict)
        self._say(decision.state, decision.reason)

    def _announce(self, verdict: Verdict) -> None:
        match verdict:
            case Approved(order):
                self._sent = (order, self._now)
                self._broker.tell(verdict)
            case Refused(order, reason):
                fact = OrderRefused(self._now, order.id, reason.name, str(reason))
                self._dashboard.tell(fact)
