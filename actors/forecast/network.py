"""The network that we train: a stock Chronos-Bolt of our size, started in a good place.

Only the weights are ours. The classes and the files are those of chronos-forecasting, so any user
of that package can load the result with `ChronosBoltPipeline.from_pretrained`.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import torch
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from torch import Tensor
from transformers.models.t5.configuration_t5 import T5Config
from transformers.utils import logging

from actors.forecast.engine import fingerprint
from actors.forecast.stock import load
from actors.forecast.windows import HORIZON
from domain.errors import SettingsInvalid
from domain.horizons import LEVELS

PATCH = 16
"""Closes in one token."""

LENGTH_MAX = 208
"""Longest context: 13 whole patches, the fewest that hold the 200 closes."""

STEP_SCALE = 0.17
"""Typical one-step move of a random walk of 200 points, in deviations of the window."""


@dataclass(frozen=True, slots=True)
class Size:
    """Widths and depths of one network."""

    width: int
    heads: int
    hidden: int
    encoders: int
    decoders: int


SIZES = {
    "nano": Size(width=32, heads=2, hidden=64, encoders=1, decoders=1),
    "small": Size(width=128, heads=4, hidden=256, encoders=3, decoders=1),
    "medium": Size(width=128, heads=4, hidden=512, encoders=4, decoders=2),
    "large": Size(width=256, heads=4, hidden=1024, encoders=4, decoders=4),
}
"""What `--size` may name: for tests, the embedded model, twice its size, the published tiny."""


def build(size: Size) -> ChronosBoltModelForForecasting:
    """A fresh network; torch's seed decides its weights."""
    model = ChronosBoltModelForForecasting(_config(size))
    with torch.no_grad():
        _look_at_differences(model)
        _begin_as_random_walk(model)
    return model


def begin(start: Path | None, size: str, seed: int) -> ChronosBoltModelForForecasting:
    """The network that a training starts with: that of the folder, else a fresh one of the size.

    Raises:
        SettingsInvalid: the folder holds no checkpoint that this training could continue.
    """
    torch.set_num_threads(min(2, torch.get_num_threads()))
    torch.manual_seed(seed)
    if start is None:
        return build(SIZES[size])
    fingerprint(start)
    model = load(start)
    chronos = model.chronos_config
    if tuple(chronos.quantiles) != LEVELS or chronos.prediction_length != HORIZON:
        raise SettingsInvalid(f"cannot start from {start}: its levels or horizon are not ours")
    return model


def save(model: ChronosBoltModelForForecasting, folder: Path) -> None:
    """Write `config.json` and `model.safetensors`, the weights in float16.

    The configuration goes on saying float32: that is what loaders are to compute in.
    """
    logging.disable_progress_bar()
    half = {name: tensor.detach().cpu().half() for name, tensor in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=half)


def raw_quantiles(
    model: ChronosBoltModelForForecasting, context: Tensor, *, half: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The model's own forward pass up to the scaled quantiles, full contexts only.

    As `ChronosBoltModelForForecasting.forward`, but with bfloat16 inside the transformer alone:
    in the patches it would drown one-step moves, which are a tenth of the levels they sit on.

    Args:
        model: the network.
        context: relative prices without a NaN, shape (n, L).
        half: compute the transformer in bfloat16.

    Returns:
        quantiles in deviations of the window (n, levels, HORIZON), its mean (n, 1) and deviation.
    """
    scaled, (mean, deviation) = model.instance_norm(context)
    patches = model.patch(scaled)
    seen = patches.isnan().logical_not().to(patches.dtype)
    embedded = model.input_patch_embedding(torch.cat([patches.nan_to_num(0.0), seen], dim=-1))
    start = torch.zeros((len(context), 1), dtype=torch.long, device=context.device)
    with torch.autocast(context.device.type, dtype=torch.bfloat16, enabled=half):
        tokens = torch.cat([embedded, model.shared(start + 1)], dim=1)
        encoded = model.encoder(inputs_embeds=tokens)[0]
        decoded = model.decoder(input_ids=start, encoder_hidden_states=encoded)[0]
    flat = model.output_patch_embedding(decoded.float())
    return flat.view(len(context), len(LEVELS), HORIZON), mean, deviation


def _config(size: Size) -> T5Config:
    return T5Config(
        vocab_size=2,
        d_model=size.width,
        d_kv=size.width // size.heads,
        num_heads=size.heads,
        d_ff=size.hidden,
        num_layers=size.encoders,
        num_decoder_layers=size.decoders,
        dropout_rate=0.0,
        feed_forward_proj="relu",
        pad_token_id=0,
        decoder_start_token_id=0,
        eos_token_id=1,
        is_encoder_decoder=True,
        use_cache=False,
        tie_word_embeddings=True,
        architectures=["ChronosBoltModelForForecasting"],
        chronos_pipeline_class="ChronosBoltPipeline",
        chronos_config={
            "context_length": LENGTH_MAX,
            "prediction_length": HORIZON,
            "input_patch_size": PATCH,
            "input_patch_stride": PATCH,
            "quantiles": list(LEVELS),
            "use_reg_token": True,
        },
    )


def _look_at_differences(model: ChronosBoltModelForForecasting) -> None:
    """Let half of the patch units begin as mixtures of one-step moves, at their natural scale.

    Volatility is what there is to learn, and a level of ±2 hides the moves of ±0.17 from units
    with random weights for a long time.
    """
    weight = model.input_patch_embedding.hidden_layer.weight
    moves = torch.diff(torch.eye(PATCH), dim=0) / STEP_SCALE
    half = len(weight) // 2
    mixing = torch.randn(half, PATCH - 1) / (PATCH - 1) ** 0.5
    alone = torch.cat([torch.eye(PATCH - 1), -torch.eye(PATCH - 1)])[:half]
    mixing[: len(alone)] = alone
    weight[:half, :PATCH] = mixing @ moves
    weight[:half, PATCH:] = 0.0


def _begin_as_random_walk(model: ChronosBoltModelForForecasting) -> None:
    """Let the first forecasts be close to those of a random walk about the window's mean."""
    output = model.output_patch_embedding
    output.output_layer.weight.mul_(0.1)
    output.residual_layer.weight.mul_(0.1)
    normal = torch.tensor([NormalDist().inv_cdf(level) for level in LEVELS])
    spread = STEP_SCALE * torch.arange(1, HORIZON + 1).sqrt()
    output.residual_layer.bias.copy_((normal[:, None] * spread).flatten())
