"""Chronos-Bolt's decoder: one token per series asks the encoder's tokens.

It has one token, and always the same one to start from. So its attention to itself is one matrix
(values times output), and everything before the first look at the encoder is a constant. A single
query needs no keys or values of all tokens either: the query goes through the keys' matrix
instead, and the values' matrix comes after the mean over tokens.
"""

from collections.abc import Mapping

import numpy as np

from actors.forecast.layers import FUNCTIONS, Function, Perceptron, Residual, normed, softmax
from actors.forecast.shape import Shape
from actors.forecast.tiles import Matrix
from actors.forecast.weights import Float32


class Decoder:
    """The decoder of one checkpoint, with the output head."""

    def __init__(self, weights: Mapping[str, Float32], shape: Shape) -> None:
        """Fold the decoder's weights into the matrices that are needed."""
        self._shape = shape
        blocks = [f"decoder.block.{place}.layer" for place in range(shape.decoder_layers)]
        self._selves = [itself(weights, f"{block}.0") for block in blocks[1:]]
        self._crosses = [Cross(weights, f"{block}.1", shape) for block in blocks]
        self._perceptrons = [Perceptron(weights, f"{block}.2", shape) for block in blocks]
        self._head = Residual(
            weights,
            "output_patch_embedding",
            FUNCTIONS[shape.activation],
            weights["decoder.final_layer_norm.weight"],
        )
        self._heads: dict[tuple[int, ...], Function] = {}
        start = weights["shared.weight"][shape.start][None]
        self._start = start + normed(start, shape.epsilon) @ self_product(weights, f"{blocks[0]}.0")
        self._query = self._crosses[0].query(self._start)

    def __call__(self, memory: Float32, unseen: Float32 | None, steps: tuple[int, ...]) -> Float32:
        """The scaled quantiles of each series.

        Args:
            memory: what the encoder says, shape (series, tokens, width).
            unseen: as the encoder's.
            steps: steps ahead that are wanted, from 1.

        Returns:
            Shape (series, levels, steps).
        """
        query = self._query
        states = self._start + self._crosses[0](query, memory, unseen)
        states += self._perceptrons[0](states[None])[0]
        rest = zip(self._selves, self._crosses[1:], self._perceptrons[1:], strict=True)
        for reflect, cross, perceive in rest:
            states += reflect(normed(states, self._shape.epsilon)[None])[0]
            states += cross(cross.query(states), memory, unseen)
            states += perceive(states[None])[0]
        return self._quantiles(states, steps)

    def _quantiles(self, states: Float32, steps: tuple[int, ...]) -> Float32:
        """The output head at these steps."""
        if steps not in self._heads:
            every = range(len(self._shape.levels))
            columns = [level * self._shape.horizon + step - 1 for level in every for step in steps]
            self._heads[steps] = self._head.columns(columns)
        out = self._heads[steps](normed(states, self._shape.epsilon)[None])
        return out.reshape(len(states), len(self._shape.levels), len(steps))


class Cross:
    """One look of the decoder's token at the encoder's."""

    def __init__(self, weights: Mapping[str, Float32], layer: str, shape: Shape) -> None:
        """Take the weights of a layer's cross-attention, the norms of both sides folded in."""
        self._epsilon = shape.epsilon
        heads = shape.heads
        name = f"{layer}.EncDecAttention"
        outer = weights["encoder.final_layer_norm.weight"]
        asked = weights[f"{layer}.layer_norm.weight"][:, None] * weights[f"{name}.q.weight"].T
        width = len(outer)
        keys = weights[f"{name}.k.weight"] * outer
        values = weights[f"{name}.v.weight"] * outer
        self._ask = Matrix(asked)
        self._keys = keys.reshape(heads, -1, width)
        self._values = np.ascontiguousarray(values.reshape(heads, -1, width).swapaxes(1, 2))
        self._out = Matrix(weights[f"{name}.o.weight"].T)

    def query(self, states: Float32) -> Float32:
        """What the tokens ask, led through the keys: shape (series, heads, width)."""
        heads, depth, width = self._keys.shape
        asked = self._ask(normed(states, self._epsilon)[None])
        asked = asked.reshape(-1, heads, depth).swapaxes(0, 1)
        led = np.empty((len(states), heads, width), np.float32)
        np.matmul(asked, self._keys, out=led.swapaxes(0, 1))
        return led

    def __call__(self, query: Float32, memory: Float32, unseen: Float32 | None) -> Float32:
        """What the tokens gain, shape (series, width)."""
        heads, _, depth = self._values.shape
        series, tokens, _ = memory.shape
        scores = np.empty((tokens, series, heads), np.float32)
        np.matmul(memory, query.swapaxes(1, 2), out=scores.swapaxes(0, 1))
        if unseen is not None:
            scores += unseen.T[..., None]
        means = np.matmul(softmax(scores).transpose(1, 2, 0), memory)
        found = np.empty((series, heads, depth), np.float32)
        np.matmul(means.swapaxes(0, 1), self._values, out=found.swapaxes(0, 1))
        return self._out(found.reshape(1, series, -1))[0]


def itself(weights: Mapping[str, Float32], layer: str) -> Matrix:
    """A layer's self-attention as the one matrix that it is for one token."""
    return Matrix(self_product(weights, layer))


def self_product(weights: Mapping[str, Float32], layer: str) -> Float32:
    """Values times output of a self-attention, its norm folded in."""
    norm = weights[f"{layer}.layer_norm.weight"][:, None]
    values = norm * weights[f"{layer}.SelfAttention.v.weight"].T
    return np.asarray(values @ weights[f"{layer}.SelfAttention.o.weight"].T)
