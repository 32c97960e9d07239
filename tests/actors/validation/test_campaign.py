"""The five tests themselves, in short, against the real program."""

import json
import os
from pathlib import Path

import pytest

from actors.clock import wall_clock
from actors.feed.demo import DemoSource
from actors.validation.__main__ import main
from actors.validation.campaign import Campaign, Extent, Lasted, Market
from actors.validation.verdict import Criterion, Result
from tests.actors.validation.made import failed, results, said
from tests.exchange.server import Exchange
from tests.models import opinionated
from tests.program import COVERAGE

pytestmark = pytest.mark.timeout(240)

PROOFS = "PLASMATRADER_PROOFS" in os.environ
TESTS = {"1 ingestion", "2 prediction", "3 trading", "4 endurance", "5 recovery"}


@pytest.fixture(autouse=True)
def _at_full_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(COVERAGE, raising=False)


def run(market: Market, extent: Extent, home: Path) -> list[Criterion]:
    return list(Campaign(market, extent, home, lambda _: None).run())


def test_demo_with_a_model_that_trades_passes_all_five(tmp_path: Path) -> None:
    model = opinionated(tmp_path / "model", shift=0.3)
    market = Market(("--demo", "--eager", "--model", str(model)), speed=600.0)

    criteria = run(market, Extent(hours=0.1, patience=6.0, minutes=4), tmp_path / "home")

    assert failed(criteria) == []
    assert {criterion.test for criterion in criteria} == TESTS
    left = [criterion.demanded for criterion in criteria if criterion.result is Result.NONE]
    assert set(left) <= {"memory stable", "fewer than 10 reconnections an hour", "stream cut"}


def test_program_that_does_not_get_ready_fails_each_test_and_exits_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["--demo", "--model", str(tmp_path / "none"), "--out", str(tmp_path / "out")])

    assert status == 1
    assert "FAIL: " in capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert written["passed"] is False
    assert written["market"] == "DEMO"
    assert {x["test"] for x in written["criteria"] if x["result"] == "fail"} == TESTS


@pytest.mark.skipif(not PROOFS, reason="a quarter of an hour: set PLASMATRADER_PROOFS")
@pytest.mark.timeout(1800)
def test_live_market_is_judged_by_the_clock_and_its_stream_is_cut(tmp_path: Path) -> None:
    with Exchange(DemoSource(start=wall_clock())) as exchange:
        addresses = ("--rest", exchange.rest, "--futures-rest", exchange.rest)
        market = Market(("--model", "embedded", *addresses), streams=(exchange.ws,))

        criteria = run(market, Extent(hours=0.06, patience=0.0), tmp_path)

    assert failed(criteria) == ["10 orders executed"]
    assert "stream cut: nothing lost" in {criterion.demanded for criterion in criteria}
    assert results(criteria[-2:]) == {Result.PASS}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--demo --rest http://127.0.0.1:9", "--demo excludes"),
        ("--speed 60", "--speed needs --demo"),
        ("--demo --speed max", "'max' is not a speed"),
        ("--demo --hours -1", "'-1' is not hours"),
        ("--demo --hours nan", "'nan' is not hours"),
        ("--rest binance.com", "binance.com"),
        ("--demo --seed -1", "--seed"),
        ("--demo --out {file}/x", "cannot be written"),
    ],
)
def test_bad_argument_is_one_clear_line_and_status_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: str, words: str
) -> None:
    (tmp_path / "file").write_text("")

    status = main([x.replace("{file}", str(tmp_path / "file")) for x in arguments.split()])

    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert words in said.err
    assert said.err.count("\n") == 1


def test_run_lasts_for_its_hours_and_then_for_its_orders_but_not_for_ever() -> None:
    lasted = Lasted(hours=1.0, patience=2.0, orders=2)
    heard = [said(0, "ready"), said(10, "fill", order="E1"), said(3599, "account")]

    assert not lasted.enough(heard)
    assert not lasted.enough([*heard, said(3600, "account")])
    heard += [said(3600, "account"), said(3700, "fill", order="E1")]
    assert not lasted.enough(heard)
    assert lasted.enough([*heard, said(3710, "fill", order="X1")])
    assert Lasted(1.0, 2.0, 2).enough([*heard, said(3 * 3600, "account")])


def test_run_of_hours_says_each_tenth_of_it() -> None:
    told: list[str] = []
    lasted = Lasted(10.0, 0.0, 0, told.append)
    heard = [said(0, "ready")]

    for hours in (0.5, 1.1, 1.2, 2.0):
        heard.append(said(hours * 3600, "account"))
        assert not lasted.enough(heard)

    assert told == ["  1.1 h, 0 orders executed", "  2.0 h, 0 orders executed"]


def test_demo_goes_no_faster_than_a_stage_allows_and_a_live_market_at_its_own_pace() -> None:
    demo = Market(("--demo",), speed=600.0)
    live = Market(("--model", "auto"), streams=("ws://one", "ws://two"))

    assert demo.command() == ("--demo", "--speed", "600")
    assert demo.command(60.0) == ("--demo", "--speed", "60")
    assert live.command(60.0) == ("--model", "auto", "--ws", "ws://one", "--ws", "ws://two")
    assert live.command(stream="ws://relay") == ("--model", "auto", "--ws", "ws://relay")
