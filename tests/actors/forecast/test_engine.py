import hashlib
import json
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import torch
from chronos import ChronosBoltPipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from actors.forecast.engine import CORE, complete
from actors.forecast.engines import ENGINES
from actors.forecast.sources import EMBEDDED
from actors.forecast.stock import ChronosBolt
from domain.errors import SettingsInvalid
from domain.horizons import LEVELS, MEDIAN, STEPS
from tests.actors.forecast import made


@pytest.fixture(scope="module")
def embedded() -> ChronosBolt:
    return ChronosBolt(EMBEDDED, "embedded")


@pytest.fixture(scope="module")
def nine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.checkpoint(tmp_path_factory.mktemp("nine"), levels=CORE)


def test_forecast_has_a_price_for_each_series_step_and_level(embedded: ChronosBolt) -> None:
    forecast = embedded.forecast(made.paths(6))

    assert forecast.shape == (6, len(STEPS), len(LEVELS))
    assert forecast.dtype == np.float64


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), volatility=st.floats(1e-7, 0.05), price=st.floats(1e-4, 1e6))
def test_quantiles_are_finite_positive_and_never_fall(
    embedded: ChronosBolt, seed: int, volatility: float, price: float
) -> None:
    closes = made.paths(2, seed=seed, volatility=volatility) * price / 60_000

    forecast = embedded.forecast(closes)

    assert np.isfinite(forecast).all()
    assert (forecast > 0).all()
    assert (np.diff(forecast, axis=-1) >= 0).all()


def test_forecast_scales_with_the_price(embedded: ChronosBolt) -> None:
    closes = made.paths(4)

    np.testing.assert_allclose(
        embedded.forecast(closes * 1e-4), embedded.forecast(closes) * 1e-4, rtol=1e-6
    )


def test_one_series_is_forecast_alike_alone_and_among_many(embedded: ChronosBolt) -> None:
    closes = made.paths(300)

    together = embedded.forecast(closes)

    np.testing.assert_allclose(embedded.forecast(closes[290:291]), together[290:291], rtol=1e-6)


def test_the_stock_pipeline_gives_the_same_numbers(embedded: ChronosBolt) -> None:
    closes = made.paths(8)
    pipeline = ChronosBoltPipeline.from_pretrained(EMBEDDED, device_map="cpu")

    stock, _ = pipeline.predict_quantiles(
        torch.tensor(closes, dtype=torch.float32),
        prediction_length=max(STEPS),
        quantile_levels=list(LEVELS),
    )

    expected = np.sort(stock.numpy()[:, [step - 1 for step in STEPS]], axis=-1)
    np.testing.assert_allclose(embedded.forecast(closes), expected, rtol=1e-6)


def test_a_wild_hour_widens_the_forecast_and_a_quiet_one_narrows_it(
    embedded: ChronosBolt,
) -> None:
    steady = made.paths(50)
    moves = np.diff(np.log(steady), axis=1)

    def width(factor: float) -> float:
        scaled = moves * np.where(np.arange(moves.shape[1]) >= 170, factor, 1.0)
        closes = steady[:, :1] * np.exp(np.cumsum(np.pad(scaled, ((0, 0), (1, 0))), axis=1))
        forecast = embedded.forecast(closes)
        return float(np.mean((forecast[:, 0, -1] - forecast[:, 0, 0]) / closes[:, -1]))

    assert width(0.3) < 0.85 * width(1.0)
    assert width(1.0) < 0.7 * width(3.0)


def test_a_price_that_never_moves_is_forecast_to_stay(embedded: ChronosBolt) -> None:
    forecast = embedded.forecast(np.full((1, 200), 60_000.0))

    np.testing.assert_allclose(forecast, 60_000.0, rtol=1e-6)


def test_no_series_have_no_forecast(embedded: ChronosBolt) -> None:
    assert embedded.forecast(np.empty((0, 200))).shape == (0, 5, 13)


