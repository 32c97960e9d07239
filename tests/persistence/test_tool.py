import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from domain.drawdown import HighWater
from domain.ledger import funding, opening
from domain.units import Nanos
from persistence.__main__ import main
from persistence.checkpoints import CheckpointStore
from persistence.document import check, write
from persistence.environment import open_environment
from persistence.home import Home
from persistence.ledger import LedgerStore
from tests.builders import NOON, an_account, an_entry, money
from tests.persistence.test_document import MISSION


def a_home(path: Path) -> Home:
    """A home whose ledger holds an opening and one funding payment."""
    with Home(path) as home, closing(open_environment(home.store)) as environment:
        ledger = LedgerStore(environment)
        ledger.append(opening(NOON))
        ledger.append(funding(money(-3), an_entry(1)))
    return home


def dumped(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["dump", "--home", str(path)]) == 0
    state = json.loads(capsys.readouterr().out)
    check(state, "dump")
    return dict(state)


def test_dump_adds_the_ledger_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_home(tmp_path)

    assert dumped(tmp_path, capsys)["wallet_balance"] == 9997


def test_dump_takes_the_ledgers_tail_after_the_checkpoint_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path)
    with closing(open_environment(home.store)) as environment:
        CheckpointStore(environment).begin(Nanos(NOON + 7), an_account(), HighWater(money(10_000)))

    state = dumped(tmp_path, capsys)

    assert state["wallet_balance"] == 9997
    assert state["risk_metrics"] == {"current_drawdown": 0.0003, "win_rate": 0.0}


def test_dump_of_a_ledger_that_contradicts_its_checkpoint_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path)
    with closing(open_environment(home.store)) as environment:
        mark = HighWater(money(10_000))
        CheckpointStore(environment).begin(NOON, an_account(recent=()), mark)
        LedgerStore(environment).append(funding(money(1), an_entry(0)))

    assert main(["dump", "--home", str(tmp_path)]) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_restored_document_is_what_dump_prints_and_the_old_state_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path / "home")
    write(tmp_path / "example.json", MISSION)

    assert main(["restore", str(tmp_path / "example.json"), "--home", str(home.path)]) == 0
    assert "replaced-1" in capsys.readouterr().out

    state = dumped(home.path, capsys)
    assert state["positions"] == MISSION["positions"]
    assert (state["wallet_balance"], state["total_pnl"]) == (10_000, 127.34)
    assert state["risk_metrics"] == {"current_drawdown": 0.02, "win_rate": 1.0}
    assert (home.path / "parked" / "replaced-1" / "store" / "data.mdb").exists()


def test_document_that_breaks_the_schema_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path / "home")
    write(tmp_path / "bad.json", {**MISSION, "wallet_balance": "much"})

    assert main(["restore", str(tmp_path / "bad.json"), "--home", str(home.path)]) == 2

    assert "wallet_balance" in capsys.readouterr().err
    assert not (home.path / "parked").exists()
    assert dumped(home.path, capsys)["wallet_balance"] == 9997


def test_restore_under_a_running_trader_is_refused_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path / "home")
    write(tmp_path / "example.json", MISSION)

    with home:
        assert main(["restore", str(tmp_path / "example.json"), "--home", str(home.path)]) == 4

        assert "in use by a running trader" in capsys.readouterr().err
        assert dumped(home.path, capsys)["wallet_balance"] == 9997


def test_dump_without_a_state_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", "--home", str(tmp_path)]) == 4
    assert "there is no state" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["dump", "--bogus"], ["restore"]])
def test_bad_argument_is_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
