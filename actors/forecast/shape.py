"""The shape of a Chronos-Bolt network, read from the `config.json` of its checkpoint."""

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from domain.errors import SettingsInvalid

ACTIVATIONS = ("relu", "gelu_new")
"""Functions between two matrices that we have; all published sizes use the first."""


SIZE_MAX = 1 << 20
"""A longer `config.json` is none [bytes]; the published ones have a thousandth of it."""

MOST = {
    "horizon": 4096,
    "context": 1 << 16,
    "patch": 4096,
    "heads": 256,
    "layers": 256,
    "buckets": 4096,
    "distance_max": 1 << 20,
    "start": 1 << 20,
}
"""Larger numbers than these no checkpoint has; a network of them would not fit anywhere."""


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
        wrong = (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError)
        try:
            if path.stat().st_size > SIZE_MAX:
                raise ValueError(f"more than {SIZE_MAX} bytes")
            return cls._of(json.loads(path.read_text(encoding="utf-8")))
        except (*wrong, OverflowError) as error:
            raise SettingsInvalid(f"{path} does not describe a Chronos-Bolt") from error

    @classmethod
    def _of(cls, config: dict[str, Any]) -> Self:
        """The shape in a configuration; what it leaves out is as transformers' T5 has it."""
        chronos = config["chronos_config"]
        gate, _, activation = config.get("feed_forward_proj", "relu").rpartition("-")
        activation = "gelu_new" if (gate, activation) == ("gated", "gelu") else activation
        if activation not in ACTIVATIONS:
            raise ValueError(activation)
        layers = _whole(config.get("num_layers", 6), MOST["layers"])
        patch = _whole(chronos["input_patch_size"], MOST["patch"])
        return cls(
            levels=_rising([round(float(level), 6) for level in chronos["quantiles"]]),
            horizon=_whole(chronos["prediction_length"], MOST["horizon"]),
            context=_whole(chronos["context_length"], MOST["context"]),
            patch=patch,
            stride=_whole(chronos["input_patch_stride"], patch),
            register=bool(chronos.get("use_reg_token", False)),
            heads=_whole(config.get("num_heads", 8), MOST["heads"]),
            encoder_layers=layers,
            decoder_layers=_whole(config.get("num_decoder_layers") or layers, MOST["layers"]),
            buckets=_whole(
                config.get("relative_attention_num_buckets", 32), MOST["buckets"], least=4
            ),
            distance_max=_whole(
                config.get("relative_attention_max_distance", 128), MOST["distance_max"]
            ),
            epsilon=_positive(config.get("layer_norm_epsilon", 1e-6)),
            activation=activation,
            gated=gate == "gated",
            start=_whole(config.get("decoder_start_token_id", 0), MOST["start"], least=0),
        )


def _whole(value: Any, most: int, least: int = 1) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} is no whole number from {least} to {most}")
    return value


def _positive(value: Any) -> float:
    if not 0 < float(value) < math.inf:
        raise ValueError(f"{value!r} is not positive")
    return float(value)


def _rising(levels: list[float]) -> tuple[float, ...]:
    if not all(0 < level < 1 for level in levels) or any(b <= a for a, b in pairwise(levels)):
        raise ValueError("levels that do not rise from 0 to 1")
    return tuple(levels)
