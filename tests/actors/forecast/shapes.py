"""Chronos-Bolt networks of the published shapes with random weights, whole or in small."""

from pathlib import Path
from typing import Any

import torch
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from transformers.models.t5.configuration_t5 import T5Config

from actors.forecast.engine import CORE

PUBLISHED: dict[str, dict[str, int]] = {
    "tiny": {"d_model": 256, "d_ff": 1024, "num_layers": 4, "num_heads": 4, "d_kv": 64},
    "mini": {"d_model": 384, "d_ff": 1536, "num_layers": 4, "num_heads": 8, "d_kv": 64},
    "small": {"d_model": 512, "d_ff": 2048, "num_layers": 6, "num_heads": 8, "d_kv": 64},
    "base": {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12, "d_kv": 64},
}
"""What tells the published sizes apart."""

BOLT: dict[str, Any] = {
    "context_length": 2048,
    "input_patch_size": 16,
    "input_patch_stride": 16,
    "prediction_length": 64,
    "quantiles": list(CORE),
    "use_reg_token": True,
}
"""What they share."""


def network(
    name: str, *, shrink: int = 1, bolt: dict[str, Any] | None = None, **changes: Any
) -> ChronosBoltModelForForecasting:
    """A network of a published shape, its widths divided by `shrink`.

    Every weight is random, norms and biases too, and large enough that each part matters.
    """
    torch.manual_seed(0)
    shape = dict(PUBLISHED[name])
    for width in ("d_model", "d_ff", "d_kv"):
        shape[width] //= shrink
    config = T5Config(
        vocab_size=2,
        pad_token_id=0,
        decoder_start_token_id=0,
        initializer_factor=1.0,
        architectures=["ChronosBoltModelForForecasting"],
        chronos_pipeline_class="ChronosBoltPipeline",
        chronos_config=BOLT | (bolt or {}),
        **shape | changes,
    )
    model = ChronosBoltModelForForecasting(config).float().eval()
    with torch.no_grad():
        for values in model.parameters():
            values.mul_(1 + 0.2 * torch.randn_like(values))
            if values.ndim == 1:
                values.add_(0.1 * torch.randn_like(values))
    return model


def saved(folder: Path, name: str, **changes: Any) -> Path:
    """A folder with the checkpoint of such a network."""
    network(name, **changes).save_pretrained(folder)
    return folder
