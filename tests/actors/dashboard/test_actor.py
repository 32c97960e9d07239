from collections.abc import Callable
from pathlib import Path
from threading import Event

from actors.actor import launch
from actors.dashboard import DashboardActor
from actors.dashboard.view import View
from actors.messages import Begin, ChildDied, Tick
from domain.facts import Decided, Decision, Noted
from persistence.journal import Journal, encode
from tests.actors.dashboard.scenes import (
    NOON,
    Outbox,
    a_book,
    a_forecast,
    a_marked,
    a_quality,
    a_signal,
    a_ticker,
    a_trade,
)


class Recorder:
    """A display that keeps what it was given."""

    def __init__(self, *, broken: bool = False) -> None:
        self.calls: list[str] = []
        self.lines: list[bytes] = []
        self.views: list[View] = []
        self.closed = Event()
        self._broken = broken

    def open(self) -> None:
        self.calls.append("open")

    def fact(self, line: bytes) -> None:
        self.lines.append(line)

    def draw(self, view: Callable[[], View]) -> None:
        if self._broken:
            raise RuntimeError("the display is broken")
        self.views.append(view())

    def close(self) -> None:
        self.calls.append("close")
        self.closed.set()


def test_fact_is_logged_shown_and_folded(tmp_path: Path) -> None:
    display = Recorder()
    actor = DashboardActor(display, Journal(tmp_path), supervisor=Outbox())
    fact = Decided(NOON, Decision.WAITING, "confidence 62.0% is below 70 %")

    actor.receive(fact)
    actor.receive(Tick(NOON))

    assert display.lines == [encode(fact)]
    assert display.views[0].decision == fact
    assert (tmp_path / "events-20250301.jsonl").read_bytes() == encode(fact) + b"\n"
    actor.release()


def test_market_data_is_folded_but_is_no_event(tmp_path: Path) -> None:
    display = Recorder()
    actor = DashboardActor(display, Journal(tmp_path), supervisor=Outbox())

    actor.receive(Begin())
    for message in (a_book(), a_trade(), a_ticker(), a_quality(), a_signal(), a_forecast()):
        actor.receive(message)
    actor.receive(a_marked())
    actor.receive(Tick(NOON))

    assert display.calls == ["open"]
    assert display.lines == []
    assert display.views[0].book == a_book()
    actor.release()


def test_full_disk_is_shown_once_and_the_dashboard_lives_on(tmp_path: Path) -> None:
    (tmp_path / "events-20250301.jsonl").symlink_to("/dev/full")
    display = Recorder()
    actor = DashboardActor(display, Journal(tmp_path), supervisor=Outbox())

    actor.receive(Noted(NOON, "hello"))
    for _ in range(3):
        actor.receive(Tick(NOON))
    actor.release()

    assert [b"cannot be written" in line for line in display.lines] == [False, True]
    assert len(display.views) == 3
    assert display.calls == ["close"]


def test_log_that_fails_at_the_very_end_is_said(tmp_path: Path) -> None:
    (tmp_path / "events-20250301.jsonl").symlink_to("/dev/full")
    display = Recorder()
    actor = DashboardActor(display, Journal(tmp_path), supervisor=Outbox())

    actor.receive(Noted(NOON, "hello"))
    actor.release()

    assert b"cannot be written" in display.lines[-1]
    assert display.calls == ["close"]


def test_actor_that_crashes_gives_the_terminal_back_and_says_why(tmp_path: Path) -> None:
    display, supervisor = Recorder(broken=True), Outbox()
    actor = launch(DashboardActor, display, Journal(tmp_path), supervisor=supervisor)

    actor.tell(Begin())
    actor.tell(Noted(NOON, "last words"))
    actor.tell(Tick(NOON))

    assert display.closed.wait(10)
    assert display.calls == ["open", "close"]
    assert b"last words" in (tmp_path / "events-20250301.jsonl").read_bytes()
    death = supervisor.told[0]
    assert isinstance(death, ChildDied)
    assert (death.name, death.fatal) == ("DashboardActor", False)
