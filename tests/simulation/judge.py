"""What must be true at every moment of every life, whatever goes wrong around it."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from actors.broker import books
from actors.messages import (
    CloseAndStop,
    FeedReady,
    ModelReady,
    Pause,
    Suspended,
    TradingHalted,
)
from domain import venue
from domain.account import Account, Marked, RoundTrip
from domain.audit import audit
from domain.drawdown import REDUCED_FROM, RISK_MAX, RISK_MAX_RECOVERING
from domain.execution import LATENCY_MAX, TAKER_FEE
from domain.facts import (
    EVENTS,
    Closed,
    FeedDown,
    FeedUp,
    Filled,
    Forecasted,
    Funded,
    Ordered,
    OrderRefused,
    Ready,
)
from domain.freshness import BOOK_AGE_MAX
from domain.ledger import NOTHING, Cause, Entry, booked
from domain.market import Book, Side, Trade, valid
from domain.microstructure import LIQUIDITY_MIN, SPREAD_MAX, MarketQuality
from domain.microstructure import SPREAD_MAX_AT_START as AT_START
from domain.orders import NOTIONAL_MAX, NOTIONAL_MIN, ORDER_AGE_MAX, Approved, Order
from domain.units import MINUTE, SECOND, Nanos
from domain.venue import Outcome, Venue, Working
from persistence.ledger import LedgerStore
from tests.invariants import Orders, check_entry, check_step
from tests.simulation.world import World

PROBES_UP_TO = 2 * NOTIONAL_MIN
"""An order below this is a probe, whose risk Kelly does not size."""

WALL_CLOCK = re.compile(rb'"(?:seconds|took_ms|version)":[^,}]*')
"""What may differ between two runs of one life."""

LAG_MAX = Nanos(3 * SECOND)
"""How old a book may really be when something is decided on it: its age, and a tick."""

OF_THE_VENUE = (Filled, OrderRefused, Closed, Funded)
"""Facts that are dated by when they happened there, and told when we hear of them."""

JUDGED = frozenset((Approved, Marked, *EVENTS))
"""What is looked at when it is told."""

LATE_MAX = Nanos(2 * ORDER_AGE_MAX + LATENCY_MAX)
"""From a decision to an entry's fill: to the broker, to the venue, to a usable book."""

AHEAD_MAX = Nanos(15 * SECOND)
"""How far ahead of the exchange anybody may be when nothing has gone wrong for a while."""

Fill = tuple[str, str, str]


class Violation(BaseException):
    """An invariant broke. No actor may take it for a failure of its own."""


@contextmanager
def judging() -> Iterator[None]:
    """An assertion of ours that fails within is a violation."""
    try:
        yield
    except AssertionError as error:
        raise Violation(str(error)) from error


@dataclass
class Knowledge:
    """What Risk has been told in its present life."""

    marked: Marked | None = None
    quality: MarketQuality | None = None
    book: Book | None = None
    halted: str = ""
    suspended: str = ""
    paused: bool = False
    ready: frozenset[type] = frozenset()

    def hear(self, message: Any) -> None:
        """Take note of what Risk is about to handle."""
        match message:
            case Marked():
                self.marked = message
            case MarketQuality():
                self.quality = message
            case Book():
                self.book = message
            case TradingHalted(reason) | CloseAndStop(reason):
                self.halted = reason
            case Suspended(reason):
                self.suspended = reason
            case Pause(on):
                self.paused = on
            case FeedReady() | ModelReady():
                self.ready |= {type(message)}
            case _:
                pass


@dataclass
class Memory:
    """What was told of one ledger, over all lives of the program on it."""

    fills: Counter[Fill] = field(default_factory=Counter)
    ordered: set[str] = field(default_factory=set)
    stopped: bool = False
    recovering: bool = False
    high_water: Any = 0
    entries: list[Entry] = field(default_factory=list)
    account: Account = NOTHING


