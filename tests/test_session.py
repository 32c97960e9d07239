"""A live session, recorded, and the same session again from the recording."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from actors.actor import Address
from actors.feed.frames import Recorder
from actors.feed.live import LiveLine
from actors.house import rooms
from actors.messages import StopRequested, SupervisorInbox, Tick
from actors.settings import parse
from actors.system import _Run
from actors.threads import Terms, run
from domain.moments import instant, moment
from domain.units import SECOND, Nanos
from persistence.environment import open_environment, open_to_read
from persistence.home import Home
from persistence.ledger import LedgerStore
from tests.actors.feed.listening import a_line
from tests.exchange.market import row
from tests.exchange.server import Exchange
from tests.exchange.steps import STEP_AT, Steps, minutes
from tests.fakes import Quiet
from tests.models import opinionated
from tests.program import Event, Run, ran

pytestmark = pytest.mark.timeout(240)

HALF_A_MINUTE_A_SECOND = 30.0
SIGNALS_MIN = 12
TRADES_MIN = 2
SOON = 60.0
"""How long the next fact may be waited for [s]."""


@contextmanager
def ticking(exchange: Exchange, everyone: tuple[Address[Any], ...]) -> Iterator[None]:
    """Tell everybody the exchange's time."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(0.02):
            for address in everyone:
                address.tell(Tick(exchange.market.now))

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


def conducted(
    display: Quiet, exchange: Exchange, supervisor: Address[SupervisorInbox]
) -> list[Event]:
    """Let the market go when the history stands, and stop after the signals; all facts."""
    facts: list[Event] = []
    while sum(fact["event"] == "signal" for fact in facts) < SIGNALS_MIN:
        facts.append(json.loads(display.lines.get(timeout=SOON)))
        if facts[-1]["event"] == "ingested":
            exchange.market.go()
    supervisor.tell(StopRequested("enough"))
    return facts


def lived(home: Path, model: Path, recording: Path) -> list[Event]:
    """The facts of a live session of the whole house, recorded."""
    facts: list[Event] = []
    settings = parse(("--headless", "--eager", "--model", str(model), "--home", str(home)))
    with (
        Exchange(Steps(), speed=HALF_A_MINUTE_A_SECOND, waits=True) as exchange,
        Home(home) as held,
        closing(open_environment(held.store)) as environment,
    ):
        began, display = _Run(settings, held, None, monotonic), Quiet()
        line: LiveLine = a_line(exchange, recorder=Recorder(recording))
        fittings = replace(began._fittings(environment, line), display=display)
        at = began._at
        work = (display, exchange, at.supervisor)
        conductor = threading.Thread(target=lambda: facts.extend(conducted(*work)))
        conductor.start()
        with ticking(exchange, (*at.rooms, at.supervisor)):
            run(rooms(at, fittings), at, Terms(None, (), str, str, began._pulse))
        conductor.join()
    return facts


def archived(path: Path) -> Path:
    """The candles before the session, as Binance dumps them."""
    path.write_text("\n".join(",".join(map(str, row(one))) for one in minutes()) + "\n")
    return path


def decisions(facts: list[Event], first: str, last: str) -> list[tuple[str, str]]:
    """What was decided from one moment on, before another."""
    made = (x for x in facts if x["event"] == "decision" and first <= x["at"] < last)
    return [(x["state"], x["reason"]) for x in made]


def ready(facts: list[Event]) -> str:
    return next(str(fact["at"]) for fact in facts if fact["event"] == "ready")


def signals(facts: list[Event]) -> list[Event]:
    """To the second: a recording tells a moment to a nanosecond or so."""
    return [
        {name: value for name, value in fact.items() if name != "mode"}
        | {"at": round(instant(fact["at"]) / SECOND)}
        for fact in facts
        if fact["event"] == "signal"
    ]


def ledger(home: Path, before: str) -> list[tuple[object, ...]]:
    """What was booked before a moment: all but the order's key and the nanosecond.

    In the threads a decision waits for the model and for its turn, and both stand in those two: the
    order that a replay sends as a minute ends leaves a second later there. Half of a minute is what
    the market rests for; what happens as it steps may be dated a nanosecond before.
    """
    with closing(open_to_read(home / "store")) as environment:
        entries = LedgerStore(environment).since(0)
    return [
        (x.sequence, (x.at + SECOND) // STEP_AT, x.cause, x.order[:1], x.postings, x.movement)
        for x in entries
        if x.at < instant(before)
    ]


def trips(home: Path, before: str) -> int:
    """Positions that were opened and closed again before a moment."""
    with closing(open_to_read(home / "store")) as environment:
        return sum(trip.at < instant(before) for trip in LedgerStore(environment).trips())


def replayed(home: Path, model: Path, recording: Path, history: Path) -> Run:
    return ran(
        *("--headless", "--speed", "max", "--eager", "--model", model, "--home", home),
        *("--replay", recording, "--history", history),
    )


def test_recorded_session_replays_to_the_same_decisions_and_ledger(tmp_path: Path) -> None:
    model = opinionated(tmp_path / "model", shift=0.3)
    recording, history = tmp_path / "recording", archived(tmp_path / "BTCUSDT-1m.csv")

    facts = lived(tmp_path / "live", model, recording)
    again = replayed(tmp_path / "again", model, recording, history)

    assert (again.status, again.err) == (0, "")
    live = signals(facts)
    assert len(live) >= SIGNALS_MIN
    assert signals(again.events)[: len(live)] == live
    both = max(ready(facts), ready(again.events))
    heard = [str(x["at"]) for x in facts if x["event"] == "signal"]
    # The market steps as a minute ends: what it sets off may be dated just before that or after.
    last = moment(Nanos(instant(heard[-1]) - SECOND))
    first = next(at for at in heard if at > both)
    made = decisions(facts, first, last)
    assert {"WAITING", "LONG ENTRY", "POSITION HOLD", "CLOSE POSITION"} <= {
        state for state, _ in made
    }
    assert decisions(again.events, first, last) == made
    assert ledger(tmp_path / "again", last) == ledger(tmp_path / "live", last)
    assert trips(tmp_path / "live", last) >= TRADES_MIN
