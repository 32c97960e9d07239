from actors.feed.timeline import COARSE_TICK_EVERY, timeline
from actors.messages import Tick
from domain.units import SECOND, Nanos
from tests.builders import NOON, a_book

HALF = SECOND // 2


def test_every_event_comes_after_the_ticks_whose_time_has_come() -> None:
    books = [a_book(at=NOON + HALF), a_book(at=NOON + 2 * SECOND)]

    items = list(timeline(books, NOON))

    assert items == [
        *(Tick(NOON), books[0]),
        *(Tick(Nanos(NOON + SECOND)), Tick(Nanos(NOON + 2 * SECOND)), books[1]),
    ]


def test_market_that_speaks_every_five_seconds_needs_no_more_ticks() -> None:
    books = [a_book(at=NOON + n * COARSE_TICK_EVERY) for n in range(3)]

    items = list(timeline(books, Nanos(NOON + HALF), COARSE_TICK_EVERY))

    assert [type(x) for x in items] == [Tick, type(books[0])] * 3
    assert [x.now for x in items if isinstance(x, Tick)] == [x.at for x in books]
