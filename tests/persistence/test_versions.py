"""What the first version of this program wrote, today's reads and goes on with.

`version1/` was made by the program of 2026-11-22 16:39, whose fills moved no margin yet: two round
trips, funding, an open position, an order on its way and two checkpoints. Its document is what that
program's `pt-state dump` said of it.
"""

import gzip
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actors.broker import Books, BrokerActor
from actors.messages import Begin, Tick
from domain.instrument import BTCUSDT
from domain.units import HOUR, SECOND, Nanos
from persistence.backups import StateFile
from persistence.checkpoints import CheckpointStore
from persistence.copies import copy
from persistence.environment import open_environment
from persistence.home import Home
from persistence.ledger import LedgerStore
from persistence.recovery import healed, logged
from persistence.tool import dumped, restore, verified
from tests.builders import NOON, a_book
from tests.fakes import Outbox

FIXTURE = Path(__file__).parent / "version1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path)
    found.store.mkdir()
    data = gzip.decompress((FIXTURE / "data.mdb.gz").read_bytes())
    (found.store / "data.mdb").write_bytes(data)
    return found


def trade_on(home: Home) -> None:
    """Today's broker, until the time of the position it finds is over."""
    with (
        home,
        closing(open_environment(home.store)) as environment,
        closing(logged(home, environment)) as redo,
    ):
        save = StateFile(home, environment).keep
        ledger, checkpoints = LedgerStore(environment, redo), CheckpointStore(environment, redo)
        broker = BrokerActor(
            Books(ledger, checkpoints, save),
            1,
            risk=Outbox(),
            dashboard=Outbox(),
            supervisor=Outbox(),
        )
        broker.receive(Begin())
        broker.receive(BTCUSDT)
        for second in range(5):
            at = Nanos(NOON + HOUR + second * SECOND)
            broker.receive(replace(a_book(bid="90499.99", ask="90500.01"), at=at))
            broker.receive(Tick(at))
        broker.release()


def test_store_of_version_1_is_good_and_says_what_it_said_then(home: Home) -> None:
    lines, status = verified(home.path)
    then, now = json.loads((FIXTURE / "state.json").read_text()), json.loads(dumped(home.path))

    assert status == 0, lines
    assert {**now, "risk_metrics": None} == {**then, "risk_metrics": None}
    assert now["risk_metrics"]["win_rate"] == then["risk_metrics"]["win_rate"] == 0.5


def test_trader_of_today_goes_on_with_it_and_closes_what_it_held(home: Home) -> None:
    assert healed(home) == ""

    trade_on(home)

    state = json.loads(dumped(home.path))
    assert state["positions"] == {}
    assert len(state["trades"]) == 3
    lines, status = verified(home.path)
    assert status == 0, lines


def test_it_is_made_anew_from_its_redo_log_like_any_other(home: Home) -> None:
    trade_on(home)
    before = dumped(home.path)
    (home.store / "data.mdb").unlink()

    assert "nothing is lost" in healed(home)
    assert dumped(home.path) == before


def test_backup_of_version_1_can_be_restored(home: Home) -> None:
    with closing(open_environment(home.store)) as environment:
        made = copy(environment, home.backups, "20250301_120000")
    before = dumped(home.path)
    trade_on(home)

    restore(home.path, made)

    assert dumped(home.path) == before


def test_document_of_version_1_can_be_restored(tmp_path: Path) -> None:
    restore(tmp_path, FIXTURE / "state.json")

    state = json.loads(dumped(tmp_path))
    assert state == json.loads((FIXTURE / "state.json").read_text())