class Judge:
    """Hears all that is told, looks at every step of venue and ledger, and reads the store.

    Attributes:
        events: how often what was told.
        digest: of all lines that were shown, but for wall-clock figures.
        refusals: codes of the orders that stayed or came back, how often.
        speaker: whose turn it is.
    """

    def __init__(self, world: World, keep: Callable[[bytes], None] | None = None) -> None:
        self._world = world
        self._keep = keep
        self._ledger: LedgerStore | None = None
        self._memory = Memory()
        self._risk = Knowledge()
        self._orders = Orders()
        self._opener = ""
        self.speaker = ""
        self._times: dict[str, Nanos] = {}
        self.events: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.digest = hashlib.sha256()
        self.ready = False
        self._down = False
        self._forecast = Nanos(0)

    def forget(self) -> None:
        """The ledger begins anew: a document was restored."""
        self._memory = Memory()

    def begin(self, ledger: LedgerStore) -> None:
        """A process has opened its store: what was told before must be in it."""
        self._ledger = ledger
        self._risk, self._times, self.ready, self._down = Knowledge(), {}, False, False
        memory, entries = self._memory, list(ledger.since(0))
        known = len(memory.entries)
        assert entries[:known] == memory.entries, "the ledger has lost or changed an entry"
        memory.entries, memory.account = [], NOTHING
        self._read()
        audit(memory.entries, memory.account)
        self._check_fills()
        kept = {order.id for order in ledger.orders()}
        lost = memory.ordered - kept
        assert not lost, f"orders were told of that the store does not know: {lost}"
        # One may have been written down, and the process killed before it could tell of it.
        memory.ordered |= kept

    def check_health(self) -> None:
        """A while after the last thing went wrong: the trader trades again, and left in order."""
        memory, closed = self._memory, self._world.now // MINUTE * MINUTE
        wide = self._risk.quality is None or self._risk.quality.spread_average_bps >= AT_START
        assert self.ready or wide, "not ready again"
        ahead = max(self._times.values()) - self._world.now
        assert ahead <= AHEAD_MAX, f"somebody lives {ahead / SECOND:.0f} s ahead of the time"
        assert self._forecast >= closed - MINUTE, "no forecast of the newest minutes"
        assert not self._down, "the feed is still down"
        assert memory.account.position is None, "a position was left open by an orderly end"

    def born(self, name: str) -> None:
        """An actor begins a new life."""
        self._times.pop(name, None)
        if name == "RiskActor":
            self._risk, self.ready = Knowledge(), False
        if name == "BrokerActor":
            self._orders = Orders()

    def delivered(self, name: str, message: Any) -> None:
        """An actor is about to handle a message."""
        if name == "RiskActor":
            self._risk.hear(message)

    def told(self, receiver: str, message: Any) -> None:
        """Somebody tells somebody something."""
        if type(message) in JUDGED and (receiver == "dashboard" or type(message) is Approved):
            with judging():
                self._judge(message)

    def _judge(self, message: Any) -> None:
        if isinstance(message, Approved):
            self._check_order(message)
        elif isinstance(message, Marked):
            self._check_account(message)
        else:
            self._check_fact(message)

    def shown(self, line: bytes) -> None:
        """A fact was shown."""
        self.digest.update(WALL_CLOCK.sub(b"", line))
        if self._keep is not None:
            self._keep(line)

    def _check_fact(self, fact: Any) -> None:
        self.events[EVENTS[type(fact)]] += 1
        before = self._times.get(self.speaker, Nanos(0))
        timely = "clock" not in self._world.wild and not isinstance(fact, OF_THE_VENUE)
        assert fact.at >= before or not timely, f"{self.speaker} told after {before}: {fact}"
        self._times[self.speaker] = max(before, fact.at)
        match fact:
            case Ordered(id=key):
                assert key not in self._memory.ordered, f"order {key} was sent twice"
                self._memory.ordered.add(key)
            case Filled():
                assert fact.order in self._memory.ordered, f"nobody sent {fact.order}"
                self._memory.fills[fact.order, f"{fact.price:f}", f"{fact.quantity:f}"] += 1
                self._read()
                self._check_fills()
            case OrderRefused():
                self.refusals[fact.code] += 1
            case Forecasted():
                self._forecast = fact.closed_at
            case FeedDown() | FeedUp():
                self._down = isinstance(fact, FeedDown)
            case Ready():
                missing = {FeedReady, ModelReady} - self._risk.ready
                assert not missing, f"ready without {missing}"
                self.ready = True
            case _:
                pass

    def _read(self) -> None:
        """Take up what came to the ledger."""
        assert self._ledger is not None
        memory = self._memory
        for entry in self._ledger.since(len(memory.entries)):
            memory.account = booked(memory.account, entry)[0]
            memory.entries.append(entry)

    def _check_fills(self) -> None:
        """Every fill that was told of is booked, as often as it was told."""
        there = Counter(
            (x.order, f"{x.movement.price:f}", f"{x.movement.quantity:f}")
            for x in self._memory.entries
            if x.cause in {Cause.FILL, Cause.LIQUIDATION} and x.movement is not None
        )
        assert self._memory.fills <= there, f"told and not booked: {self._memory.fills - there}"

    def _check_account(self, marked: Marked) -> None:
        """The account that is told is what the ledger on disk adds up to; no stop is forgotten."""
        self._read()
        memory = self._memory
        assert marked.account == memory.account, "an account was told that is not in the ledger"
        assert marked.stopped or not memory.stopped, "the drawdown's stop was forgotten"
        memory.stopped = marked.stopped
        if marked.deepest >= REDUCED_FROM:
            memory.recovering = True
        elif marked.high_water > memory.high_water:
            memory.recovering = False
        assert marked.deepest >= REDUCED_FROM or not memory.recovering, "recovery was forgotten"
        memory.high_water = marked.high_water

    def _check_order(self, approved: Approved) -> None:
        """What Risk lets out, by what Risk has been told."""
        order, book, seen = approved.order, approved.book, self._risk
        numbers = (order.quantity, order.reference)
        assert all(x.is_finite() and x > 0 for x in numbers), order
        assert order.at - book.at <= BOOK_AGE_MAX, f"stale by {order.at - book.at}: {order}"
        assert valid(book), book
        assert not seen.suspended, f"{order.id} while {seen.suspended}"
        punctual = not ({"stall", "clock"} & set(self._world.wild))
        assert not punctual or self._world.now - book.at <= LAG_MAX, "a book of old times"
        if order.closes:
            return
        assert self.ready, "an entry before all was ready"
        assert not seen.halted, f"an entry while halted: {seen.halted}"
        assert not seen.paused, "an entry while paused"
        assert seen.marked is not None
        assert not seen.marked.stopped, "an entry while stopped by the drawdown"
        assert not seen.marked.pending, "an entry while an order is on its way"
        assert seen.marked.account.position is None, "an entry while a position is open"
        assert seen.quality is not None
        assert seen.quality.spread_bps < SPREAD_MAX
        assert seen.quality.liquidity >= LIQUIDITY_MIN
        self._check_size(order, book, seen.marked)

    def _check_size(self, order: Order, book: Book, marked: Marked) -> None:
        plan, sign = order.plan, order.side.sign
        assert plan is not None
        assert plan.stop.is_finite(), plan
        assert plan.target.is_finite(), plan
        assert NOTIONAL_MIN <= order.notional <= NOTIONAL_MAX, order.notional
        price = book.best_ask if order.side is Side.BUY else book.mid
        assert (price - plan.stop) * sign > 0, f"stop {plan.stop} of a {order.side} at {price}"
        assert (plan.target - price) * sign > 0, f"target {plan.target} of one at {price}"
        away = abs(price - plan.stop) + 2 * TAKER_FEE * price
        risked = float(order.quantity * away / marked.equity)
        recovering = marked.deepest >= REDUCED_FROM or self._memory.recovering
        most = RISK_MAX_RECOVERING if recovering else RISK_MAX
        assert risked <= most * 1.001 or order.notional < PROBES_UP_TO, f"{risked:.3%} at risk"

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at every step of the venue and every entry of the books that are made within."""

        def step(taken: Callable[..., Outcome | None]) -> Callable[..., Outcome | None]:
            def looked_at(before: Venue, working: Working, *rest: Any) -> Outcome | None:
                outcome = taken(before, working, *rest)
                if outcome is not None:
                    with judging():
                        self._check_step(before, outcome, rest[0] if rest else None)
                return outcome

            return looked_at

        with ExitStack() as held:
            stand_ins: list[tuple[Any, str, Any]] = [
                (venue, name, step(getattr(venue, name)))
                for name in ("arrive", "attempt", "traded")
            ]
            stand_ins.append((books, "booked", self._entered))
            for place, name, other in stand_ins:
                held.callback(setattr, place, name, getattr(place, name))
                setattr(place, name, other)
            yield

    def _check_step(self, before: Venue, outcome: Outcome, cause: Any) -> None:
        trade = cause if isinstance(cause, Trade) else None
        check_step(before, outcome, trade)
        self._orders.check(outcome)
        self._check_executions(before, outcome, trade)

    def _check_executions(self, before: Venue, outcome: Outcome, trade: Trade | None) -> None:
        """Nothing is filled against a book that is old, and no entry long after it was sent."""
        order = outcome.working.order
        for execution in outcome.executions:
            if trade is None:
                assert before.book is not None
                assert execution.at - before.book.at <= BOOK_AGE_MAX, "filled by an old book"
                assert valid(before.book), before.book
            late = execution.at - order.at
            assert order.closes or late <= LATE_MAX, (
                f"{order.id} filled {late / SECOND:.1f} s after it was sent"
            )

    def _entered(self, before: Account, entry: Entry) -> tuple[Account, RoundTrip | None]:
        after, trip = booked(before, entry)
        with judging():
            check_entry(before, entry, after)
            self._check_one_position(before, entry)
        return after, trip

    def _check_one_position(self, before: Account, entry: Entry) -> None:
        movement, position = entry.movement, before.position
        if movement is not None and position is None:
            self._opener = entry.order
        elif movement is not None and position is not None and movement.side is position.side:
            assert entry.order == self._opener, f"{entry.order} adds to {self._opener}'s position"
