import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from chronos import ChronosBoltPipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers.models.t5.modeling_t5 import T5Attention

from actors.forecast import encoder, tiles
from actors.forecast.encoder import buckets
from actors.forecast.engine import CORE, THREADS, Forecaster
from actors.forecast.exact import ExactBolt
from actors.forecast.scaling import total
from actors.forecast.shape import Shape
from actors.forecast.sources import EMBEDDED
from actors.forecast.stock import ChronosBolt
from actors.forecast.tiles import Matrix, tile
from actors.forecast.weights import Weights
from domain.errors import SettingsInvalid
from domain.horizons import LEVELS, STEPS
from tests.actors.forecast import made, shapes

Float32 = NDArray[np.float32]

ERROR_MAX = 5e-6
"""Difference to stock, relative to the largest output."""

MEMORY_MAX_MB = 150
"""Peak of a process that forecasts with the embedded model."""

START_MAX_S = 1.0
"""From the start of a process to its first forecast."""


class Pair:
    """The same checkpoint in stock and in ours."""

    def __init__(self, folder: Path) -> None:
        self.exact = ExactBolt(folder, "exact")
        self.pipeline = ChronosBoltPipeline.from_pretrained(folder, device_map="cpu")

    def stock(self, context: Float32) -> Float32:
        with torch.inference_mode():
            paths = self.pipeline.model(context=torch.tensor(context)).quantile_preds
        return cast("Float32", paths.mT.numpy())

    def error(self, context: Float32) -> float:
        """The largest difference of a series relative to its own largest output."""
        stock, ours = self.stock(context), self.exact.quantiles(context)
        assert ours.shape == stock.shape
        assert ours.dtype == np.float32
        largest = np.abs(stock).max(axis=(1, 2))
        return float((np.abs(ours - stock).max(axis=(1, 2)) / largest).max(initial=0))


@pytest.fixture(scope="module", params=["tiny", "mini", "small", "base"])
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp(request.param)
    return Pair(shapes.saved(folder, request.param, shrink=4))


@pytest.fixture(scope="module")
def embedded() -> Pair:
    return Pair(EMBEDDED)


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("little")
    return Pair(shapes.saved(folder, "tiny", shrink=4, num_layers=2))


