import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.forecast.corpus import MINUTE_MS, Candles
from actors.forecast.engine import Forecaster
from actors.forecast.evaluate import main
from actors.forecast.evaluation import corrected_online, evaluated, forecasts, scores
from actors.forecast.experience import experience
from domain.calibration import untaught
from domain.horizons import LEVELS, STEPS, Timeframe
from domain.units import Floats, Nanos

DAY_MS = 1440 * MINUTE_MS
START = 20_000 * DAY_MS
"""A midnight."""


class Wide:
    """Expects a quarter of a percent up and down around the last close, whatever it sees."""

    name = "wide"
    sha = "00"
    verified = True

    def forecast(self, closes: Floats) -> Floats:
        spread = 1 + (np.array(LEVELS) - 0.5) * 0.005
        return np.tile(closes[:, -1, None, None] * spread, (1, len(STEPS), 1))


def a_market(days: int, seed: int = 1) -> Candles:
    rng = np.random.default_rng(seed)
    minutes = days * 1440
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, minutes)))
    opened = START + np.arange(minutes, dtype=np.int64) * MINUTE_MS
    return Candles("market", 1, opened, closes)


def test_each_forecast_stands_beside_the_closes_that_came() -> None:
    market: Candles = a_market(2)
    model: Forecaster = Wide()

    found = forecasts(model, market, Timeframe.M5, (START, START + 2 * DAY_MS), stride=1)

    assert (found.origins % (5 * MINUTE_MS) == 0).all()
    last = np.searchsorted(market.opened, found.origins) - 1
    assert (found.last_closes == market.closes[last]).all()
    for place, step in enumerate(STEPS):
        assert (found.actuals[:, place] == market.closes[last + 5 * step]).all()
    assert found.quantiles.shape == (len(found.origins), len(STEPS), len(LEVELS))


def test_stride_keeps_only_origins_on_its_multiples() -> None:
    span = (START, START + DAY_MS)

    found = forecasts(Wide(), a_market(1), Timeframe.M3, span, stride=5)

    assert (found.origins % (15 * MINUTE_MS) == 0).all()


def test_calibration_of_a_forecast_knows_nothing_of_its_future() -> None:
    # given two markets that part at noon
    before, after = a_market(2), a_market(2)
    noon = 1440 + 720
    after.closes[noon:] *= 1.5
    span = (START, START + 2 * DAY_MS)

    one, other = (
        corrected_online(forecasts(Wide(), market, Timeframe.M1, span, stride=1), untaught())
        for market in (before, after)
    )

    early = one.origins <= START + noon * MINUTE_MS
    assert early.sum() > 1000
    assert (one.quantiles[early] == other.quantiles[early]).all()
    assert not (one.quantiles[~early] == other.quantiles[~early]).all()


def test_calibrated_intervals_cover_what_they_promise() -> None:
    market = a_market(12)
    span = (START + 6 * DAY_MS, START + 12 * DAY_MS)

    raw = evaluated(Wide(), market, span, stride=1, raw=True).found[0]
    learnt = evaluated(Wide(), market, span, stride=1, raw=False).found[0]

    assert next(scores(raw)).coverage[0] > 0.9
    assert next(scores(learnt)).width_bps < next(scores(raw)).width_bps
    assert next(scores(learnt)).coverage == pytest.approx((0.8, 0.9, 0.95), abs=0.02)


def archive(path: Path, days: int) -> Path:
    market = a_market(days)
    prices = np.rint(market.closes * 100).astype(np.int64)
    table = pa.table({"open_time": market.opened, "close": prices})
    pq.write_table(table.replace_schema_metadata({"price_scale": "100"}), path)
    return path


def test_evaluation_writes_its_two_files(tmp_path: Path) -> None:
    data = archive(tmp_path / "candles.parquet", days=14)
    out = tmp_path / "out"
    arguments = ["--data", str(data), "--from", "2024-10-16", "--to", "2024-10-17"]

    teach = tmp_path / "experience.json"
    assert main([*arguments, "--stride", "60", "--out", str(out), "--teach", str(teach)]) == 0

    metrics = json.loads((out / "metrics.json").read_text())
    table = pq.read_table(out / "forecasts.parquet")
    assert table.column_names[:5] == ["origin", "timeframe", "step", "last_close", "actual"]
    assert table.column_names[5:] == [f"q{level}" for level in LEVELS]
    assert len(table) == sum(cell["count"] for cell in metrics["cells"])
    assert metrics["calibrated"] is True
    assert metrics["model"] == "embedded"
    assert [level for level, _ in metrics["reliability"]["levels"]] == list(LEVELS)
    assert set(metrics["reliability"]["signals"]) == {"confidence", "probability", "gain"}
    assert sum(one["count"] for one in metrics["reliability"]["signals"]["gain"]) > 5
    known = experience(metrics["model_sha"], Nanos(10**19), teach)
    assert (known.counts[:, 0] > 20).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--from", "yesterday"], "'yesterday'"),
        (["--to", "2024-10-15"], "earlier"),
        (["--stride", "0"], "'0'"),
        (["--data", "missing.parquet"], "missing.parquet"),
        (["--from", "2030-01-01", "--to", "2030-01-02"], "no forecast can be made"),
        (["--model", "nowhere"], "nowhere"),
        (["--bogus"], "--bogus"),
    ],
)
def test_bad_argument_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], words: str
) -> None:
    data = archive(tmp_path / "candles.parquet", days=1)
    usual = ["--data", str(data), "--from", "2024-10-16", "--to", "2024-10-17", "--out", "x"]

    assert main([*usual, *change]) == 2

    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
