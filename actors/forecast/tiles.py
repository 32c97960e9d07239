"""Matrix products with a fixed matrix, cut into tiles that fit the processor.

OpenBLAS copies both factors of a product into an order of its own before it multiplies. For the
few rows of a forecast that copy costs as much as a third of the product. On processors with
AVX-512 it has a second way without the copy, for products of at most a million steps; so the
matrix is kept in tiles small enough for that way, and one call of numpy multiplies by all of them.
Measured with 42 rows: 95 instead of 60 to 70 billion operations per second and thread.

What a row becomes does not depend on the rows beside it, to the last bit, as far as that is ours to
say: a forecast made among 512 is then the one that is made by itself. OpenBLAS multiplies one row
by other code than two, and columns that do not fill a tile by other code for each number of rows;
so neither occurs here.
"""

from functools import cache

import numpy as np

from actors.forecast.weights import Float32

ROWS = 42
"""Rows of a tile at most: three series of 14 tokens."""

WIDTH = 64
"""Columns of a tile."""

STEPS_MAX = 1_000_000
"""Largest product, rows x depth x columns, that OpenBLAS multiplies without a copy."""

DEPTH_MIN = 64
"""A tile that is less deep costs more for its sums than the copy would."""


class Matrix:
    """A matrix that many rows will be multiplied by, of the shape (depth, width)."""

    def __init__(self, values: Float32) -> None:
        """Cut the matrix into tiles, in one stretch of memory."""
        self.depth, self.width = values.shape
        full = self.width + -self.width % WIDTH
        values = np.pad(values, ((0, 0), (0, full - self.width)))
        deep, wide = tile(self.depth, full) if tiling() else (self.depth, full)
        cut = values.reshape(self.depth // deep, deep, full // wide, wide)
        self._tiles = np.ascontiguousarray(cut.transpose(0, 2, 1, 3), dtype=np.float32)

    def __call__(self, rows: Float32) -> Float32:
        """The product; rows (groups, rows, depth) become (groups, rows, width)."""
        count = rows.shape[1]
        if count == 1:
            return self._product(np.repeat(rows, 2, axis=1))[:, :1, : self.width]
        return self._product(rows)[..., : self.width]

    def _product(self, rows: Float32) -> Float32:
        """The product with the columns that fill the last tile."""
        groups, count, _ = rows.shape
        layers, tiles, deep, wide = self._tiles.shape
        if layers == 1:
            out = np.empty((groups, count, tiles * wide), np.float32)
            view = out.reshape(groups, count, tiles, wide).swapaxes(1, 2)
            np.matmul(rows[:, None], self._tiles[0], out=view)
            return out
        parts = np.empty((layers, groups, count, tiles * wide), np.float32)
        np.matmul(
            rows.reshape(groups, count, layers, 1, deep).transpose(2, 0, 3, 1, 4),
            self._tiles[:, None],
            out=parts.reshape(layers, groups, count, tiles, wide).swapaxes(2, 3),
        )
        return np.add.reduce(parts, axis=0)


def tile(depth: int, width: int) -> tuple[int, int]:
    """Depth and width of the tiles of a matrix; the matrix itself where it does not divide.

    >>> tile(2048, 512), tile(384, 1536), tile(32, 100)
    ((256, 64), (192, 64), (32, 100))
    """
    wide = WIDTH if width % WIDTH == 0 else width
    deepest = STEPS_MAX // (ROWS * wide)
    fitting = [deep for deep in range(1, deepest + 1) if depth % deep == 0]
    deep = max(fitting, default=0)
    return (deep, wide) if deep >= min(DEPTH_MIN, depth) else (depth, width)


@cache
def tiling() -> bool:
    """Whether this processor's OpenBLAS multiplies small tiles without a copy: has it AVX-512?"""
    found = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    return bool({"AVX512_SKX", "X86_V4"} & set(found))
