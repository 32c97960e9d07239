"""What a Chronos-Bolt network is made of, over the matrices of `tiles`.

Rows come in groups, the last rows possibly padding: (groups, rows, width). A norm's weights are
folded into the matrix that follows it, so that a norm only divides.
"""

from collections.abc import Callable, Mapping

import numpy as np

from actors.forecast.shape import Shape
from actors.forecast.tiles import Matrix
from actors.forecast.weights import Float32

Function = Callable[[Float32], Float32]


def relu(values: Float32) -> Float32:
    """max(0, x), in place; numpy takes a row of zeros three times faster than one zero."""
    return np.maximum(values, np.zeros(values.shape[-1], np.float32), out=values)


def gelu_new(values: Float32) -> Float32:
    """Gaussian error unit by its tanh approximation, as transformers' `gelu_new`."""
    inner = np.float32(np.sqrt(2 / np.pi)) * (values + np.float32(0.044715) * values**3)
    return np.asarray(np.float32(0.5) * values * (1 + np.tanh(inner)))


FUNCTIONS: Mapping[str, Function] = {"relu": relu, "gelu_new": gelu_new}


def normed(rows: Float32, epsilon: float) -> Float32:
    """Each row divided by its root mean square."""
    mean = np.vecdot(rows, rows) / np.float32(rows.shape[-1])
    mean += np.float32(epsilon)
    return np.asarray(rows / np.sqrt(mean)[..., None])


def softmax(scores: Float32) -> Float32:
    """Shares that add up to one along the first axis, in place.

    The first and not the last: numpy is several times faster along many short columns than along
    many short rows.
    """
    scores -= np.maximum.reduce(scores, axis=0)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=0)
    return scores


class Perceptron:
    """The two layers between attention and attention: expand, activate, contract."""

    def __init__(self, weights: Mapping[str, Float32], layer: str, shape: Shape) -> None:
        """Take the weights of a layer's feed-forward part, its norm folded in."""
        self._epsilon = shape.epsilon
        self._activate = FUNCTIONS[shape.activation]
        norm = weights[f"{layer}.layer_norm.weight"][:, None]
        inner = f"{layer}.DenseReluDense"
        names = ("wi_0", "wi_1") if shape.gated else ("wi",)
        self._expand = [Matrix(norm * weights[f"{inner}.{name}.weight"].T) for name in names]
        self._contract = Matrix(weights[f"{inner}.wo.weight"].T)

    def __call__(self, rows: Float32) -> Float32:
        """What the rows gain; same shape."""
        given = normed(rows, self._epsilon)
        hidden = self._activate(self._expand[0](given))
        for gate in self._expand[1:]:
            hidden *= gate(given)
        return self._contract(hidden)


class Residual:
    """Chronos-Bolt's block at both ends: a hidden layer and a straight way round it."""

    def __init__(
        self,
        weights: Mapping[str, Float32],
        name: str,
        activate: Function,
        scale: Float32 | None = None,
    ) -> None:
        """Take the block's weights.

        Args:
            weights: of the checkpoint.
            name: of the block in there.
            activate: the function of the hidden layer.
            scale: weights of the norm before, to be folded in.
        """
        self._activate = activate
        enter, leave, past = (
            weights[f"{name}.{part}_layer.weight"].T for part in ("hidden", "output", "residual")
        )
        factor = 1 if scale is None else scale[:, None]
        self._enter = Matrix(enter * factor)
        self._enter_bias = weights[f"{name}.hidden_layer.bias"]
        self._leave = np.ascontiguousarray(leave)
        self._past = np.ascontiguousarray(past * factor)
        self._bias = weights[f"{name}.output_layer.bias"] + weights[f"{name}.residual_layer.bias"]

    def columns(self, wanted: list[int] | slice) -> Function:
        """The block, computing only these columns of its output."""
        leave, past = Matrix(self._leave[:, wanted]), Matrix(self._past[:, wanted])
        bias = self._bias[wanted]

        def block(rows: Float32) -> Float32:
            hidden = self._enter(rows)
            hidden += self._enter_bias
            out = leave(self._activate(hidden))
            out += past(rows)
            out += bias
            return out

        return block
