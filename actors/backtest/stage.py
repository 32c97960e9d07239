"""The rooms that hold state, played minute by minute; minutes in which nothing can happen are not.

Broker, Risk and Microstructure are the actors that trade live. They are told what feed and
forecaster would tell them, in the order of `actors.loop`, so their ledger is the same. A minute is
left out where it cannot change it:

- nothing is held, nothing is on its way, and no signal at its end may open a position;
- or a position is held behind its stop and target, the candle reaches neither of them, nor the
  liquidation price, nor the drawdown from which the guard acts, and its end is no settlement, not
  the plan's, and brings no signal that may close the position.

Where only the end of a minute matters (a signal, a settlement) its last book is shown and the rest
is not. Of all that is left out the one book is shown that makes a new high-water mark. What a
candle reaches is judged with room to spare, so that a minute too many is played, never one too few.
A test holds the ledgers of both ways against each other.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any

from actors.backtest.ahead import Stretch, extremes, first_to_matter, guard_acts_from
from actors.broker import BrokerActor, Rest
from actors.feed.timeline import COARSE_TICK_EVERY, timeline
from actors.house import Addresses, Room
from actors.loop import Queue
from actors.messages import Begin, FeedReady, ModelReady, Tick
from actors.risk import RiskActor
from domain.account import Marked, Position
from domain.drawdown import HighWater, drawdown
from domain.funding import PERIOD
from domain.instrument import BTCUSDT
from domain.margin import liquidation_price
from domain.market import Book, Candle, Side, Trade
from domain.modelled import Made, made
from domain.signals import Signal
from domain.terms import Terms
from domain.units import Money, Nanos, Price

SIGHT = Decimal("0.0005")
"""How near the price may come to a level before it counts as reached [fraction].