@pytest.mark.parametrize("shape", [(200,), (1, 199), (1, 1, 200)])
def test_another_shape_is_refused(embedded: ChronosBolt, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        embedded.forecast(np.ones(shape))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0, -1.0])
def test_a_close_that_is_no_price_is_refused(embedded: ChronosBolt, wrong: float) -> None:
    closes = made.paths(1)
    closes[0, 7] = wrong

    with pytest.raises(ValueError, match="positive"):
        embedded.forecast(closes)


def test_weights_are_named_by_their_hash(embedded: ChronosBolt) -> None:
    weights = (EMBEDDED / "model.safetensors").read_bytes()

    assert embedded.sha == hashlib.sha256(weights).hexdigest()
    assert len(weights) < 8_000_000


def test_levels_that_a_checkpoint_has_are_taken_as_they_are(nine: Path) -> None:
    closes = made.paths(3)
    pipeline = ChronosBoltPipeline.from_pretrained(nine, device_map="cpu")

    stock = pipeline.predict(torch.tensor(closes, dtype=torch.float32)).numpy()
    forecast = ChronosBolt(nine, "nine").forecast(closes)

    expected = np.sort(stock[:, :, [step - 1 for step in STEPS]].swapaxes(1, 2), axis=-1)
    shared = [LEVELS.index(level) for level in CORE]
    np.testing.assert_allclose(forecast[..., shared], expected, rtol=1e-5)


def test_missing_tails_go_on_as_a_normal_distribution() -> None:
    normal = NormalDist(100, 5)
    quantiles = np.array([normal.inv_cdf(level) for level in CORE])

    expected = [normal.inv_cdf(level) for level in LEVELS]

    np.testing.assert_allclose(complete(CORE, quantiles), expected)


def test_missing_tails_lean_as_the_known_quantiles_do() -> None:
    quantiles = np.array([90.0, 96, 98, 99, 100, 100.5, 101, 102, 103])

    tails = complete(CORE, quantiles)

    below, above = tails[MEDIAN] - tails[0], tails[-1] - tails[MEDIAN]
    assert below / above == pytest.approx(10 / 3)
    assert tails[0] < tails[1] < tails[2]


def test_a_checkpoint_without_the_core_levels_is_refused(tmp_path: Path) -> None:
    made.checkpoint(tmp_path, levels=(0.1, 0.5, 0.9))

    with pytest.raises(SettingsInvalid, match="levels"):
        ChronosBolt(tmp_path, "three")


def test_a_checkpoint_that_looks_too_near_is_refused(tmp_path: Path) -> None:
    made.checkpoint(tmp_path, levels=CORE, horizon=8)

    with pytest.raises(SettingsInvalid, match="15 steps"):
        ChronosBolt(tmp_path, "near")


def test_a_checkpoint_that_lacks_weights_is_refused(nine: Path, tmp_path: Path) -> None:
    weights = load_file(nine / "model.safetensors")
    del weights["output_patch_embedding.hidden_layer.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((nine / "config.json").read_text())

    with pytest.raises(SettingsInvalid, match="lacks weights"):
        ChronosBolt(tmp_path, "hollow")


def test_weights_that_are_no_safetensors_are_refused(nine: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((nine / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(b"not weights")

    with pytest.raises(SettingsInvalid, match="not a Chronos-Bolt"):
        ChronosBolt(tmp_path, "noise")


def test_another_kind_of_model_is_refused(nine: Path, tmp_path: Path) -> None:
    config = json.loads((nine / "config.json").read_text())
    del config["chronos_config"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((nine / "model.safetensors").read_bytes())

    with pytest.raises(SettingsInvalid, match="not a Chronos-Bolt"):
        ChronosBolt(tmp_path, "t5")


def test_eight_bits_are_near_the_exact_forecast_and_not_equal_to_it() -> None:
    closes = made.paths(6)

    exact = ENGINES["exact"](EMBEDDED, "exact").forecast(closes)
    rounded = ENGINES["int8"](EMBEDDED, "int8").forecast(closes)

    spread = exact[..., -1:] - exact[..., :1]
    error = np.abs(rounded - exact) / spread
    assert 1e-4 < error.max() < 0.3


def test_importing_the_engines_imports_no_torch() -> None:
    check = "import sys, actors.forecast.engines; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
