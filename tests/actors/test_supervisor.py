import threading
from collections.abc import Iterator
from contextlib import suppress
from errno import ENOSPC
from itertools import permutations
from queue import Empty, Queue
from threading import Event
from typing import Any

import lmdb
import pytest
from pykka import ActorRef, ActorRegistry

from actors.actor import AbandonedError, Actor, Address, Mailbox, launch
from actors.messages import (
    Beat,
    Begin,
    ChildDied,
    CloseAndStop,
    Flat,
    StopRequested,
    SupervisorInbox,
    Suspended,
    Tick,
    TradingHalted,
    Vitals,
)
from actors.supervisor import EXIT_GAVE_UP, Child, Outlets, Patience, Strategy, SupervisorActor
from domain.errors import FeedLost, SettingsInvalid, StoreCorrupt
from domain.facts import ActorRestarted, Halted, Noted, Resumed, Stopped, Stopping
from domain.units import MINUTE, SECOND, Nanos
from tests.builders import NOON

SOON = 5.0
"""How long a test waits for what must come [s]."""


STUCK: list[Event] = []
"""What actors hang on; set when a test is over."""


class Waiting:
    """A mailbox that a test can wait on."""

    def __init__(self) -> None:
        self.told: Queue[Any] = Queue()

    def tell(self, message: Any, /) -> None:
        self.told.put(message)

    def next(self, kind: type) -> Any:
        """The next message of this kind; others are passed over."""
        while not isinstance(message := self.told.get(timeout=SOON), kind):
            pass
        return message


class Fragile(Actor[Exception | Event | str | Begin]):
    """Dies of the exception it is told, hangs on an event; passes anything else on."""

    def __init__(self, name: str, out: Mailbox[str], supervisor: Mailbox[SupervisorInbox]) -> None:
        super().__init__(supervisor)
        self._name = name
        self._out = out

    def receive(self, message: Exception | Event | str | Begin) -> None:
        if isinstance(message, Exception):
            raise message
        if isinstance(message, Event):
            message.wait(timeout=4 * SOON)
        self._out.tell(f"{self._name} {type(message).__name__ if message == Begin() else message}")

    def release(self) -> None:
        self._out.tell(f"{self._name} released")


class House:
    """A supervisor with two children, of which the second is fragile."""

    def __init__(
        self,
        restarts_max: int = 5,
        duration: Nanos | None = None,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
    ) -> None:
        self.out, self.risk, self.broker, self.dashboard = (Waiting() for _ in range(4))
        self.ears: Address[str] = Address()
        self.ears.move_to(self.out)
        self.ended: Queue[tuple[int, str]] = Queue()
        self.unbuildable = 0
        self.begun: list[str] = []
        self.disk = self.lost = ""
        self.now = 0
        self.first: Address[Any] = Address()
        self.fragile: Address[Any] = Address(standing=(str,))
        self.up: Address[SupervisorInbox] = Address()
        outlets = Outlets(
            self.risk,
            self.broker,
            self.dashboard,
            lambda status, reason: self.ended.put((status, reason)),
            (Noted(NOON, "opening"),),
            lambda: self.disk,
            lambda: self.lost,
        )
        children = [
            Child("First", lambda: self._start("first"), self.first, strategy=strategy),
            Child("Fragile", lambda: self._start("fragile"), self.fragile),
        ]
        patience = Patience(restarts_max, MINUTE)
        self.supervisor = launch(SupervisorActor, children, patience, outlets, duration)
        self.up.move_to(self.supervisor)
        self.supervisor.tell(Begin())

    def heard(self, count: int) -> list[str]:
        return [self.out.told.get(timeout=SOON) for _ in range(count)]

    def answers(self, word: str, name: str = "fragile") -> bool:
        """Whether a child, perhaps after a restart, passes the word on as time goes by."""
        for _ in range(100):
            (self.first if name == "first" else self.fragile).tell(word)
            self.beat()
            with suppress(Empty):
                while (heard := self.out.told.get(timeout=0.05)) != f"{name} {word}":
                    pass
                return bool(heard)
        return False

    def beat(self, seconds: float = 1.0) -> None:
        """Let so much time go by on the wall."""
        self.now += int(seconds * SECOND)
        self.up.tell(Beat(Nanos(self.now)))

    def hang(self, address: Address[Any]) -> Event:
        """Make the actor there hang, until the event is set."""
        stuck = Event()
        STUCK.append(stuck)
        address.tell(stuck)
        return stuck

    def _start(self, name: str) -> ActorRef[Fragile]:
        if self.unbuildable:
            self.unbuildable -= 1
            raise OSError("no thread left")
        self.begun.append(name)
        return launch(Fragile, name, self.ears, self.up)


