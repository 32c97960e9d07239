"""Forecasts made beforehand, in large batches, and kept on disk for the next run.

A file holds the forecasts of one timeframe in 30 days at most, as a .npy of shape (n, 5, 13) in
float64, under `MODEL/DATA/TIMEFRAME.npy`. MODEL is a checksum of the weights and of what the engine
makes of a few fixed windows: another engine, and a processor that rounds otherwise, have files of
their own. DATA is one of the closes and of which windows are cut from them. All of it may be
deleted at any time.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TextIO

import numpy as np

from actors.backtest.progress import Progress
from actors.backtest.remembered import BATCH, Made, mapped
from actors.backtest.windows import Part
from actors.forecast.engine import Forecaster
from actors.forecast.engines import Choice
from domain.errors import SettingsInvalid
from domain.horizons import CONTEXT, LEVELS, STEPS, TIMEFRAMES
from domain.units import Floats

PROBE = 48
"""Windows of a fixed batch that are forecast in small company too, to tell how an engine rounds."""


def default_cache() -> Path:
    """Where forecasts are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "plasmatrader" / "forecasts"


@dataclass(frozen=True, slots=True)
class Cache:
    """The forecasts of one model on one kind of machine."""

    folder: Path

    def path(self, part: Part) -> Path:
        """Where the forecasts of these windows are, or will be."""
        data = hashlib.sha256(part.closes.tobytes() + part.starts.tobytes()).hexdigest()
        return self.folder / data[:32] / f"{part.timeframe}.npy"

    def made(self, part: Part) -> Made | None:
        """The forecasts of these windows; None where there are none, or not whole."""
        with suppress(OSError, ValueError, EOFError):
            found = mapped(self.path(part))
            if found.shape == (len(part), len(STEPS), len(LEVELS)) and found.dtype == np.float64:
                return Made(part, found)
        return None

    def keep(self, part: Part, quantiles: Floats) -> None:
        """Write the forecasts of these windows; whoever reads meanwhile sees all or nothing.

        Raises:
            SettingsInvalid: the folder cannot be written.
        """
        path = self.path(part)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                np.save(file, quantiles)
            temporary.replace(path)
        except OSError as error:
            raise SettingsInvalid(f"cannot write to {path.parent} ({error.strerror})") from error


def opened(folder: Path, model: Forecaster) -> Cache | None:
    """The cache for a model; None where a batch gives other bits than each window by itself.

    Made among others a forecast must be the one that the actor gets, which asks for one to six
    windows at a time. Whether it is depends on how the processor's library rounds.
    """
    walks = np.random.default_rng(9).normal(0, 20, (BATCH, CONTEXT)).cumsum(axis=1) + 50_000
    together = model.forecast(walks)
    some = np.linspace(0, BATCH - 1, PROBE).astype(np.int64)
    for count in range(1, len(TIMEFRAMES) + 1):
        parts = [model.forecast(walks[some[n : n + count]]) for n in range(0, PROBE, count)]
        if np.concatenate(parts).tobytes() != together[some].tobytes():
            return None
    name = hashlib.sha256(model.sha.encode() + together.tobytes()).hexdigest()
    return Cache(folder / name[:32])


def filled(
    cache: Cache, parts: Sequence[Part], choice: Choice, workers: int, stream: TextIO
) -> list[Made]:
    """The forecasts of all these windows, those that are missing made now.

    Args:
        cache: where they are kept.
        parts: which windows.
        choice: the model.
        workers: processes that share the work; with one it is done here.
        stream: where progress is shown.

    Raises:
        SettingsInvalid: the cache cannot be written.
    """
    missing = [part for part in parts if cache.made(part) is None]
    count = sum(map(len, parts))
    if not missing:
        stream.write(f"all {count} forecasts were made before\n")
        return _all(cache, parts)
    new = sum(map(len, missing))
    progress, done = Progress("forecasts", new, stream), 0
    for some in _work(cache, missing, choice, workers):
        done += some
        progress.show(done)
    progress.end()
    stream.write(f"{new} forecasts made, {count - new} were made before\n")
    return _all(cache, parts)


def _all(cache: Cache, parts: Iterable[Part]) -> list[Made]:
    return [made for made in map(cache.made, parts) if made is not None]


def _work(cache: Cache, missing: list[Part], choice: Choice, workers: int) -> Iterator[int]:
    """Make them; yields how many windows each finished part had.

    Where a process dies (killed for its memory, for one) the rest is made here, one after another.
    """
    if workers > 1:
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (choice,))
        try:
            waiting = [pool.submit(_make_here, cache, part) for part in missing]
            for finished in as_completed(waiting):
                yield finished.result()
        except BrokenProcessPool:
            missing = [part for part in missing if cache.made(part) is None]
        else:
            return
        finally:
            pool.shutdown(cancel_futures=True)
    model = choice.open()
    for part in missing:
        yield _make(cache, part, model)


def _make(cache: Cache, part: Part, model: Forecaster) -> int:
    batches = [model.forecast(part.rows(n, n + BATCH)) for n in range(0, len(part), BATCH)]
    cache.keep(part, np.concatenate(batches))
    return len(part)


_MODEL: list[Forecaster] = []
"""Of a worker process."""


def _begin(choice: Choice) -> None:
    _MODEL.append(choice.open())


def _make_here(cache: Cache, part: Part) -> int:
    return _make(cache, part, _MODEL[0])
