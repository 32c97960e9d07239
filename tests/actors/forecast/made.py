"""What the forecast's tests are fed with: price paths, candle files, tiny checkpoints."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from transformers.models.t5.configuration_t5 import T5Config

from actors.forecast.corpus import MINUTE_MS, Candles
from domain.horizons import CONTEXT
from domain.units import Floats

MIDNIGHT_MS = 1_700_006_400_000
"""2023-11-15T00:00:00Z."""


def paths(count: int, *, seed: int = 0, volatility: float = 1e-3, length: int = CONTEXT) -> Floats:
    """Random walks about 60,000, shape (count, length)."""
    rng = np.random.default_rng(seed)
    return 60_000 * np.exp(np.cumsum(rng.normal(0, volatility, (count, length)), axis=1))


def candles(minutes: Sequence[int]) -> Candles:
    """One-minute candles at these minutes; each close is its minute plus one."""
    places = np.array(minutes, dtype=np.int64)
    closes = (places + 1).astype(np.float64)
    return Candles("made", 1, MIDNIGHT_MS + places * MINUTE_MS, closes)


def candle_file(path: Path, *, days: int, seed: int = 0) -> Path:
    """A parquet file in the shape of the archive: a random walk of one-minute closes."""
    closes = paths(1, seed=seed, length=days * 1440)[0]
    opened = MIDNIGHT_MS + MINUTE_MS * np.arange(len(closes))
    table = pa.table({"open_time": opened, "close": np.round(closes * 100).astype(np.int64)})
    pq.write_table(table.replace_schema_metadata({b"price_scale": b"100"}), path)
    return path


def checkpoint(
    folder: Path, *, levels: Sequence[float], horizon: int = 64, width: int = 32
) -> Path:
    """A Chronos-Bolt with random weights, saved as its own library saves it."""
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=2,
        d_model=width,
        d_kv=16,
        num_heads=2,
        d_ff=64,
        num_layers=1,
        num_decoder_layers=1,
        pad_token_id=0,
        decoder_start_token_id=0,
        architectures=["ChronosBoltModelForForecasting"],
        chronos_pipeline_class="ChronosBoltPipeline",
        chronos_config={
            "context_length": 512,
            "prediction_length": horizon,
            "input_patch_size": 16,
            "input_patch_stride": 16,
            "quantiles": list(levels),
            "use_reg_token": True,
        },
    )
    ChronosBoltModelForForecasting(config).save_pretrained(folder)
    return folder