A resting order's place in the queue changes as soon as its price is among the five levels in sight;
of the modelled books the farthest stands .02 % away, and a wide spread takes as much again.
"""

SPARE = Decimal("0.0001")
"""How far outside of its candle a mid may stand [fraction]: half a spread."""

PLAYED = ("BrokerActor", "RiskActor", "MicrostructureActor")


@dataclass(frozen=True, slots=True)
class Cue:
    """A signal that may matter at the end of a minute.

    Attributes:
        opens: it may open a position.
        closes: it may close one, by the position's sign.
        signal: makes it.
    """

    opens: bool
    closes: tuple[bool, bool]
    signal: Callable[[], Signal]


class Stage:
    """The rooms on one thread, without a feed."""

    def __init__(self, rooms: Iterable[Room], at: Addresses, hear: Callable[[Any], None]) -> None:
        """Begin, with nothing told yet.

        Args:
            rooms: of the house; those that are played are built.
            at: where they are reached.
            hear: what is told to the dashboard.
        """
        self._queue = Queue()
        self._at = at
        actors = {}
        for room in rooms:
            if room.name in PLAYED:
                actors[room.name] = room.build(lambda kind, *args, **kwargs: kind(*args, **kwargs))
                room.address.move_to(self._queue.mailbox(actors[room.name].on_receive))
        self._actors = tuple(actors.values())
        self._broker: BrokerActor = actors["BrokerActor"]
        self._risk: RiskActor = actors["RiskActor"]
        at.dashboard.move_to(self._queue.mailbox(hear))
        at.supervisor.move_to(self._queue.mailbox(_pass_over))

    def begin(self, ready: ModelReady, signal: Signal | None) -> None:
        """What is told before the market's first event."""
        for address in (self._at.broker, self._at.risk, self._at.microstructure):
            address.tell(Begin())
        self._at.risk.tell(FeedReady(ready.at))
        first = Tick(Nanos(ready.at // COARSE_TICK_EVERY * COARSE_TICK_EVERY))
        if signal is not None:
            self._at.risk.tell(ready)
            self._at.risk.tell(signal)
        self._queue.work_off()
        for address in (self._at.broker, self._at.risk, self._at.microstructure):
            address.tell(first)
        self._queue.work_off()

    def end(self) -> None:
        """Save what is to be saved."""
        for actor in reversed(self._actors):
            actor.release()
        self._queue.work_off()

    def adopt(self, terms: Terms) -> None:
        """The policy's numbers from now on."""
        self._at.risk.tell(terms)
        self._queue.work_off()

    def rest(self) -> Rest | None:
        """How things stand, where nothing will change before the market moves; else None."""
        return self._broker.at_rest if self._risk.idle else None

    def skip(self, stretch: Stretch, place: int, seed: int) -> int:
        """Pass over the minutes from this place on that change nothing but the high-water mark.

        Returns:
            The place of the first minute that may change more; the number of all if there is none.
        """
        rest = self.rest()
        if rest is None:
            return place
        found = first_to_matter(rest, stretch, place)
        self._rise(rest.marked, stretch, (place, found), seed)
        return found

    def _rise(self, marked: Marked, stretch: Stretch, skipped: tuple[int, int], seed: int) -> None:
        """Show of the minutes passed over the one book that makes the highest high-water mark."""
        position = marked.account.position
        if position is None:
            return
        best: Book | None = None
        beyond = _break_even(marked, position)
        for place in extremes(position, stretch.rows, *skipped, float(beyond)):
            candle = stretch.rows.candle(place)
            edge = candle.high if position.side is Side.BUY else candle.low
            if (edge - beyond) * position.side.sign <= -BTCUSDT.tick:
                break
            book = made(candle, seed).extreme(position.side.sign, candle.open_time)
            if book is not None and (book.mid - beyond) * position.side.sign > 0:
                best, beyond = book, book.mid
        if best is not None:
            self._tell(best)
            self._queue.work_off()

    def play(self, candle: Candle, seed: int, cue: Cue | None, first: Nanos) -> None:
        """One minute, or as much of it as can change anything.

        Args:
            candle: the minute.
            seed: of the modelled market.
            cue: the signal at its end, None where there is none.
            first: nothing before this moment is told.
        """
        rest, whole = self.rest(), made(candle, seed)
        if rest is None or reached(rest, candle):
            self._show(candle, whole, first)
            self._give(cue)
            return
        self._show_best(rest.marked, whole, first)
        if _last_matters(rest, candle, cue):
            self._show_last(candle, whole)
            self._give(cue)

    def _show(self, candle: Candle, whole: Made, first: Nanos) -> None:
        """Event by event, for as long as the rest of the minute may change anything."""
        at = begun = max(candle.open_time, first)
        for item in _with_ticks(whole.later(first), candle, begun):
            if isinstance(item, Tick):
                at = item.now
                for address in (self._at.broker, self._at.risk, self._at.microstructure):
                    address.tell(item)
            else:
                self._tell(item)
            self._queue.work_off()
            if isinstance(item, Tick) and at < candle.close_time:
                rest = self.rest()
                if rest is not None and not reached(rest, candle):
                    self._show_best(rest.marked, whole, at)
                    self._show_last(candle, whole)
                    return

    def _show_best(self, marked: Marked, whole: Made, first: Nanos) -> None:
        """Of the books from a moment on the one that makes a new high-water mark, if one does."""
        position = marked.account.position
        if position is None:
            return
        book = whole.extreme(position.side.sign, first)
        if book is not None and marked.account.equity(book.mid) > marked.high_water:
            self._tell(book)
            self._queue.work_off()

    def _show_last(self, candle: Candle, whole: Made) -> None:
        """Only the last book of a minute, and its end."""
        self._tell(whole.book(-1))
        self._queue.work_off()
        for address in (self._at.broker, self._at.risk, self._at.microstructure):
            address.tell(Tick(candle.close_time))
        self._queue.work_off()

    def _tell(self, event: Book | Trade) -> None:
        self._at.microstructure.tell(event)
        if isinstance(event, Book):
            self._at.risk.tell(event)
        self._at.broker.tell(event)

    def _give(self, cue: Cue | None) -> None:
        if cue is not None:
            self._at.risk.tell(cue.signal())
            self._queue.work_off()


def _pass_over(_message: object) -> None:
    """What is told to the supervisor; here nobody restarts and nobody stops."""


def _with_ticks(
    events: Iterable[Book | Trade], candle: Candle, begun: Nanos
) -> Iterator[Book | Trade | Tick]:
    """The minute's events and ticks, its end included."""
    whole: Iterable[Any] = chain(events, (candle,))
    for item in timeline(whole, Nanos(begun + 1), COARSE_TICK_EVERY):
        if isinstance(item, Tick) and item.now <= begun:
            continue
        if not isinstance(item, Candle):
            yield item  # type: ignore[misc]


def reached(rest: Rest, candle: Candle) -> bool:
    """Whether a minute may change more than the price, for who rests like this."""
    low, high = candle.low * (1 - SIGHT), candle.high * (1 + SIGHT)
    if any(low <= price <= high for price in rest.missing):
        return True
    position = rest.marked.account.position
    if position is None:
        return False
    if rest.marked.stopped or candle.close_time >= position.plan.expires:
        return True
    levels = (position.plan.stop, position.plan.target, liquidation_price(position))
    return any(low <= level <= high for level in levels) or _sinks(rest.marked, candle)


def _sinks(marked: Marked, candle: Candle) -> bool:
    """Whether equity may fall to where the guard acts, from the best that it may have come to."""
    worth = [
        marked.account.equity(Price(price))
        for price in (candle.low * (1 - SPARE), candle.high * (1 + SPARE))
    ]
    best, worst = max(marked.high_water, *worth), Money(min(worth))
    return drawdown(HighWater(best), worst) >= guard_acts_from(marked)


def _break_even(marked: Marked, position: Position) -> Price:
    """Where equity is at its high-water mark [quote per base]."""
    missing = (marked.high_water - marked.account.wallet) * position.side.sign
    return Price((position.cost + missing) / position.quantity)


def _last_matters(rest: Rest, candle: Candle, cue: Cue | None) -> bool:
    """Whether the end of a minute may change something."""
    position = rest.marked.account.position
    if position is None:
        return cue is not None and cue.opens and not rest.marked.stopped
    if candle.close_time % PERIOD == 0:
        return True
    return cue is not None and cue.closes[position.side.sign > 0]