def walks(count: int, length: int, seed: int = 0) -> Float32:
    """Random walks about zero: no level hides an error."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, length)).cumsum(axis=1).astype(np.float32)


@pytest.mark.parametrize(("count", "length"), [(1, 200), (6, 200), (64, 200), (3, 16), (2, 2048)])
def test_published_shapes_give_the_numbers_of_stock(
    published: Pair, count: int, length: int
) -> None:
    assert published.error(walks(count, length)) < ERROR_MAX


@pytest.mark.parametrize(("count", "length"), [(1, 200), (6, 208), (512, 200), (5, 16), (3, 2048)])
def test_the_embedded_checkpoint_gives_the_numbers_of_stock(
    embedded: Pair, count: int, length: int
) -> None:
    assert embedded.error(walks(count, length)) < ERROR_MAX


@settings(max_examples=60)
@given(
    count=st.integers(1, 64),
    length=st.integers(16, 2048),
    seed=st.integers(0, 10_000),
    gaps=st.floats(0, 1),
    missing=st.integers(0, 2048),
    level=st.floats(-1e6, 1e6),
    scale=st.floats(1e-6, 1e6),
)
def test_any_series_with_any_gaps_is_forecast_as_by_stock(  # noqa: PLR0913 - one a dimension
    *,
    little: Pair,
    count: int,
    length: int,
    seed: int,
    gaps: float,
    missing: int,
    level: float,
    scale: float,
) -> None:
    series = walks(min(count, 1 + 20_000 // length), length, seed) * np.float32(scale)
    series += np.float32(level)
    rng = np.random.default_rng(seed)
    series[rng.random(series.shape) < gaps * rng.random((len(series), 1))] = np.nan
    series[-1, : min(missing, length - 1)] = np.nan

    assert little.error(series) < ERROR_MAX


@settings(max_examples=60)
@given(
    value=st.floats(-1e6, 1e6, width=32) | st.floats(-1, 1, width=32),
    length=st.integers(16, 2048),
    missing=st.integers(0, 15),
)
def test_a_series_that_never_moves_is_forecast_as_by_stock(
    little: Pair, value: float, length: int, missing: int
) -> None:
    series = np.full((1, length), value, np.float32)
    series[0, :missing] = np.nan

    assert little.error(series) < ERROR_MAX


def test_a_series_of_which_nothing_is_known_is_forecast_as_by_stock(little: Pair) -> None:
    series = walks(3, 200)
    series[1] = np.nan

    assert little.error(series) < ERROR_MAX


def test_a_context_that_is_too_long_is_cut_as_by_stock(embedded: Pair) -> None:
    series = walks(2, 3000)

    assert embedded.error(series) < ERROR_MAX
    np.testing.assert_array_equal(
        embedded.exact.quantiles(series), embedded.exact.quantiles(series[:, -208:])
    )


def test_the_pipeline_gives_the_same_quantiles(little: Pair) -> None:
    series = walks(6, 200)

    stock, _ = little.pipeline.predict_quantiles(
        torch.tensor(series), prediction_length=24, quantile_levels=list(CORE)
    )
    ours = little.exact.quantiles(series, tuple(range(1, 25)))

    np.testing.assert_allclose(ours, stock.numpy(), atol=ERROR_MAX * float(stock.abs().max()))


def test_steps_that_are_not_wanted_change_nothing(little: Pair) -> None:
    series = walks(6, 200)

    some = little.exact.quantiles(series, (1, 15, 64))

    np.testing.assert_allclose(
        some, little.exact.quantiles(series)[:, [0, 14, 63]], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"feed_forward_proj": "gated-gelu"},
        {"feed_forward_proj": "gelu_new"},
        {"num_decoder_layers": 1},
        {"relative_attention_num_buckets": 16, "relative_attention_max_distance": 20},
        {"layer_norm_epsilon": 1e-2},
        {"bolt": {"use_reg_token": False}},
        {"bolt": {"input_patch_stride": 8}},
        {"bolt": {"input_patch_size": 10, "input_patch_stride": 10, "prediction_length": 17}},
        {"d_model": 60, "num_heads": 3, "d_kv": 20, "d_ff": 90},
    ],
    ids=str,
)
def test_other_architectures_give_the_numbers_of_stock(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    both = Pair(shapes.saved(tmp_path, "tiny", **{"shrink": 4, "num_layers": 2} | changes))
    series = walks(5, 333)
    series[2, :250] = np.nan

    assert both.error(series) < ERROR_MAX


def test_forecasts_are_those_of_the_stock_engine(embedded: Pair) -> None:
    closes = made.paths(300)
    exact: Forecaster = embedded.exact

    ours, stock = exact.forecast(closes), ChronosBolt(EMBEDDED, "stock").forecast(closes)

    assert ours.shape == (300, len(STEPS), len(LEVELS))
    np.testing.assert_allclose(ours, stock, rtol=1e-7)
    assert exact.sha == ChronosBolt(EMBEDDED, "stock").sha


def test_no_series_have_no_forecast(embedded: Pair) -> None:
    assert embedded.exact.forecast(np.empty((0, 200))).shape == (0, 5, 13)


def test_a_close_that_is_no_price_is_refused(embedded: Pair) -> None:
    with pytest.raises(ValueError, match="positive"):
        embedded.exact.forecast(np.zeros((1, 200)))


def test_the_same_series_give_the_same_bytes(embedded: Pair) -> None:
    closes = made.paths(100)

    again = ExactBolt(EMBEDDED, "again").forecast(closes)

    assert embedded.exact.forecast(closes).tobytes() == again.tobytes()


def test_threads_and_company_do_not_change_a_forecast(embedded: Pair) -> None:
    closes = made.paths(100)

    alone = ExactBolt(EMBEDDED, "alone", threads=1)

    expected = embedded.exact.forecast(closes)
    np.testing.assert_allclose(alone.forecast(closes), expected, rtol=1e-7)
    np.testing.assert_allclose(alone.forecast(closes[90:91]), expected[90:91], rtol=1e-7)


@pytest.mark.skipif(not tiles.tiling(), reason="this OpenBLAS rounds by the size of a product")
@pytest.mark.parametrize("together", [1, 2, 3, 5, 43])
def test_with_tiles_the_company_changes_no_bit_of_a_forecast(
    embedded: Pair, published: Pair, together: int
) -> None:
    closes = made.paths(90)

    for model in (embedded.exact, published.exact):
        parts = [model.forecast(closes[n : n + together]) for n in range(0, 90, together)]
        assert np.concatenate(parts).tobytes() == model.forecast(closes).tobytes()


def test_without_tiles_the_numbers_are_the_same(
    monkeypatch: pytest.MonkeyPatch, embedded: Pair
) -> None:
    closes = made.paths(20)
    for module in (tiles, encoder):
        monkeypatch.setattr(module, "tiling", lambda: False)

    plain = ExactBolt(EMBEDDED, "plain").forecast(closes)

    np.testing.assert_allclose(plain, embedded.exact.forecast(closes), rtol=1e-7)


@pytest.mark.parametrize(
    ("depth", "width"), [(256, 768), (512, 2048), (2048, 512), (384, 1536), (32, 100), (97, 64)]
)
def test_a_product_in_tiles_is_the_product(depth: int, width: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(depth, width)).astype(np.float32)
    rows = rng.normal(size=(2, 42, depth)).astype(np.float32)

    np.testing.assert_allclose(Matrix(values)(rows), rows @ values, rtol=1e-4, atol=1e-3)


@given(depth=st.integers(1, 4096), width=st.integers(1, 4096))
def test_tiles_divide_the_matrix(depth: int, width: int) -> None:
    deep, wide = tile(depth, width)

    assert depth % deep == 0
    assert width % wide == 0


@pytest.mark.parametrize("length", [8, 16, 17, 33, 100, 200, 208, 511, 777, 1024, 2048])
@pytest.mark.parametrize("count", [1, 5])
def test_sums_are_rounded_as_torch_rounds_them(count: int, length: int) -> None:
    rows = 3 + np.random.default_rng(length).normal(size=(count, length)).astype(np.float32)

    np.testing.assert_array_equal(total(rows), torch.nansum(torch.tensor(rows), dim=-1).numpy())


@pytest.mark.parametrize(("kinds", "longest"), [(32, 128), (16, 20), (64, 300)])
def test_distances_are_sorted_as_t5_sorts_them(kinds: int, longest: int) -> None:
    distances = np.arange(-600, 600)
    shape = Shape.read(EMBEDDED / "config.json")
    object.__setattr__(shape, "buckets", kinds)
    object.__setattr__(shape, "distance_max", longest)

    expected = T5Attention._relative_position_bucket(
        torch.tensor(distances), num_buckets=kinds, max_distance=longest
    )

    np.testing.assert_array_equal(buckets(distances, shape), expected.numpy())


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_are_read_as_safetensors_reads_them(tmp_path: Path, kind: torch.dtype) -> None:
    file = tmp_path / "model.safetensors"
    torch.manual_seed(0)
    tensors = {"a.b": torch.randn(3, 5), "c": torch.randn(7), "d": torch.randn(2, 3, 4)}
    save_file({name: tensor.to(kind) for name, tensor in tensors.items()}, file)

    weights = Weights(file)

    assert set(weights) == set(tensors)
    assert len(weights) == len(tensors)
    for name, tensor in load_file(file).items():
        assert weights[name].dtype == np.float32
        np.testing.assert_array_equal(weights[name], tensor.float().numpy())


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"not weights",
        b"\xff" * 64,
        (2).to_bytes(8, "little") + b"[]",
        (13).to_bytes(8, "little") + b'{"a": {"b":1}}',
        (64).to_bytes(8, "little")
        + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'.ljust(64)
        + b"\0" * 35,
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(damage)
    (tmp_path / "config.json").write_text((EMBEDDED / "config.json").read_text())

    with pytest.raises(SettingsInvalid):
        ExactBolt(tmp_path, "damaged")


@pytest.mark.parametrize("kind", [torch.int8, torch.float64])
def test_another_kind_of_number_is_refused(tmp_path: Path, kind: torch.dtype) -> None:
    file = tmp_path / "model.safetensors"
    save_file({"a": torch.ones(3, dtype=kind)}, file)

    with pytest.raises(SettingsInvalid, match="can be read"):
        Weights(file)["a"]


def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    weights = load_file(EMBEDDED / "model.safetensors")
    del weights["output_patch_embedding.hidden_layer.weight"]
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((EMBEDDED / "config.json").read_text())

    with pytest.raises(SettingsInvalid, match="lacks weights"):
        ExactBolt(tmp_path, "hollow")


@pytest.mark.parametrize(
    ("key", "value"),
    [("chronos_config", {}), ("feed_forward_proj", "gated-swish"), ("feed_forward_proj", None)],
)
def test_a_shape_that_we_do_not_know_is_refused(tmp_path: Path, key: str, value: object) -> None:
    config = json.loads((EMBEDDED / "config.json").read_text()) | {key: value}
    (tmp_path / "config.json").write_text(json.dumps(config))

    with pytest.raises(SettingsInvalid, match="does not describe"):
        Shape.read(tmp_path / "config.json")


def test_a_checkpoint_without_the_core_levels_is_refused(tmp_path: Path) -> None:
    made.checkpoint(tmp_path, levels=(0.1, 0.5, 0.9))

    with pytest.raises(SettingsInvalid, match="levels"):
        ExactBolt(tmp_path, "three")


def fresh(code: str, **environment: str) -> list[str]:
    """What a fresh process prints, line by line."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


