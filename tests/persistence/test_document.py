import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import StateInvalid
from domain.market import Side
from domain.moments import instant, moment
from domain.units import HOUR, Nanos
from persistence.backups import StateFile
from persistence.copies import KEPT
from persistence.document import (
    Document,
    check,
    described,
    document,
    read,
    text,
    write,
)
from persistence.home import Home
from tests.builders import NOON, a_position, a_trip, an_account, money

MISSION: Document = {
    "timestamp": "2024-01-01T12:00:00Z",
    "wallet_balance": 10000.0,
    "positions": {"BTCUSDT": {"side": "LONG", "size": 0.023, "entry_price": 43180.0}},
    "total_pnl": 127.34,
    "trades": [
        {
            "timestamp": "2024-01-01T11:00:00Z",
            "side": "BUY",
            "price": 43180.0,
            "size": 0.023,
            "pnl": 1.56,
        }
    ],
    "risk_metrics": {"current_drawdown": 0.02, "win_rate": 0.681},
}
"""The user's own example."""


def changed(**changes: Any) -> Document:
    return {**MISSION, **changes}


def test_users_own_example_fulfils_the_schema_and_survives_the_round_trip() -> None:
    check(MISSION, "the example")

    account, trips = described(MISSION)
    again = document(instant(MISSION["timestamp"]), account, trips, 0.02)

    assert again == changed(
        timestamp="2024-01-01T12:00:00.000Z",
        trades=[{**MISSION["trades"][0], "timestamp": "2024-01-01T11:00:00.000Z"}],
        risk_metrics={"current_drawdown": 0.02, "win_rate": 1.0},
    )


@pytest.mark.parametrize("position", [None, a_position(), a_position(side=Side.SELL)])
def test_document_of_any_account_fulfils_the_schema(position: Any) -> None:
    account = replace(an_account(position=position, recent=(a_trip(),)), wallet=money(10_000))

    state = json.loads(text(document(NOON, account, account.recent, 0.0)))

    check(state, "ours")
    assert described(state)[0].position == (
        None if position is None else replace(position, plan=described(state)[0].position.plan)  # type: ignore[union-attr]
    )


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ([], "is not of type 'object'"),
        ({k: v for k, v in MISSION.items() if k != "trades"}, "'trades' is a required"),
        (changed(extra=1), "extra"),
        (changed(wallet_balance="10000"), "wallet_balance"),
        (changed(wallet_balance=-1), "wallet_balance"),
        (changed(positions={"ETHUSDT": {}}), "ETHUSDT"),
        (changed(positions={"BTCUSDT": {"side": "UP", "size": 1, "entry_price": 1}}), "UP"),
        (changed(timestamp="yesterday"), "timestamp"),
        (changed(timestamp="2024-13-01T12:00:00Z"), "no moment in time"),
        (changed(timestamp="0001-01-01T00:00:00Z"), "not between 1970 and 2100"),
        (changed(timestamp="9999-12-31T23:59:59Z"), "not between 1970 and 2100"),
        (changed(wallet_balance=10**13), "wallet_balance is more than"),
        (changed(total_pnl=-1e308), "total_pnl is more than"),
        (changed(trades=[{**MISSION["trades"][0], "size": 1e-9}]), "size is less than"),
        (changed(risk_metrics={"current_drawdown": 2, "win_rate": 0.5}), "current_drawdown"),
    ],
)
def test_document_that_breaks_the_schema_is_told_where(broken: Any, words: str) -> None:
    with pytest.raises(StateInvalid, match=words):
        check(broken, "it")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"timestamp": NaN}', "is not a number"),
        ("\udcff", "is not JSON"),
    ],
)
def test_file_that_is_no_document_is_one_clear_line(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(StateInvalid, match=words):
        read(path)


def test_document_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.document.SIZE_MAX", 1000)

    with pytest.raises(StateInvalid, match="longer than 1000 bytes"):
        read(Path("/dev/zero"))


def test_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StateInvalid, match="cannot be read"):
        read(tmp_path / "none.json")


def test_written_document_replaces_the_old_one_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write(path, changed(total_pnl=1.0))
    write(path, MISSION)

    assert read(path) == MISSION
    assert path.stat().st_mode & 0o777 == 0o600
    assert [x.name for x in tmp_path.iterdir()] == ["state.json"]


@given(at=st.integers(0, 4 * 10**18))
def test_moments_are_read_as_they_were_written(at: int) -> None:
    assert instant(moment(Nanos(at))) == at // 10**6 * 10**6


def test_copy_is_kept_each_hour_for_a_day(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        file = StateFile(home)
        moments = [Nanos(NOON + n * HOUR // 2) for n in range(60)]

        names = [file.save(document(at, an_account(), (), 0.0)) for at in moments]

    assert names[0] == "state_backup_20250301_120000.json"
    assert [bool(name) for name in names] == [n % 2 == 0 for n in range(60)]
    assert len(list(home.backups.iterdir())) == KEPT
    assert read(home.state)["timestamp"] == moment(Nanos(NOON + 59 * HOUR // 2))


def test_replay_writes_its_state_each_hour_and_at_the_end(tmp_path: Path) -> None:
    made: list[int] = []

    def described_at(at: Nanos) -> Document:
        made.append(at)
        return document(at, an_account(), (), 0.0)

    moments = [Nanos(NOON + n * HOUR // 12) for n in range(18)]
    with Home(tmp_path) as home:
        file = StateFile(home, durable=False)
        names = [file.keep(at, partial(described_at, at)) for at in moments]
        file.close()

    assert [at for at, name in zip(moments, names, strict=True) if name] == made[:-1]
    assert made == [NOON, NOON + HOUR, moments[-1]]
    assert read(home.state)["timestamp"] == moment(moments[-1])
