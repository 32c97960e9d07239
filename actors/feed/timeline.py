"""The order of things: a source's events with the ticks between them, on a virtual clock."""

from collections.abc import Iterable, Iterator

from actors.messages import Rejected, Tick
from domain.market import Candle, MarketEvent
from domain.units import SECOND, Nanos

TICK_EVERY = SECOND
"""How often a replayed or demonstrated market hears the time."""

COARSE_TICK_EVERY = Nanos(5 * SECOND)
"""The same in the deterministic loop on an archive, whose books are made every five seconds:
between them nothing can happen that does not say its own time."""

Item = MarketEvent | Rejected | Tick


def moment(item: Item) -> Nanos:
    """When an item is known: a candle when it closes, anything else at its own time."""
    match item:
        case Candle():
            return item.close_time
        case Tick(now):
            return now
        case _:
            return item.at


def timeline(
    events: Iterable[MarketEvent | Rejected], start: Nanos, every: Nanos = TICK_EVERY
) -> Iterator[Item]:
    """The events, and before each of them the ticks whose time has come; never backwards."""
    tick = Nanos(start // every * every)
    for event in events:
        at = moment(event)
        while tick <= at:
            yield Tick(tick)
            tick = Nanos(tick + every)
        yield event