@pytest.fixture(autouse=True)
def _nobody_outlives_a_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a run, the end of a thread that was given up is no news wherever it happens."""
    report = threading.excepthook

    def told(died: threading.ExceptHookArgs) -> None:
        if died.exc_type is not AbandonedError:
            report(died)

    monkeypatch.setattr(threading, "excepthook", told)
    yield
    while STUCK:
        STUCK.pop().set()
    ActorRegistry.stop_all()
    for thread in threading.enumerate():
        if thread.name.startswith("Fragile"):
            thread.join(SOON)


def test_children_start_in_order_after_the_opening_was_told() -> None:
    house = House()

    assert sorted(house.heard(2)) == ["first Begin", "fragile Begin"]
    assert house.begun == ["first", "fragile"]
    assert house.dashboard.next(Noted).text == "opening"


def test_child_that_dies_of_a_transient_error_answers_again_at_the_same_address() -> None:
    house = House()
    house.heard(2)

    house.fragile.tell(FeedLost("line closed"))

    assert house.answers("again")
    restarted = house.dashboard.next(ActorRestarted)
    assert restarted.actor == "Fragile"
    assert "line closed" in restarted.error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StoreCorrupt("fill of 3 bytes"), EXIT_GAVE_UP),
        (lmdb.CorruptedError("fill of 3 bytes"), EXIT_GAVE_UP),
        (SettingsInvalid("fill of 3 bytes"), SettingsInvalid.status),
    ],
)
def test_fatal_error_halts_trading_and_ends_the_program_so_that_the_next_one_mends_it(
    error: Exception, expected: int
) -> None:
    house = House()
    house.heard(2)

    house.fragile.tell(error)

    assert "fill of 3 bytes" in house.risk.next(TradingHalted).reason
    assert "fill of 3 bytes" in house.dashboard.next(Halted).reason
    house.supervisor.tell(Flat())
    status, reason = house.ended.get(timeout=SOON)
    assert status == expected
    assert "fill of 3 bytes" in reason


def test_one_death_more_than_we_forgive_gives_up() -> None:
    house = House(restarts_max=0)
    house.heard(2)

    house.fragile.tell(FeedLost("line closed"))
    house.risk.next(TradingHalted)
    house.supervisor.tell(Flat())

    status, reason = house.ended.get(timeout=SOON)
    assert status == EXIT_GAVE_UP
    assert "too many crashes" in reason


def test_stop_closes_first_and_then_takes_all_down_last_first() -> None:
    house = House()
    house.heard(2)
    house.supervisor.tell(Tick(NOON))

    house.supervisor.tell(StopRequested("SIGINT"))
    assert house.risk.next(CloseAndStop).reason == "SIGINT"
    assert house.broker.next(CloseAndStop).reason == "SIGINT"
    house.supervisor.tell(Flat())

    assert house.heard(2) == ["fragile released", "first released"]
    assert house.dashboard.next(Stopping) == Stopping(NOON, "SIGINT")
    assert house.dashboard.next(Stopped).at == NOON
    assert house.ended.get(timeout=SOON) == (0, "SIGINT")


def test_second_stop_does_not_wait_for_the_position() -> None:
    house = House()

    house.supervisor.tell(StopRequested("SIGINT"))
    house.supervisor.tell(StopRequested("SIGINT"))

    assert house.ended.get(timeout=SOON) == (0, "SIGINT")


def test_where_there_is_no_market_left_nothing_is_waited_for() -> None:
    house = House()

    house.supervisor.tell(StopRequested("no network", status=3, market=False))

    assert house.ended.get(timeout=SOON) == (3, "no network")
    assert house.risk.told.empty()


def test_time_given_is_market_time() -> None:
    house = House(duration=Nanos(10 * SECOND))

    house.supervisor.tell(Tick(NOON))
    house.supervisor.tell(Tick(Nanos(NOON + 9 * SECOND)))
    house.supervisor.tell(Tick(Nanos(NOON + 10 * SECOND)))

    assert house.dashboard.next(Stopping).at == NOON + 10 * SECOND


def test_death_while_stopping_restarts_nobody() -> None:
    house = House()
    house.heard(2)
    house.supervisor.tell(StopRequested("SIGINT"))
    house.risk.next(CloseAndStop)

    house.fragile.tell(FeedLost("line closed"))
    house.supervisor.tell(Flat())

    assert house.ended.get(timeout=SOON) == (0, "SIGINT")


def test_old_deaths_are_forgotten() -> None:
    patience = Patience(restarts_max=1, window=Nanos(60))

    patience = patience.after_death(Nanos(0)).after_death(Nanos(61))

    assert not patience.exhausted
    assert patience.after_death(Nanos(62)).exhausted


def test_each_further_death_of_an_actor_lasts_longer() -> None:
    patience, delays = Patience(9, MINUTE), []

    for _ in range(9):
        patience = patience.after_death(Nanos(0))
        delays.append(patience.delay / SECOND)

    assert delays == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_actor_that_hangs_is_given_up_and_replaced_and_nobody_hears_it_any_more() -> None:
    house = House()
    house.heard(2)
    stuck = house.hang(house.fragile)

    assert house.answers("replaced")
    assert "hangs" in house.dashboard.next(ActorRestarted).error
    stuck.set()
    assert house.answers("alone")
    assert not any("Event" in said or "released" in said for said in house.out.told.queue)


def test_actor_whose_inbox_only_grows_is_replaced_by_one_with_an_empty_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actors.supervisor.child.WAITING_MAX", 5)
    house = House()
    house.heard(2)
    house.hang(house.fragile)
    for _ in range(9):
        house.fragile.tell("one more")

    house.beat(0.1)

    assert "messages wait for it" in house.dashboard.next(ActorRestarted).error
    assert house.answers("again")


def test_actor_that_runs_out_of_memory_begins_anew() -> None:
    house = House()
    house.heard(2)

    house.fragile.tell(MemoryError())

    assert house.answers("again")
    assert "MemoryError" in house.dashboard.next(ActorRestarted).error


def test_those_that_rest_on_an_actor_begin_anew_with_it() -> None:
    house = House(strategy=Strategy.REST_FOR_ONE)
    house.heard(2)

    house.first.tell(FeedLost("line closed"))
    assert house.heard(1) == ["first released"]
    house.beat()
    house.beat()

    assert house.heard(1) == ["fragile released"]
    assert sorted(house.heard(2)) == ["first Begin", "fragile Begin"]
    assert house.begun == ["first", "fragile"] * 2
    restarted = [house.dashboard.next(ActorRestarted) for _ in range(2)]
    assert [(x.actor, "First died" in x.error) for x in restarted] == [
        ("First", False),
        ("Fragile", True),
    ]


def test_last_one_takes_nobody_along() -> None:
    house = House(strategy=Strategy.REST_FOR_ONE)
    house.heard(2)

    house.fragile.tell(FeedLost("line closed"))

    assert house.heard(2) == ["fragile released", "fragile Begin"]
    assert house.begun == ["first", "fragile", "fragile"]


def test_actor_that_cannot_be_constructed_is_tried_again_later() -> None:
    house = House()
    house.heard(2)
    house.unbuildable = 2

    house.fragile.tell(FeedLost("line closed"))

    assert house.answers("again")
    assert "no thread left" in house.dashboard.next(ActorRestarted).error


def test_actor_that_can_never_be_constructed_ends_the_program() -> None:
    house = House(restarts_max=2)
    house.heard(2)
    house.unbuildable = 99

    house.fragile.tell(FeedLost("line closed"))
    while house.risk.told.empty():
        house.beat()
        with suppress(Empty):
            house.out.told.get(timeout=0.01)
    house.up.tell(Flat())

    status, reason = house.ended.get(timeout=SOON)
    assert status == EXIT_GAVE_UP
    assert "no thread left" in reason


def test_thread_that_ended_without_a_word_is_noticed() -> None:
    house = House()
    house.heard(2)
    ref = house.fragile._resident
    assert isinstance(ref, ActorRef)
    ref.stop()

    assert house.answers("again")
    assert house.dashboard.next(ActorRestarted).error == "its thread has ended"


def test_report_of_a_death_that_is_long_mended_kills_nobody() -> None:
    house = House()
    house.heard(2)

    house.up.tell(ChildDied("Fragile", "old news", fatal=False, urn="urn:of:another"))

    assert house.answers("still here")
    assert not any(isinstance(x, ActorRestarted) for x in house.dashboard.told.queue)


def test_thread_of_ours_that_is_no_actor_ends_the_process_when_it_dies() -> None:
    house = House()

    house.up.tell(ChildDied("thread clock", "bug", fatal=True, status=EXIT_GAVE_UP))
    house.up.tell(Flat())

    assert house.ended.get(timeout=SOON) == (EXIT_GAVE_UP, "thread clock: bug")


def test_next_incarnation_is_told_what_stands() -> None:
    house = House()
    house.heard(2)
    house.fragile.tell("ready")
    house.heard(1)

    house.fragile.tell(FeedLost("line closed"))

    assert house.heard(3) == ["fragile released", "fragile Begin", "fragile ready"]


def test_full_disk_pauses_trading_until_there_is_room_and_costs_no_patience() -> None:
    house = House(restarts_max=0)
    house.heard(2)
    house.disk = "No space left on device"

    house.fragile.tell(OSError(ENOSPC, house.disk))

    assert house.disk in house.risk.next(Suspended).reason
    assert house.disk in house.dashboard.next(Halted).reason
    for _ in range(5):
        house.beat()
    house.disk = ""
    assert house.answers("again")
    assert house.risk.next(Suspended).reason == ""
    assert "can be written again" in house.dashboard.next(Resumed).reason
    assert house.ended.empty()


def test_each_second_the_dashboard_hears_how_all_do() -> None:
    house = House()
    house.heard(2)
    house.fragile.tell(FeedLost("line closed"))
    assert house.answers("again")
    house.beat()

    vitals = house.dashboard.next(Vitals)
    while not sum(room.restarts for room in vitals.rooms):
        vitals = house.dashboard.next(Vitals)

    assert [room.name for room in vitals.rooms] == ["First", "Fragile"]
    assert [room.restarts for room in vitals.rooms] == [0, 1]


FAULTS = ("exception", "hang", "construction")


@pytest.mark.parametrize(
    ("one", "other"), [*permutations(FAULTS, 2), *zip(FAULTS, FAULTS, strict=True)]
)
def test_two_faults_in_either_order_leave_both_actors_alive(one: str, other: str) -> None:
    house = House()
    house.heard(2)

    for fault, address in ((one, house.first), (other, house.fragile)):
        house.unbuildable += fault == "construction"
        if fault == "hang":
            house.hang(address)
        else:
            address.tell(FeedLost("line closed"))

    assert house.answers("again")
    assert house.answers("too", "first")


def test_store_that_was_taken_away_ends_the_process_in_order() -> None:
    house = House()
    house.lost = "the store is gone"

    house.beat()

    assert house.risk.next(TradingHalted).reason == "the store is gone"
    house.up.tell(Flat())
    assert house.ended.get(timeout=SOON) == (EXIT_GAVE_UP, "the store is gone")
