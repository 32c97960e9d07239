from actors.clock import BELIEVED_AFTER, SteadyClock
from actors.messages import Flat, Tick
from actors.supervisor import EXIT_GAVE_UP
from actors.supervisor.actor import BACK_MAX
from domain.units import HOUR, SECOND, Nanos
from tests.actors.test_supervisor import SOON, House
from tests.builders import NOON


class Hands:
    """A clock on the wall that somebody may set, and one that nobody can."""

    def __init__(self) -> None:
        self.steady = Nanos(7)
        self.set_by = Nanos(0)
        self.clock = SteadyClock(
            lambda: Nanos(NOON + self.steady + self.set_by), lambda: self.steady
        )

    def pass_time(self, span: int) -> Nanos:
        """What it shows after so long, asked every second."""
        for _ in range(span // SECOND):
            self.steady = Nanos(self.steady + SECOND)
            self.clock()
        return Nanos(self.clock() - NOON - self.steady)


def test_clock_that_is_set_for_a_moment_changes_nothing() -> None:
    hands = Hands()

    hands.set_by = HOUR
    assert hands.pass_time(BELIEVED_AFTER - SECOND) == 0

    hands.set_by = Nanos(0)
    assert hands.pass_time(10 * BELIEVED_AFTER) == 0


def test_clock_that_stays_as_it_was_set_is_believed() -> None:
    for span in (HOUR, -HOUR):
        hands = Hands()
        hands.set_by = Nanos(span)

        assert hands.pass_time(BELIEVED_AFTER + 2 * SECOND) == span


def test_clock_of_this_machine_goes_forward() -> None:
    clock = SteadyClock()

    assert clock() < clock()


def test_process_whose_clock_was_set_back_ends_to_be_started_anew() -> None:
    house = House()
    house.heard(2)
    house.supervisor.tell(Tick(NOON))
    house.supervisor.tell(Tick(Nanos(NOON - BACK_MAX)))
    assert house.answers("still here")

    house.supervisor.tell(Tick(Nanos(NOON - BACK_MAX - SECOND)))
    house.up.tell(Flat())

    assert house.ended.get(timeout=SOON) == (EXIT_GAVE_UP, "the clock was set back by 11 s")
