"""The program as a whole, run as its user runs it."""

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from actors.clock import wall_clock
from actors.feed.demo import DemoSource
from domain.facts import Decision
from domain.ledger import Entry
from persistence.document import check
from persistence.environment import open_to_read
from persistence.ledger import LedgerStore, replayed
from tests.exchange.server import Exchange
from tests.models import opinionated
from tests.program import comparable, interrupted, ran, running
from tests.shared import shared

pytestmark = pytest.mark.timeout(240)

DEMO = ("--demo", "--headless")


def ledger(home: Path) -> list[Entry]:
    with closing(open_to_read(home / "store")) as environment:
        return list(LedgerStore(environment).since(0))


def test_demo_runs_to_the_end_of_the_time_given_and_its_state_can_be_dumped(tmp_path: Path) -> None:
    run = ran(*DEMO, "--for", "3m", "--speed", "30", "--home", tmp_path, measured=True)

    assert (run.status, run.err) == (0, "")
    assert {"ingested", "ready", "forecast", "signal", "decision", "stopped"} <= set(run.names)
    assert len(run.of("forecast")) >= 3
    assert {event["mode"] for event in run.events} == {"DEMO"}
    assert {event["state"] for event in run.of("decision")} <= {str(x) for x in Decision}
    assert run.names[0] == "starting"
    assert run.names[-1] == "stopped"
    (log,) = (tmp_path / "log").glob("events-*.jsonl")
    assert log.read_text() == run.out

    dump = ran("dump", "--home", tmp_path, module="persistence")

    assert dump.status == 0
    check(json.loads(dump.out), "dump")
    assert json.loads((tmp_path / "state.json").read_text()) == json.loads(dump.out)


def test_two_deterministic_runs_differ_in_no_byte_and_every_cent_adds_up(tmp_path: Path) -> None:
    model = opinionated(tmp_path / "model", shift=0.3)
    homes = tmp_path / "A", tmp_path / "B"
    arguments = (*DEMO, "--for", "30m", "--speed", "max", "--eager", "--model", model)

    one, other = (
        ran(*arguments, "--home", home, measured=measured)
        for home, measured in zip(homes, (True, False), strict=True)
    )

    assert (one.status, one.err) == (0, "")
    assert comparable(one.out) == comparable(other.out)
    assert ledger(homes[0]) == ledger(homes[1])
    assert one.of("fill") != []
    account = replayed(tuple(ledger(homes[0])))
    assert float(account.wallet) == pytest.approx(
        10_000
        + sum(float(event["pnl"]) for event in one.of("closed"))
        - (0 if account.position is None else float(account.position.costs)),
        abs=1e-9,
    )
    assert sum(float(event["fee"]) for event in one.of("fill")) == pytest.approx(
        float(account.fees)
    )


def test_killed_trader_goes_on_where_it_was(tmp_path: Path) -> None:
    model = opinionated(tmp_path / "model", shift=0.3)
    home = tmp_path / "home"
    arguments = (*DEMO, "--speed", "60", "--eager", "--model", model, "--home", home)

    with running(*arguments, until="closed") as (process, said):
        process.kill()
        process.wait()
    acknowledged = [json.loads(line) for line in said]
    again = ran(*arguments, "--for", "1m")

    assert again.status == 0
    told = [
        (event["order"], Decimal(event["price"]), Decimal(event["quantity"]))
        for event in acknowledged
        if event["event"] == "fill"
    ]
    booked = [
        (entry.order, entry.movement.price, entry.movement.quantity)
        for entry in ledger(home)
        if entry.movement is not None
    ]
    assert told == booked[: len(told)]
    assert len(set(booked)) == len(booked)
    assert again.events[0]["at"] >= acknowledged[0]["at"]


def test_interrupt_stops_in_order_and_a_second_trader_is_turned_away(tmp_path: Path) -> None:
    with running(*DEMO, "--home", tmp_path, until="ready") as (process, said):
        second = ran(*DEMO, "--home", tmp_path)
        first = interrupted(process, said)

    assert second.status == 4
    assert f"process {process.pid}" in second.err
    assert second.err.count("\n") == 1
    assert (first.status, first.err) == (0, "")
    assert first.names[-1] == "stopped"
    assert first.of("stopping")[0]["reason"] == "SIGINT"


