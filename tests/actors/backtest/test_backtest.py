"""A backtest is the replay, knows nothing of the future, and makes each forecast once."""

import io
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from actors.backtest.__main__ import main
from actors.backtest.cache import PROBE
from actors.backtest.remembered import BATCH
from actors.backtest.run import backtest
from actors.forecast.engine import Forecaster
from actors.forecast.tiles import tiling
from domain.horizons import TIMEFRAMES
from domain.ledger import Entry
from domain.units import MINUTE, SECOND, Floats
from persistence.environment import open_to_read
from persistence.ledger import LedgerStore
from tests.actors.backtest.market import (
    BEGIN,
    HISTORY_MINUTES,
    a_choice,
    events,
    ran_through,
    some_wanted,
    walk,
    written,
)
from tests.models import opinionated
from tests.program import ran

PROBED = BATCH + PROBE * len(TIMEFRAMES)
"""Windows that tell how an engine rounds; they are asked for in each run."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return opinionated(tmp_path_factory.mktemp("model"), shift=0.3)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("market") / "MADE-1m.parquet", walk(90))


def ledger(home: Path) -> tuple[Entry, ...]:
    with closing(open_to_read(home / "store")) as environment:
        return LedgerStore(environment).since(0)


def said_at(minutes: int) -> str:
    moment = datetime.fromtimestamp((BEGIN + minutes * MINUTE) // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def test_backtest_is_the_replay_of_the_same_data(tmp_path: Path, market: Path, model: Path) -> None:
    replayed = ran(
        *("--replay", market, "--speed", "max", "--headless", "--home", tmp_path / "replay"),
        *("--from", said_at(0)[:16], "--to", said_at(60)[:16], "--eager", "--model", model),
    )

    lived, _ = ran_through(some_wanted(market, tmp_path / "out", minutes=60), a_choice(model))

    assert (replayed.status, replayed.err) == (0, "")
    replay = events(tmp_path / "replay")
    assert lived == [event for event in replay if "--eager" not in event.get("text", "")]
    assert ledger(tmp_path / "out" / "home") == ledger(tmp_path / "replay")
    assert len(ledger(tmp_path / "replay")) > 3


def test_nothing_that_happens_later_changes_what_was_done_before(
    tmp_path: Path, market: Path, model: Path
) -> None:
    rng = np.random.default_rng(7)
    wanted = some_wanted(market, tmp_path / "out")
    known, _ = ran_through(wanted, a_choice(model))

    for parted in sorted(rng.choice(np.arange(3, 27), 3, replace=False).tolist()):
        closes = walk(90)
        later = closes[HISTORY_MINUTES + parted :]
        later[:] = later * (1 + rng.normal(0, 5e-3, len(later)).cumsum())
        other = replace(wanted, data=(written(tmp_path / "MADE-1m.parquet", closes),))
        found, _ = ran_through(other, a_choice(model))

        instant = said_at(parted)
        early = [event for event in known if event["at"] <= instant]
        assert early == [event for event in found if event["at"] <= instant]
        assert found[len(early) :] != known[len(early) :]
        assert {"forecast", "signal"} <= {x["event"] for x in early if x["at"] == instant}


class Counting:
    """A model that counts the windows it is asked for."""

    def __init__(self, model: Forecaster, count: Callable[[int], None]) -> None:
        self.name, self.sha, self.verified = model.name, model.sha, model.verified
        self._model = model
        self._count = count

    def forecast(self, closes: Floats) -> Floats:
        self._count(len(closes))
        return self._model.forecast(closes)


@pytest.mark.skipif(not tiling(), reason="this OpenBLAS rounds by the size of a product")
def test_second_run_asks_the_model_nothing(tmp_path: Path, market: Path, model: Path) -> None:
    asked: list[int] = []
    counted = replace(a_choice(model), around=lambda inner: Counting(inner, asked.append))
    wanted = some_wanted(market, tmp_path / "out", minutes=20)

    first, _ = ran_through(wanted, counted)
    once, asked[:] = sum(asked), []
    again, said = ran_through(wanted, counted)

    assert once > PROBED + 500
    assert sum(asked) == PROBED
    assert "forecasts were made before" in said
    assert again == first


def test_report_lies_beside_the_run(tmp_path: Path, market: Path, model: Path) -> None:
    wanted = some_wanted(market, tmp_path / "out", minutes=20, workers=2)

    sentence = backtest(wanted, a_choice(model), io.StringIO())

    assert "closed trade" in sentence
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    names = "sharpe_252 sharpe_365 sortino win_rate trades pnl fees funding slippage"
    names += " max_drawdown exposure turnover win_rate_interval"
    assert set(names.split()) <= metrics.keys()
    assert {"pnl", "sharpe_365", "max_drawdown"} <= metrics["buy_and_hold"].keys()
    assert (tmp_path / "out" / "ledger.jsonl").is_file()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"--data": "{out}/none.parquet"}, "no such file"),
        ({"--to": "2025-03-01"}, "--from must be earlier"),
        ({"--to": "2025-03-02"}, "the data end at 2025-03-01T01:30"),
        ({"--from": "2019-01-01"}, "choose --from and --to within"),
        ({"--from": "yesterday"}, "is no moment"),
        ({"--workers": "0"}, "no number of processes"),
        ({"--model": "{out}"}, "no model folder"),
        ({"--out": "{mine}"}, "holds something that no backtest made"),
        ({"--out": "{market}/out"}, "cannot be written"),
    ],
)
def test_bad_argument_is_one_line(
    tmp_path: Path,
    market: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    words: str,
) -> None:
    (tmp_path / "mine" / "home").mkdir(parents=True)
    (tmp_path / "mine" / "home" / "diary").touch()
    named = {"out": tmp_path / "out", "mine": tmp_path / "mine", "market": market}
    options = {
        "--data": str(market),
        "--from": "2025-03-01",
        "--to": "2025-03-01T01:00",
        "--out": str(tmp_path / "out"),
    } | {option: value.format(**named) for option, value in changed.items()}

    status = main([word for pair in options.items() for word in pair])

    assert status == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert (tmp_path / "mine" / "home" / "diary").is_file()
