import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from quantstats import stats

from domain.facts import Mode
from domain.horizons import LEVELS
from domain.units import MINUTE
from persistence.experiments import ExperimentLog
from persistence.report.__main__ import main
from tests.builders import NOON
from tests.persistence.report.runs import MINUTES, a_home, an_empty_home, facts, foretold, log
from tests.persistence.test_experiments import AN_EXPERIMENT

ROOT = Path(__file__).parents[3]


def metrics(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))


EXITS = ("101.02", "99", "98.5")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `home` and the report on it in `out`."""
    folder = tmp_path_factory.mktemp("made")
    log(a_home(folder / "home", *EXITS), *facts(*EXITS))
    assert main(["--home", str(folder / "home"), "--out", str(folder / "out")]) == 0
    return folder


def test_report_is_written_with_all_that_goes_with_it(made: Path) -> None:
    assert sorted(path.name for path in (made / "out").iterdir()) == [
        *("equity.parquet", "ledger.jsonl", "metrics.json", "report.html", "trades.csv")
    ]
    told = metrics(made / "out")
    assert (told["label"], told["trades"], told["refusals"]) == ("REPLAY", 3, {"STALE_BOOK": 1})
    assert told["latency_ms"]["median"] == 100
    assert told["from"] == "2025-03-01T12:00:00.000Z"


def test_forecasts_are_judged_in_the_metrics_too(tmp_path: Path) -> None:
    foretold(a_home(tmp_path / "home", *EXITS, prices=False))

    assert main(["--home", str(tmp_path / "home"), "--out", str(tmp_path)]) == 0

    told = metrics(tmp_path)["forecasts"]
    assert list(told) == ["1m", "3m", "5m", "15m", "30m", "1h"]
    assert told["1m"]["count"] == 566
    assert told["1m"]["inside_80"] == pytest.approx(0.8, abs=0.1)
    assert list(told["1m"]["below"]) == list(map(str, LEVELS))
    assert told["1h"]["skill"] is None


def test_experiment_log_is_counted_in_the_metrics(made: Path, tmp_path: Path) -> None:
    for model in ("a", "b"):
        ExperimentLog(tmp_path / "log").record(replace(AN_EXPERIMENT, model=model))
    home, log = str(made / "home"), str(tmp_path / "log")

    assert main(["--home", home, "--out", str(tmp_path), "--experiments", log]) == 0

    assert metrics(tmp_path)["trials"] == 2
    assert metrics(made / "out")["trials"] is None


def test_trades_are_a_row_each_and_add_up(made: Path) -> None:
    with (made / "out" / "trades.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert [row["side"] for row in rows] == ["BUY", "BUY", "SELL"]
    assert rows[0]["opened"] == "2025-03-01T12:05:00.100Z"
    assert rows[0]["entry"] == "100.02"
    total = sum(Decimal(row["pnl"]) for row in rows)
    assert float(total) == pytest.approx(metrics(made / "out")["pnl"])


def test_equity_is_a_table_that_ends_where_the_figures_do(made: Path) -> None:
    table = parquet.read_table(made / "out" / "equity.parquet")

    assert table.column_names == ["at", "wallet", "equity", "drawdown"]
    equity = np.asarray(table["equity"])
    assert equity[-1] - equity[0] == pytest.approx(metrics(made / "out")["pnl"])
    assert table["at"][-1].value == NOON + MINUTES * MINUTE


def test_ratios_are_what_quantstats_makes_of_the_table(tmp_path: Path) -> None:
    a_home(tmp_path / "home", *EXITS, *["101", "98", "103"] * 30)

    main(["--home", str(tmp_path / "home"), "--out", str(tmp_path)])

    table = parquet.read_table(tmp_path / "equity.parquet").to_pandas()
    equity = table.set_index(table["at"].dt.tz_localize(None))["equity"]
    days = equity.iloc[1:].resample("D", closed="right", label="left").last().ffill()
    returns = (days / days.shift(fill_value=equity.iloc[0])) - 1
    told = metrics(tmp_path)
    assert told["days"] == len(returns) > 1
    assert told["sharpe_252"] == pytest.approx(stats.sharpe(returns))
    assert told["sharpe_365"] == pytest.approx(stats.sharpe(returns, periods=365))
    assert told["sortino"] == pytest.approx(stats.sortino(returns))
    assert told["max_drawdown_daily"] == pytest.approx(-stats.max_drawdown(returns))


def test_report_made_from_its_own_ledger_has_the_same_figures(made: Path, tmp_path: Path) -> None:
    main(["--ledger", str(made / "out" / "ledger.jsonl"), "--out", str(tmp_path)])

    first, second = metrics(made / "out"), metrics(tmp_path)
    for name in ("trades", "pnl", "fees", "slippage", "turnover", "exposure"):
        assert second[name] == pytest.approx(first[name], rel=1e-3), name
    assert all(second[name] == first[name] for name in ("label", "from", "to"))
    names = ("ledger.jsonl", "trades.csv")
    assert all((made / "out" / x).read_bytes() == (tmp_path / x).read_bytes() for x in names)


def test_same_ledger_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    main(["--home", str(made / "home"), "--out", str(tmp_path)])

    for path in (made / "out").iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_ledger_in_a_folder_of_lmdb_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path / "home", "101.02", market="live")

    assert main(["--ledger", str(home.store), "--out", str(tmp_path / "out")]) == 0

    assert "LIVE, 1 closed trade;" in capsys.readouterr().out
    assert metrics(tmp_path / "out")["uptime"] is None


def test_trader_without_a_single_trade_gets_a_report_too(tmp_path: Path) -> None:
    log(a_home(tmp_path / "home"), *facts())

    assert main(["--home", str(tmp_path / "home"), "--out", str(tmp_path / "out")]) == 0

    assert metrics(tmp_path / "out")["trades"] == 0
    assert "No trade was closed" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = main(arguments)
    said = capsys.readouterr().err
    assert said.startswith("pt-report: ")
    assert said.count("\n") == 1
    return status, said


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--bogus"],
        ["--home", "anywhere"],
        ["--home", "a", "--ledger", "b", "--out", "c"],
        ["--ledger", "/nowhere/ledger.jsonl", "--out", "c"],
    ],
)
def test_bad_argument_is_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(arguments, capsys)[0] == 2


def test_folder_that_cannot_be_written_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_home(tmp_path / "home")
    (tmp_path / "out").write_text("in the way")

    arguments = ["--home", str(tmp_path / "home"), "--out", str(tmp_path / "out")]

    status, said = refused(arguments, capsys)
    assert status == 2
    assert "cannot be written" in said


def test_home_without_a_state_is_status_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--home", str(tmp_path / "home"), "--out", str(tmp_path / "out")]

    status, said = refused(arguments, capsys)

    assert (status, "there is no state" in said) == (4, True)
    assert not (tmp_path / "out").exists()


def test_ledger_that_was_never_opened_is_status_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    an_empty_home(tmp_path / "home")

    status, said = refused(["--home", str(tmp_path / "home"), "--out", "out"], capsys)

    assert (status, "nothing is booked" in said) == (4, True)


@pytest.mark.parametrize("where", [0, -4096])
def test_store_that_is_damaged_is_status_4_or_was_not_needed(tmp_path: Path, where: int) -> None:
    home = a_home(tmp_path / "home")
    file = home.store / "data.mdb"
    whole = bytearray(file.read_bytes())
    begin = where % len(whole)
    whole[begin : begin + 4096] = bytes([0xA5]) * 4096
    file.write_bytes(whole)

    # In a process of its own: LMDB trusts its file, and a broken one may be the end of who reads.
    command = [sys.executable, "-m", "persistence.report", "--home", str(home.path)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    assert done.returncode in {0, 4}, done.stderr
    assert done.stderr.count("\n") == (1 if done.returncode else 0), done.stderr


def test_help_says_what_is_written_and_what_each_status_means(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLASMATRADER_HOME", "/half/50%off")  # argparse reads % as its own
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    told = " ".join(capsys.readouterr().out.split())
    assert left.value.code == 0
    assert all(x in told for x in ("report.html", "metrics.json", "Exit status", "50%off"))


def test_unknown_market_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = a_home(tmp_path / "home")
    (home.path / "market").unlink()
    log(home, *facts(mode=Mode.DEMO), mode=Mode.LIVE)

    main(["--home", str(home.path), "--out", str(tmp_path / "out")])

    assert "UNKNOWN MARKET" in capsys.readouterr().out