def test_live_trader_ingests_streams_and_forecasts(tmp_path: Path) -> None:
    with Exchange(DemoSource(start=wall_clock())) as exchange:
        futures = ("--futures-rest", exchange.rest, "--futures-ws", exchange.ws)
        addresses = ("--rest", exchange.rest, "--ws", exchange.ws, *futures)
        arguments = ("--headless", "--model", "embedded", "--home", tmp_path, *addresses)
        with running(*arguments, until="signal") as (process, said):
            run = interrupted(process, said)

    assert run.status == 0, run.err
    assert run.of("ingested")[0]["candles"] == 6000
    assert {event["mode"] for event in run.events} == {"LIVE"}
    shown = {event["criterion"]: event["met"] for event in run.of("progress")}
    assert shown["clock"] is True
    assert {"connection", "model", "spread", "1m candles"} <= set(shown)


def test_without_a_network_one_line_says_what_could_not_be_reached(tmp_path: Path) -> None:
    nowhere = ("--rest", "http://127.0.0.1:9", "--ws", "ws://127.0.0.1:9")

    run = ran("--headless", "--model", "embedded", "--home", tmp_path, *nowhere)

    assert run.status == 3
    assert "http://127.0.0.1:9" in run.err
    assert "--demo" in run.err
    assert run.err.count("\n") == 1
    assert run.names[-1] == "stopped"
    assert {event["at"] >= run.events[0]["at"] for event in run.events} == {True}


def rubbish(folder: Path) -> dict[str, Path]:
    """Things that a user may name by mistake."""
    (folder / "empty").mkdir()
    (folder / "candles.parquet").write_bytes(b"no parquet at all")
    (folder / "frames.gz").write_bytes(b"no gzip at all")
    (folder / "state.json").write_text('{"timestamp": "now"}')
    return {
        "{missing}": folder / "missing.parquet",
        "{parquet}": folder / "candles.parquet",
        "{frames}": folder / "frames.gz",
        "{empty}": folder / "empty",
        "{state}": folder / "state.json",
        "{file}": folder / "state.json",
    }


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("--frobnicate", 2, "--frobnicate"),
        ("--replay {missing} --speed max", 2, "missing.parquet"),
        ("--replay {parquet} --speed max", 2, "candles.parquet"),
        ("--replay {frames} --speed max", 2, "frames.gz"),
        ("--replay {empty} --speed max", 2, "empty"),
        ("--demo --model {empty}", 2, "empty"),
        ("--demo --model no/such-model-anywhere-x", 2, "no/such-model-anywhere-x"),
        ("--demo --home {file}", 4, "cannot be written"),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    status: int,
    words: str,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PLASMATRADER_HOME", str(tmp_path / "home"))
    named = rubbish(tmp_path)

    run = ran("--headless", *(str(named.get(word, word)) for word in arguments.split()))

    assert run.status == status, run.err
    assert words in run.err
    assert run.err.count("\n") == 1


def test_day_of_real_candles_is_replayed_alike_twice(tmp_path: Path) -> None:
    path = shared("klines/BTCUSDT-1m.parquet")
    span = ("--from", "2025-03-01T00:00", "--to", "2025-03-01T02:00", "--speed", "max")
    arguments = ("--headless", "--model", "embedded", "--replay", path, *span)

    one, other = (ran(*arguments, "--home", tmp_path / name) for name in "AB")

    assert (one.status, one.err) == (0, "")
    assert len(one.of("decision")) >= 120
    assert one.events[0]["book"] == "modelled"
    assert comparable(one.out) == comparable(other.out)


def test_recorded_stream_is_decoded_whole_and_forecast_on_at_every_minute(tmp_path: Path) -> None:
    run = ran(
        *("--headless", "--model", "embedded", "--speed", "max", "--home", tmp_path),
        *("--replay", shared("streams/spot_2024-08-08")),
        *("--history", shared("klines/BTCUSDT-1m.parquet")),
    )

    assert (run.status, run.err) == (0, "")
    assert run.of("bad_message") == []
    assert [event["closed_at"][11:16] for event in run.of("forecast")] == [
        *(f"23:{minute}" for minute in range(54, 60)),
        *(f"00:0{minute}" for minute in range(6)),
    ]
    (note,) = [event for event in run.of("note") if "frames read" in event["text"]]
    assert "19904 btcusdt@trade" in note["text"]
    assert "73174 btcusdt@bookTicker" in note["text"]
    assert "6495 btcusdt@depth@100ms" in note["text"]
