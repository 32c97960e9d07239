"""What a source has to prove before anybody trades on it."""

from actors.feed.criteria import CONNECTION, STEADY_SECONDS, Criteria
from domain.clock_offset import ClockOffset
from domain.units import SECOND, Nanos
from tests.builders import NOON


def hear(criteria: Criteria, seconds: int) -> None:
    """So many seconds with a book and a ticker in each."""
    for second in range(seconds + 1):
        criteria.pass_time(Nanos(NOON + second * SECOND))
        criteria.hear(book=True)
        criteria.hear(book=False)


def test_archive_has_nothing_to_prove() -> None:
    assert Criteria(networked=False, streamed=False).met


def test_recording_of_a_session_must_be_steady_but_needs_no_clock() -> None:
    criteria = Criteria(networked=False, streamed=True)

    hear(criteria, STEADY_SECONDS - 1)
    pending = {line.criterion: line.met for line in criteria.progress(NOON)}
    hear(criteria, STEADY_SECONDS)

    assert pending == {CONNECTION: False, "clock": True}
    assert criteria.met


def test_live_line_must_be_steady_and_have_clocks_that_agree() -> None:
    criteria = Criteria(networked=True, streamed=True)

    hear(criteria, STEADY_SECONDS)
    assert not criteria.met

    criteria.compare(ClockOffset(Nanos(SECOND), Nanos(0)))
    assert criteria.met
