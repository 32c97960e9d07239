"""The exact engine: Chronos-Bolt's forward pass by hand, in numpy and float32.

Same numbers as chronos-forecasting's own model to the last digits of float32, in a fraction of
the time and memory; no torch, transformers or chronos-forecasting. What makes it fast: norms are
folded into matrices, constants are computed once, only wanted outputs are computed, and the
matrices are kept in tiles that OpenBLAS takes without copying (see `tiles`). Two threads of our
own share the series; see `blas` for why not OpenBLAS's.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.forecast.decoder import Decoder
from actors.forecast.encoder import FLOOR, Encoder
from actors.forecast.engine import THREADS, fingerprint, priced, shifted, suited
from actors.forecast.scaling import Scaled, scaled
from actors.forecast.shape import Shape
from actors.forecast.tiles import ROWS
from actors.forecast.weights import Float32, Weights
from domain.errors import SettingsInvalid
from domain.horizons import CONTEXT, STEPS
from domain.units import Floats

SERIES = ROWS
"""Series of one task at most: so many rows the decoder has."""

TILES = 6
"""Tiles of rows that one thread encodes at once, at most."""

CELLS = 64_512
"""Rows x width that one thread encodes at once: they stay in its cache."""


class ExactBolt:
    """A Chronos-Bolt checkpoint run by our own forward pass."""

    def __init__(
        self, folder: Path, name: str, threads: int = THREADS, *, verified: bool = False
    ) -> None:
        """Read and fold the weights of a folder; takes a fraction of a second.

        Args:
            folder: with `config.json` and `model.safetensors`.
            name: what the screen shows.
            threads: that share the series.
            verified: whether the checkpoint was verified, see `verification`.

        Raises:
            SettingsInvalid: no Chronos-Bolt there that looks 15 steps ahead at the levels .1 to
                .9.
        """
        self.name = name
        self.verified = verified
        self.sha = fingerprint(folder)
        self._shape = Shape.read(folder / "config.json")
        self._levels = self._shape.levels
        suited(folder, self._levels, self._shape.horizon)
        weights = Weights(folder / "model.safetensors")
        try:
            self._width = weights["shared.weight"].shape[1]
            self._encoder = Encoder(weights, self._shape)
            self._decoder = Decoder(weights, self._shape)
        except (IndexError, KeyError, ValueError) as error:
            raise SettingsInvalid(f"the model in {folder} lacks weights: {error}") from error
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "forecast")
        self._try(folder)

    def _try(self, folder: Path) -> None:
        """Find out now, not at the first forecast, whether the matrices fit together."""
        try:
            with np.errstate(all="ignore"):
                found = self.quantiles(np.linspace(-1, 0, CONTEXT)[None], STEPS)
        except (IndexError, ValueError) as error:
            raise SettingsInvalid(f"the weights in {folder} do not fit together") from error
        if found.shape != (1, len(STEPS), len(self._levels)) or not np.isfinite(found).all():
            raise SettingsInvalid(f"the model in {folder} forecasts what is no number")

    def forecast(self, closes: Floats) -> Floats:
        """As `Forecaster.forecast`."""
        return priced(closes, self._levels, self.ahead(shifted(closes)))

    def quantiles(self, context: NDArray[np.floating], steps: tuple[int, ...] = ()) -> Float32:
        """Quantiles at the checkpoint's own levels, as chronos-forecasting gives them.

        Args:
            context: shape (series, points), oldest first; NaN is unknown, in front of a shorter
                series for one.
            steps: steps ahead that are wanted, from 1 to the checkpoint's horizon; none are all.

        Returns:
            Shape (series, steps, levels), not sorted.
        """
        steps = steps or tuple(range(1, self._shape.horizon + 1))
        given = scaled(np.asarray(context, np.float32), self._shape)
        moves = np.empty((len(context), len(self._levels), len(steps)), np.float32)
        waiting = iter(parts(len(context), SERIES, self._threads))

        def work() -> None:
            for part in waiting:
                moves[part] = self._task(given, steps, part)

        helpers = [self._pool.submit(work) for _ in range(1, min(self._threads, len(context)))]
        work()
        for helper in helpers:
            helper.result()
        out = moves * given.scale[..., None] + given.location[..., None]
        return np.asarray(out.swapaxes(1, 2))

    def ahead(self, moves: Floats) -> Floats:
        """Quantiles at the five steps and the checkpoint's own levels, (n, 5, own), sorted."""
        return np.sort(self.quantiles(moves, STEPS).astype(np.float64), axis=-1)

    def _task(self, given: Scaled, steps: tuple[int, ...], part: slice) -> Float32:
        """Scaled quantiles of some of the series, (series, levels, steps)."""
        patches, seen = given.patches[part], given.seen[part]
        tokens = seen.shape[1] + self._shape.register
        unseen = None if seen.all() else hidden(seen, tokens)
        tiles = min(TILES, max(1, CELLS // (self._width * ROWS)))
        at_once = max(1, tiles * ROWS // tokens)
        memory = np.concatenate(
            [
                self._encoder(patches[some], None if unseen is None else unseen[some])
                for some in parts(len(patches), at_once, 1)
            ]
        )
        return self._decoded(memory, unseen, steps)

    def _decoded(self, memory: Float32, unseen: Float32 | None, steps: tuple[int, ...]) -> Float32:
        """As the decoder says; one series by itself in a pair, since rows must not round alone."""
        if len(memory) > 1:
            return self._decoder(memory, unseen, steps)
        twice = None if unseen is None else np.repeat(unseen, 2, axis=0)
        return self._decoder(np.repeat(memory, 2, axis=0), twice, steps)[:1]


def parts(count: int, most: int, shares: int) -> list[slice]:
    """Even parts of `count` things: at most `most` in each, their number divisible by `shares`.

    >>> parts(5, 42, 2), parts(1, 42, 2)
    ([slice(0, 3, None), slice(3, 5, None)], [slice(0, 1, None)])
    """
    number = -(-count // (most * shares)) * shares
    edges = [-(-place * count // max(number, 1)) for place in range(number + 1)]
    return [slice(*pair) for pair in pairwise(edges) if pair[0] < pair[1]]


def hidden(seen: NDArray[np.bool_], tokens: int) -> Float32:
    """What is added to the score of each token: nothing to the register, which all see."""
    out = np.zeros((len(seen), tokens), np.float32)
    out[:, : seen.shape[1]] = np.where(seen, np.float32(0), FLOOR)
    return out
