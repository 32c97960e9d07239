from contextlib import closing
from pathlib import Path

import pytest

from domain.drawdown import HighWater
from domain.errors import SettingsInvalid, StoreBusy, StoreCorrupt
from domain.facts import Mode
from domain.units import MINUTE
from persistence.checkpoints import CheckpointStore
from persistence.environment import open_environment
from persistence.report.source import exported, imported, of_home, of_ledger
from tests.builders import NOON, a_trip, an_account, money
from tests.persistence.report.runs import MINUTES, a_home, an_empty_home, facts, log


def test_home_gives_ledger_orders_prices_and_log(tmp_path: Path) -> None:
    log(a_home(tmp_path, "101"), *facts("101"))

    source = of_home(tmp_path)

    assert source.kept.mode is Mode.REPLAY
    assert source.kept.until == NOON + MINUTES * MINUTE
    assert len(source.kept.entries) == len(source.history.at) == 3
    assert [order.id for order in source.kept.orders] == ["E0", "X0"]
    assert len(source.prices.at) == MINUTES
    assert source.prices.at[0] == NOON + MINUTE
    assert source.log is not None


def test_home_is_read_while_a_trader_holds_it(tmp_path: Path) -> None:
    with a_home(tmp_path, "101"):
        assert len(of_home(tmp_path).kept.entries) == 3


@pytest.mark.parametrize(
    ("market", "mode"),
    [("live", Mode.LIVE), ("demo-7", Mode.DEMO), ("replay-x", Mode.REPLAY), ("replaced-1", None)],
)
def test_market_is_known_by_its_name(tmp_path: Path, market: str, mode: Mode | None) -> None:
    a_home(tmp_path, market=market)

    assert of_home(tmp_path).kept.mode is mode


def test_market_that_nobody_named_is_taken_from_the_log(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    (tmp_path / "market").unlink()
    log(home, *facts(mode=Mode.DEMO), mode=Mode.DEMO)

    assert of_home(tmp_path).kept.mode is Mode.DEMO


def test_market_stays_unknown_where_the_log_knows_two(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    (tmp_path / "market").unlink()
    log(home, *facts(mode=Mode.DEMO), mode=Mode.LIVE)

    assert of_home(tmp_path).kept.mode is None


def test_ledger_alone_is_known_by_the_folder_it_was_parked_in(tmp_path: Path) -> None:
    home = a_home(tmp_path / "demo-3", "101")
    (home.path / "market").unlink()

    source = of_ledger(home.store)

    assert source.kept.mode is Mode.DEMO
    assert source.log is None


def test_exported_ledger_is_read_as_it_was(tmp_path: Path) -> None:
    a_home(tmp_path, "101", "99", "98.5")
    kept = of_home(tmp_path).kept
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b"".join(exported(kept)))

    source = of_ledger(file)

    assert source.kept == kept
    assert len(source.prices.at) == 0


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"{}", b"time,price\n1,2\n", b'{"ledger":2,"mode":null}']
)
def test_file_that_is_no_exported_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(StoreCorrupt, match="no exported ledger"):
        imported(content, tmp_path)


def test_exported_ledger_that_lost_an_entry_is_refused(tmp_path: Path) -> None:
    a_home(tmp_path, "101")
    lines = b"".join(exported(of_home(tmp_path).kept)).splitlines(keepends=True)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(lines[:1] + lines[2:]))

    with pytest.raises(StoreCorrupt, match="does not add up"):
        of_ledger(tmp_path / "ledger.jsonl")


def test_ledger_that_is_not_what_its_checkpoint_saw_is_refused(tmp_path: Path) -> None:
    home = a_home(tmp_path, "101")
    with closing(open_environment(home.store)) as environment:
        CheckpointStore(environment).begin(
            NOON, an_account(recent=(a_trip(),)), HighWater(money(1))
        )

    with pytest.raises(StoreCorrupt, match="checkpoint 1 differ"):
        of_home(tmp_path)


def test_ledger_without_an_entry_is_said_to_be_empty(tmp_path: Path) -> None:
    an_empty_home(tmp_path)

    with pytest.raises(StoreBusy, match="nothing is booked"):
        of_home(tmp_path)


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="nowhere"):
        of_ledger(tmp_path / "nowhere.jsonl")
