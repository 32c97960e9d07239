"""What the dashboard remembers over time, each in bounded memory however long it runs."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from typing import Generic, TypeVar

from actors.dashboard.view import Pace, Score, Ticket
from actors.messages import RoomVitals
from domain.candles import aggregate, closes_at
from domain.facts import Filled, Ordered, OrderRefused
from domain.horizons import INTERVALS, STEPS, TIMEFRAMES, Timeframe
from domain.market import Candle, Origin
from domain.signals import Forecast
from domain.units import SECOND, Money, Nanos, Quantity

CANDLES = 240
"""Candles of each timeframe that are kept."""

COURSE_POINTS = 512

SAMPLES = 600
"""Seconds of the book's figures that are kept."""

TICKETS = 100

EXPECTED_MAX = 1024
"""Forecasts that wait for what happens; all that is due within fifteen candles fits in."""

RATE_WINDOW = Nanos(10 * SECOND)
"""Time over which messages a second are taken."""

RATE_LOOKS = 11
"""Looks at an actor over which its messages a second are taken."""

WAITED_LOOKS = 120
"""Looks over which percentiles are taken of how long messages wait."""

ROOMS_MAX = 32
"""Actors that are remembered; there are seven."""

Item = TypeVar("Item")

Looks = deque[tuple[Nanos, int]]
"""Moments, and what was counted by then."""


def appended(items: tuple[Item, ...], item: Item, limit: int) -> tuple[Item, ...]:
    """The items and one more, the oldest left out where that is more than the limit."""
    return (*items[max(0, len(items) + 1 - limit) :], item)


class Course(Generic[Item]):
    """A value's course over any time in bounded memory: when full, every other point goes."""

    def __init__(self, limit: int = COURSE_POINTS, step: Nanos = SECOND) -> None:
        self._limit = limit
        self._step = step
        self._last: Nanos | None = None
        self.points: tuple[Item, ...] = ()

    def add(self, at: Nanos, value: Item) -> None:
        """Take the value if the last one taken is old enough."""
        if self._last is not None and 0 <= at - self._last < self._step:
            return
        if len(self.points) >= self._limit:
            self.points = self.points[::2]
            self._step = Nanos(self._step * 2)
        self.points = (*self.points, value)
        self._last = at


class Recent(Generic[Item]):
    """The newest values, one a second at most."""

    def __init__(self, limit: int = SAMPLES, step: Nanos = SECOND) -> None:
        self._step = step
        self._last: Nanos | None = None
        self.points: deque[Item] = deque(maxlen=limit)

    def add(self, at: Nanos, value: Item) -> None:
        """Take the value if the last one taken is old enough."""
        if self._last is None or not 0 <= at - self._last < self._step:
            self.points.append(value)
            self._last = at