FIRST_FORECAST = """
from actors.forecast.blas import settle_blas
settle_blas()
import pathlib, resource, sys
import numpy as np
from actors.forecast.exact import ExactBolt
from actors.forecast.sources import EMBEDDED
from actors.forecast.stock import ChronosBolt
ExactBolt(EMBEDDED, "embedded").forecast(np.full((6, 200), 60_000.0))
used = resource.getrusage(resource.RUSAGE_SELF)
status = pathlib.Path("/proc/self/status")  # getrusage counts what was there before exec as well
peak = [line for line in status.read_text().splitlines() if "VmHWM" in line]
print(int(peak[0].split()[1]) / 1024)
print(used.ru_utime + used.ru_stime)
print(sorted({"torch", "transformers", "chronos", "safetensors"} & set(sys.modules)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_fresh_process_forecasts_soon_in_little_memory_without_torch() -> None:
    memory_mb, processor_s, heavy = fresh(FIRST_FORECAST)

    assert float(memory_mb) < MEMORY_MAX_MB
    assert float(processor_s) < START_MAX_S
    assert heavy == "[]"


LOADED_BLAS = """
import sys
import threading
from actors.forecast.blas import settle_blas
print("numpy" in sys.modules, settle_blas())
import ctypes, pathlib
import numpy
for path in (pathlib.Path(numpy.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
    library = ctypes.CDLL(str(path))
    core = library.scipy_openblas_get_corename64_
    core.restype = ctypes.c_char_p
    print(core().decode(), library.scipy_openblas_get_num_threads64_())
"""


def test_blas_is_settled_before_numpy_whatever_the_environment_says() -> None:
    usual = fresh(LOADED_BLAS)
    trapped = fresh(LOADED_BLAS, OPENBLAS_CORETYPE="Prescott", OPENBLAS_NUM_THREADS="64")

    assert trapped[0] == "False True"
    assert trapped == usual
    assert all(line.endswith(" 1") for line in trapped[1:])


def test_settling_blas_too_late_is_said() -> None:
    code = "import numpy; from actors.forecast.blas import settle_blas; print(settle_blas())"

    assert fresh(code) == ["False"]


def test_at_most_two_threads_compute_a_forecast() -> None:
    before = set(threading.enumerate())

    engine = ExactBolt(EMBEDDED, "embedded")
    engine.forecast(made.paths(100))

    ours = [thread for thread in threading.enumerate() if thread not in before]
    assert len([thread for thread in ours if thread.name.startswith("forecast")]) <= THREADS - 1
