"""How Chronos-Bolt sees a series: scaled, cut into patches, with a mask of what is known."""

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from actors.forecast.shape import Shape
from actors.forecast.weights import Float32

EPSILON = np.float32(1e-5)
"""The scale of a series that does not move."""

LANES = 8
"""Numbers that torch adds at once; four such sums run side by side, in blocks of sixteen."""


class Scaled(NamedTuple):
    """Series as the network takes them."""

    patches: Float32
    """Values, then mask: shape (series, tokens, 2 patch)."""

    seen: NDArray[np.bool_]
    """Whether a patch holds anything known, shape (series, tokens)."""

    location: Float32
    """Mean of each series, shape (series, 1)."""

    scale: Float32
    """Standard deviation of each series, shape (series, 1)."""


def scaled(context: Float32, shape: Shape) -> Scaled:
    """Scale and cut series; NaN is unknown.

    Args:
        context: shape (series, points), oldest first.
        shape: of the network.
    """
    context = context[:, -shape.context :]
    known = context == context  # noqa: PLR0124 - only NaN is not itself
    count = np.maximum(np.add.reduce(known, axis=1, dtype=np.float32), np.float32(1))
    location = (total(np.where(known, context, np.float32(0))) / count)[:, None]
    moves = np.where(known, context - location, np.float32(0))
    scale = np.sqrt(np.vecdot(moves, moves) / count)
    scale = np.where(scale == 0, np.where(known.any(axis=1), EPSILON, np.float32(1)), scale)
    moves /= scale[:, None]
    values, mask = patched(moves, shape), patched(known, shape)
    patches = np.stack((values, mask.astype(np.float32)), axis=2)
    patches = patches.reshape(*values.shape[:2], 2 * shape.patch)
    return Scaled(patches, np.logical_or.reduce(mask, axis=-1), location, scale[:, None])


def patched(rows: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """Rows cut into patches, filled up with zeros in front: (series, tokens, patch)."""
    series, points = rows.shape
    missing = -points % shape.patch
    full = np.zeros((series, missing + points), rows.dtype)
    full[:, missing:] = rows
    if shape.stride == shape.patch:
        return full.reshape(series, full.shape[1] // shape.patch, shape.patch)
    return sliding_window_view(full, shape.patch, axis=1)[:, :: shape.stride]


def total(rows: Float32) -> Float32:
    """Sum of each row, added up in the order in which torch adds it.

    The order matters for a series that does not move: only where the rounded mean is the value
    itself its scale is EPSILON, else it is the rounding error; and the forecast hangs on which.
    """
    series, points = rows.shape
    vectors = points // LANES
    fours = vectors // 4
    blocks = fours // 16
    body = rows[:, : vectors * LANES].reshape(series, vectors, LANES)
    wide = body[:, : 4 * fours].reshape(series, fours, 4 * LANES)
    high = wide[:, : 16 * blocks].reshape(series, blocks, 16, 4 * LANES)
    sums = np.add.reduce(wide[:, 16 * blocks :], axis=1)
    sums += np.add.reduce(np.add.reduce(high, axis=2), axis=1)
    first, *others = sums.reshape(series, 4, LANES).swapaxes(0, 1)
    for more in (*body[:, 4 * fours :].swapaxes(0, 1), *others):
        first = first + more
    last = np.concatenate((rows[:, vectors * LANES :], first), axis=1)
    return np.asarray(np.add.accumulate(last, axis=1)[:, -1])
