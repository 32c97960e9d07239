"""Chronos-Bolt's encoder: patches of a series become tokens that look at one another."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.forecast.layers import FUNCTIONS, Perceptron, Residual, normed, softmax
from actors.forecast.shape import Shape
from actors.forecast.tiles import ROWS, Matrix, tiling
from actors.forecast.weights import Float32

FLOOR = np.finfo(np.float32).min
"""What is added to the score of a token that must not be seen."""


@dataclass(frozen=True, slots=True)
class _Attention:
    """One self-attention: queries, keys and values by one matrix."""

    together: Matrix
    out: Matrix


class Encoder:
    """The encoder of one checkpoint."""

    def __init__(self, weights: Mapping[str, Float32], shape: Shape) -> None:
        """Fold the encoder's weights into the matrices that are needed."""
        self._shape = shape
        activate = FUNCTIONS[shape.activation]
        self._embed = Residual(weights, "input_patch_embedding", activate).columns(slice(None))
        self._register = weights["shared.weight"][1] if shape.register else None
        blocks = [f"encoder.block.{place}.layer" for place in range(shape.encoder_layers)]
        self._attentions = [attention(weights, f"{block}.0") for block in blocks]
        self._perceptrons = [Perceptron(weights, f"{block}.1", shape) for block in blocks]
        name = f"{blocks[0]}.0.SelfAttention.relative_attention_bias.weight"
        self._distances = weights[name]
        self._biases: dict[int, Float32] = {}

    def __call__(self, patches: Float32, unseen: Float32 | None) -> Float32:
        """What each token says, normed without the norm's weights.

        Args:
            patches: shape (series, tokens, 2 patch); values, then the mask.
            unseen: what is added to the score of each token, shape (series, tokens with REG).

        Returns:
            Shape (series, tokens with REG, width).
        """
        states = self._tokens(patches)
        series, tokens, width = states.shape
        bias = self._bias(tokens)
        if unseen is not None:
            bias = bias + unseen.T[:, :, None, None]
        rows = grouped(states.reshape(-1, width))
        for attend, perceive in zip(self._attentions, self._perceptrons, strict=True):
            rows += self._attended(attend, rows, (series, tokens), bias)
            rows += perceive(rows)
        flat = normed(rows, self._shape.epsilon).reshape(-1, width)
        return flat[: series * tokens].reshape(series, tokens, width)

    def _tokens(self, patches: Float32) -> Float32:
        """The tokens of each series, the register last."""
        series, count, width = patches.shape
        rows = self._embed(grouped(patches.reshape(-1, width)))
        embedded = rows.reshape(-1, rows.shape[-1])[: series * count].reshape(series, count, -1)
        if self._register is None:
            return embedded
        states = np.empty((series, count + 1, embedded.shape[-1]), np.float32)
        states[:, :-1] = embedded
        states[:, -1] = self._register
        return states

    def _attended(
        self, attend: _Attention, rows: Float32, size: tuple[int, int], bias: Float32
    ) -> Float32:
        """What the rows gain from one another, series by series."""
        series, tokens = size
        heads, count = self._shape.heads, series * tokens
        mixed = attend.together(normed(rows, self._shape.epsilon))
        depth = mixed.shape[-1] // 3 // heads
        flat = mixed.reshape(-1, 3, heads, depth)[:count]
        split = flat.reshape(series, tokens, 3, heads, depth).transpose(2, 0, 3, 1, 4)
        scores = np.empty((tokens, series, heads, tokens), np.float32)
        np.matmul(split[1], split[0].swapaxes(2, 3), out=scores.transpose(1, 2, 0, 3))
        scores += bias
        found = np.empty((*rows.shape[:2], heads * depth), np.float32)
        every = found.reshape(-1, heads, depth)
        every[count:] = 0
        view = every[:count].reshape(series, tokens, heads, depth).transpose(0, 2, 1, 3)
        np.matmul(softmax(scores).transpose(1, 2, 3, 0), split[2], out=view)
        return attend.out(found)

    def _bias(self, tokens: int) -> Float32:
        """What distance alone adds, shape (tokens seen, 1, heads, tokens that see)."""
        known = self._biases.get(tokens)
        if known is None:
            places = np.arange(tokens)
            kinds = buckets(places[:, None] - places[None, :], self._shape)
            known = np.ascontiguousarray(self._distances[kinds].swapaxes(1, 2)[:, None])
            self._biases[tokens] = known
        return known


def attention(weights: Mapping[str, Float32], layer: str) -> _Attention:
    """The self-attention of a layer, its norm folded in."""
    norm = weights[f"{layer}.layer_norm.weight"][:, None]
    parts = [norm * weights[f"{layer}.SelfAttention.{part}.weight"].T for part in "qkv"]
    out = weights[f"{layer}.SelfAttention.o.weight"].T
    return _Attention(Matrix(np.concatenate(parts, axis=1)), Matrix(out))


def grouped(rows: Float32) -> Float32:
    """Rows in groups that suit the tiles, filled up with zeros: (groups, rows, width)."""
    count, width = rows.shape
    groups = max(1, -(-count // ROWS)) if tiling() else 1
    each = -(-count // groups)
    if groups * each == count:
        return rows.reshape(groups, each, width)
    full = np.zeros((groups, each, width), np.float32)
    full.reshape(-1, width)[:count] = rows
    return full


def buckets(distances: NDArray[np.int64], shape: Shape) -> NDArray[np.int64]:
    """The kind of each distance between two tokens, as T5 sorts them.

    Half of the kinds are for tokens ahead; of each half one half are single distances, and the
    other grows by a constant factor up to the longest. In float32, as torch rounds it.
    """
    half = shape.buckets // 2
    single = half // 2
    away = np.abs(distances)
    with np.errstate(divide="ignore"):
        ratio = np.log(away.astype(np.float32) / np.float32(single))
    longest = np.float32(np.log(shape.distance_max / single))
    grown = np.where(away > 0, ratio / longest * np.float32(half - single), 0)
    far = np.minimum(single + grown.astype(np.int64), half - 1)
    return np.where(distances > 0, half, 0) + np.where(away < single, away, far)
