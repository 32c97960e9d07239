"""The shape of a Chronos-Bolt network, read from the `config.json` of its checkpoint."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from domain.errors import SettingsInvalid

ACTIVATIONS = ("relu", "gelu_new")
"""Functions between two matrices that we have; all published sizes use the first."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes and choices that the weights alone do not tell."""

    levels: tuple[float, ...]
    """Quantile levels of the output, increasing."""

    horizon: int
    """Steps ahead in one pass."""

    context: int
    """Points that are looked at, at most."""

    patch: int
    """Points of one token."""

    stride: int
    """Points from one token's start to the next one's."""

    register: bool
    """Whether a constant token ends the sequence ([REG])."""

    heads: int
    encoder_layers: int
    decoder_layers: int
    buckets: int
    """Kinds of distance between two tokens."""

    distance_max: int
    """Distances from here on are of one kind [tokens]."""

    epsilon: float
    """What keeps a norm from dividing by zero."""

    activation: str
    gated: bool
    """Whether a second matrix gates the activation."""

    start: int
    """Row of the shared embedding that the decoder starts from."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """The shape in a `config.json`.

        Raises:
            SettingsInvalid: it is no Chronos-Bolt's, or one with an activation that we lack.
        """
        try:
            return cls._of(json.loads(path.read_text()))
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            raise SettingsInvalid(f"{path} does not describe a Chronos-Bolt") from error

    @classmethod
    def _of(cls, config: dict[str, Any]) -> Self:
        """The shape in a configuration; what it leaves out is as transformers' T5 has it."""
        chronos = config["chronos_config"]
        gate, _, activation = config.get("feed_forward_proj", "relu").rpartition("-")
        activation = "gelu_new" if (gate, activation) == ("gated", "gelu") else activation
        if activation not in ACTIVATIONS:
            raise ValueError(activation)
        layers = config.get("num_layers", 6)
        return cls(
            levels=tuple(round(float(level), 6) for level in chronos["quantiles"]),
            horizon=chronos["prediction_length"],
            context=chronos["context_length"],
            patch=chronos["input_patch_size"],
            stride=chronos["input_patch_stride"],
            register=chronos.get("use_reg_token", False),
            heads=config.get("num_heads", 8),
            encoder_layers=layers,
            decoder_layers=config.get("num_decoder_layers") or layers,
            buckets=config.get("relative_attention_num_buckets", 32),
            distance_max=config.get("relative_attention_max_distance", 128),
            epsilon=config.get("layer_norm_epsilon", 1e-6),
            activation=activation,
            gated=gate == "gated",
            start=config.get("decoder_start_token_id", 0),
        )