class Rate:
    """How many messages come in a second of market time."""

    def __init__(self) -> None:
        self._counted: Looks = deque(maxlen=RATE_WINDOW // SECOND + 1)
        self.count = 0

    def tick(self, now: Nanos) -> None:
        """Note the count once a second."""
        if self._counted and 0 <= now - self._counted[-1][0] < SECOND:
            return
        if self._counted and now < self._counted[-1][0]:
            self._counted.clear()
        self._counted.append((now, self.count))

    @property
    def per_second(self) -> float | None:
        """The rate over the last seconds, None where there is no time to take it over."""
        return per_second(self._counted)


def look(looks: Looks, at: Nanos, count: int) -> None:
    """Note what is counted now; less than before means that counting began anew."""
    if looks and (count < looks[-1][1] or at < looks[-1][0]):
        looks.clear()
    looks.append((at, count))


def per_second(looks: Looks) -> float | None:
    """The rate between the first and the last look, None where no time is between them."""
    if not looks or looks[-1][0] <= looks[0][0]:
        return None
    (begin, first), (end, last) = looks[0], looks[-1]
    return (last - first) / ((end - begin) / SECOND)


class Paces:
    """How fast each actor handles its messages, and how long these wait, over the last looks."""

    def __init__(self) -> None:
        self._looks: dict[str, Looks] = {}
        self._waited: dict[str, tuple[float, ...]] = {}

    def take(self, at: Nanos, room: RoomVitals) -> None:
        """A look at one actor. One that handled less than before began anew."""
        if room.name not in self._looks and len(self._looks) >= ROOMS_MAX:
            return
        looks = self._looks.setdefault(room.name, deque(maxlen=RATE_LOOKS))
        look(looks, at, room.handled)
        if room.waited_ms is not None:
            waited = self._waited.get(room.name, ())
            self._waited[room.name] = appended(waited, room.waited_ms, WAITED_LOOKS)

    def held(self) -> dict[str, Pace]:
        """By the actor's name."""
        return {
            name: Pace(per_second(looks), self._waited.get(name, ()))
            for name, looks in self._looks.items()
        }


class Candles:
    """The newest candles of each timeframe; longer ones are made of minutes as they close."""

    def __init__(self) -> None:
        self._held: dict[Timeframe, deque[Candle]] = {x: deque(maxlen=CANDLES) for x in TIMEFRAMES}

    def take(self, candle: Candle) -> None:
        """One candle; what is not newer than the newest held is known already."""
        if self._append(candle) and candle.timeframe is Timeframe.M1:
            for timeframe in TIMEFRAMES[1:]:
                self._close(timeframe)

    def take_history(self, candles: Sequence[Candle]) -> None:
        """Candles of any timeframes, each timeframe oldest first."""
        for candle in candles:
            self._append(candle)

    def held(self) -> tuple[tuple[Candle, ...], ...]:
        """By timeframe, oldest first."""
        return tuple(map(tuple, self._held.values()))

    def _append(self, candle: Candle) -> bool:
        held = self._held[candle.timeframe]
        if held and candle.open_time <= held[-1].open_time:
            return False
        held.append(candle)
        return True

    def _close(self, timeframe: Timeframe) -> None:
        """The longer candle that ends with the newest minute, if all its minutes are there."""
        minutes = self._held[Timeframe.M1]
        whole = len(minutes) >= timeframe.minutes
        if not whole or not closes_at(timeframe, minutes[-1].close_time):
            return
        parts = [minutes[i] for i in range(-timeframe.minutes, 0)]
        if all(b.open_time == a.close_time for a, b in pairwise(parts)):
            self._append(aggregate(parts, timeframe)[-1])


Bounds = tuple[tuple[float, float], ...]
"""Lower and upper bound of each of INTERVALS."""


class Calibration:
    """How often what happened fell inside the forecast's intervals.

    Past only: an interval is kept when it is forecast and judged when its candle has closed. A
    timeframe's forecast changes only with its own candles, so only that at such a close counts.
    """

    def __init__(self) -> None:
        self._expected: dict[tuple[Nanos, int, int], Bounds] = {}
        self._scores = [Score(0, (0,) * len(INTERVALS)) for _ in TIMEFRAMES]
        self.since: Nanos | None = None

    @property
    def scores(self) -> tuple[Score, ...]:
        """By timeframe."""
        return tuple(self._scores)

    def expect(self, forecast: Forecast) -> None:
        """Keep what is forecast by the timeframes that have just closed."""
        if self.since is None:
            self.since = forecast.at
        for number, timeframe in enumerate(TIMEFRAMES):
            if closes_at(timeframe, forecast.at):
                for step, ahead in enumerate(STEPS):
                    due = Nanos(forecast.at + ahead * timeframe.span)
                    self._keep((due, number, step), forecast)

    def judge(self, candle: Candle) -> None:
        """A minute has closed: what was due by then is judged, or cannot be any more."""
        if not self._expected:
            return
        price, at = float(candle.close), candle.close_time
        for key in [key for key in self._expected if key[0] <= at]:
            bounds = self._expected.pop(key)
            if key[0] == at and candle.kind is not Origin.INTERPOLATED:
                self._count(key[1], bounds, price)

    def _keep(self, key: tuple[Nanos, int, int], forecast: Forecast) -> None:
        quantiles = forecast.quantiles[key[1], key[2]]
        bounds = tuple((float(quantiles[low]), float(quantiles[up])) for _, low, up in INTERVALS)
        if not all(isfinite(value) for pair in bounds for value in pair):
            return
        self._expected[key] = bounds
        if len(self._expected) > EXPECTED_MAX:
            del self._expected[next(iter(self._expected))]

    def _count(self, number: int, bounds: Bounds, price: float) -> None:
        old = self._scores[number]
        inside = tuple(
            hits + (low <= price <= up) for hits, (low, up) in zip(old.inside, bounds, strict=True)
        )
        self._scores[number] = Score(old.total + 1, inside)


@dataclass(slots=True)
class Tickets:
    """The newest orders with what became of them."""

    held: dict[str, Ticket] = field(default_factory=dict)

    def order(self, fact: Ordered) -> None:
        """An order went out."""
        self.held[fact.id] = Ticket(fact.at, fact)
        self._forget()

    def fill(self, fact: Filled) -> None:
        """A part of an order, or all of it, was executed."""
        ticket = self.held.get(fact.order)
        if ticket is not None:
            self.held[fact.order] = Ticket(
                at=fact.at,
                order=ticket.order,
                filled=Quantity(ticket.filled + fact.quantity),
                paid=Money(ticket.paid + fact.price * fact.quantity),
                fee=Money(ticket.fee + fact.fee),
                latency_ms=fact.latency_ms,
            )

    def refuse(self, fact: OrderRefused) -> None:
        """An order stayed here or came back."""
        ticket = self.held.get(fact.id)
        if ticket is not None:
            self.held[fact.id] = ticket.refused(fact)

    def newest(self) -> tuple[Ticket, ...]:
        """Newest first."""
        return tuple(reversed(self.held.values()))

    def _forget(self) -> None:
        while len(self.held) > TICKETS:
            del self.held[next(iter(self.held))]
