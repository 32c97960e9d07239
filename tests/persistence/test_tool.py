import csv
import io
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from domain.drawdown import HighWater
from domain.ledger import Movement, booked, fill, funding, opening
from domain.market import Side
from domain.units import MINUTE, Nanos
from persistence.__main__ import main
from persistence.candles import CandleStore
from persistence.checkpoints import SCHEMA, Checkpoint, CheckpointStore
from persistence.copies import copy
from persistence.document import check, write
from persistence.environment import open_environment
from persistence.export import COLUMNS
from persistence.forecasts import ForecastStore
from persistence.home import Home
from persistence.ledger import LedgerStore, replayed
from persistence.records import encoded
from tests.builders import (
    NOON,
    a_candle,
    a_forecast,
    an_account,
    an_entry,
    an_order,
    candles,
    money,
    price,
)
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
        with environment.begin(write=True) as transaction:
            table = environment.open_db(b"ledger", txn=transaction)
            transaction.put(bytes(8), encoded(funding(money(1), an_entry(0))), db=table)

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


def said(arguments: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that went well printed."""
    assert main([*arguments, "--home", str(home)]) == 0
    return capsys.readouterr().out


def a_traded_home(path: Path) -> Home:
    """A home with a round trip, a checkpoint in its middle, candles and a log."""
    home = a_home(path)
    with closing(open_environment(home.store)) as environment:
        ledger, checkpoints = LedgerStore(environment), CheckpointStore(environment)
        account = replayed(ledger.since(0))
        checkpoints.put(Checkpoint(0, NOON, SCHEMA, 2, account, HighWater(account.wallet)))
        for order, at in ((an_order(), NOON), (an_order(key="X1", closes=True), NOON + MINUTE)):
            ledger.send(order)
            side = Side.SELL if order.closes else Side.BUY
            movement = Movement(side, order.quantity, price(100), order.plan)
            blank = an_entry(2 + order.closes, at=at, order=order.id)
            entry = fill(account, movement, money("0.02"), blank)
            account, trip = booked(account, entry)
            ledger.append(entry, trip, done=order.id)
        CandleStore(environment).put(candles(3))
        ForecastStore(environment).put(a_forecast(), "0123456789")
    line = '{"at":"2025-03-01T12:00:00.000Z","event":"account","balance":"9997","equity":"9998"}'
    told = '{"at":"2025-03-01T12:00:00.000Z","event":"signal","direction":"LONG"}'
    (home.log / "events-20250301.jsonl").write_text(
        f"{line}\n{told}\n{line[:40]}", encoding="utf-8"
    )
    return home


def test_list_names_checkpoints_and_backups(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_traded_home(tmp_path)
    with closing(open_environment(home.store)) as environment:
        copy(environment, home.backups, "20250301_120000")

    lines = said(["list"], tmp_path, capsys).splitlines()

    assert lines[0].split()[:2] == ["checkpoint", "0"]
    assert lines[1].split() == ["backup", "store_20250301_120000"]


def test_dump_of_a_checkpoint_knows_nothing_of_what_came_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_traded_home(tmp_path)

    then = json.loads(said(["dump", "--checkpoint", "0"], tmp_path, capsys))

    assert (then["wallet_balance"], then["trades"]) == (9997, [])
    assert len(dumped(tmp_path, capsys)["trades"]) == 1
    assert main(["dump", "--checkpoint", "9", "--home", str(tmp_path)]) == 2


def test_backup_is_restored_by_its_name_and_the_store_before_it_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path)
    with closing(open_environment(home.store)) as environment:
        copy(environment, home.backups, "20250301_120000")
        LedgerStore(environment).append(funding(money(-3), an_entry(2)))

    assert "replaced-1" in said(["restore", "store_20250301_120000"], tmp_path, capsys)

    assert dumped(tmp_path, capsys)["wallet_balance"] == 9997
    assert json.loads(home.state.read_text())["wallet_balance"] == 9997
    assert home.state.stat().st_mode & 0o777 == 0o600
    assert main(["restore", str(home.log), "--home", str(tmp_path)]) == 2


def test_verify_says_what_holds_and_what_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_traded_home(tmp_path)

    lines = said(["verify"], tmp_path, capsys).splitlines()

    assert [line.split()[1] for line in lines] == ["ok"] * 6

    home.state.write_text("{}")
    with closing(open_environment(home.store)) as environment:
        CheckpointStore(environment).begin(NOON, an_account(), HighWater(money(1)))
        LedgerStore(environment).append(an_entry(4, order="never sent"))
        with environment.begin(write=True) as transaction:
            table = environment.open_db(b"checkpoints", txn=transaction)
            transaction.put(bytes(7) + bytes([5]), b"torn", db=table)

    assert main(["verify", "--home", str(tmp_path)]) == 4
    verdicts = {x.split()[0]: x.split()[1] for x in capsys.readouterr().out.splitlines()}
    assert verdicts == {
        "ledger": "ok",
        "checkpoints": "FAILED",
        "orders": "FAILED",
        "redo": "ok",
        "candles": "ok",
        "document": "FAILED",
    }


def test_verify_names_an_impossible_candle_and_a_ledger_that_ends_too_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path)
    with closing(open_environment(home.store)) as environment:
        lower = replace(a_candle(), high=price(99))
        CandleStore(environment).put([lower])
        account = replayed(LedgerStore(environment).since(0))
        checkpoint = Checkpoint(0, NOON, SCHEMA, 9, account, HighWater(account.wallet))
        CheckpointStore(environment).put(checkpoint)

    assert main(["verify", "--home", str(tmp_path)]) == 4

    said = capsys.readouterr().out
    assert "the 1m candle of 2025-03-01T12:00:00.000Z is impossible: its high is below" in said
    assert "the ledger ends before checkpoint 0" in said


def test_resume_lifts_the_stop_of_the_drawdown_guard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path)
    assert "was not stopped" in said(["resume"], tmp_path, capsys)
    with closing(open_environment(home.store)) as environment:
        account = replayed(LedgerStore(environment).since(0))
        mark = HighWater(money(12_000), 0.17, stopped=True)
        CheckpointStore(environment).put(Checkpoint(0, NOON, SCHEMA, 2, account, mark))

    assert "9997" in said(["resume"], tmp_path, capsys)

    with closing(open_environment(home.store)) as environment:
        newest, _ = CheckpointStore(environment).newest()
    assert newest is not None
    assert newest.high_water == HighWater(money(9997))


@pytest.mark.parametrize(
    ("what", "rows", "first"),
    [
        ("trades", 1, {"side": "BUY", "fees": "0.04", "pnl": "-0.04", "reason": "because"}),
        ("orders", 2, {"id": "E1", "state": "done", "quantity": "0.5", "stop": "99"}),
        ("equity", 1, {"balance": "9997", "equity": "9998"}),
        ("ledger", 12, {"sequence": "0", "cause": "opening", "account": "wallet"}),
        ("candles", 3, {"timeframe": "1m", "open_time": "1740830400000", "kind": "real"}),
        ("forecasts", 30, {"timeframe": "1m", "step": "1", "actual": "100.0", "model": "01234567"}),
        ("signals", 1, {"direction": "LONG", "probability": ""}),
    ],
)
def test_table_is_exported_alike_in_every_format(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    what: str,
    rows: int,
    first: dict[str, str],
) -> None:
    home = a_traded_home(tmp_path)
    out = tmp_path / "table"

    text = said(["export", what], home.path, capsys)
    table = list(csv.DictReader(io.StringIO(text)))

    assert text.splitlines()[0] == COLUMNS[what]
    assert len(table) == rows
    assert first.items() <= (table[0] if table else {}).items()
    found = json.loads(said(["export", what, "--format", "json"], home.path, capsys))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in found] == table
    said(["export", what, "--format", "parquet", "--out", str(out)], home.path, capsys)
    assert parquet.read_table(out).to_pylist() == found


def test_export_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_home(tmp_path)
    arguments = ["export", "ledger", "--out", str(tmp_path), "--home", str(tmp_path)]

    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
