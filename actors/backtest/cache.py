"""Forecasts made beforehand, in large batches, and kept on disk for the next run.

A file holds the forecasts of one timeframe in 30 days at most, as a .npy of shape (n, 5, 13) in
float64, under `MODEL/DATA/TIMEFRAME.npy`. MODEL is a checksum of the weights and of what the engine
makes of a few fixed windows: another engine, and a processor that rounds otherwise, have files of
their own. DATA is one of the closes and of which windows are cut from them. All of it may be
deleted at any time.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TextIO

import numpy as np

from actors.backtest.progress import Progress
from actors.backtest.remembered import BATCH, Made, mapped
from actors.backtest.windows import Part
from actors.backtest.work import Workforce
from actors.forecast.engine import Forecaster
from actors.forecast.engines import Choice
from actors.forecast.sources import FILES
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
        replace_whole(self.path(part), lambda file: np.save(file, quantiles))


def replace_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file of the cache; whoever reads meanwhile sees all or nothing.

    Raises:
        SettingsInvalid: the folder cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
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
    cache: Cache, parts: Sequence[Part], choice: Choice, workforce: Workforce, stream: TextIO
) -> list[Made]:
    """The forecasts of all these windows, those that are missing made now.

    Args:
        cache: where they are kept.
        parts: which windows.
        choice: the model.
        workforce: who makes them.
        stream: where progress is shown.

    Raises:
        SettingsInvalid: the cache cannot be written, or somebody makes other forecasts.
    """
    missing = [part for part in parts if cache.made(part) is None]
    count = sum(map(len, parts))
    if not missing:
        stream.write(f"all {count} forecasts were made before\n")
        return _all(cache, parts)
    new = sum(map(len, missing))
    progress, done = Progress("forecasts", new, stream), 0
    for place, quantiles in workforce.done(Forecasting(choice, cache), missing):
        cache.keep(missing[place], quantiles)
        done += len(missing[place])
        progress.show(done)
    progress.end()
    stream.write(f"{new} forecasts made, {count - new} were made before\n")
    return _all(cache, parts)


def _all(cache: Cache, parts: Iterable[Part]) -> list[Made]:
    return [made for made in map(cache.made, parts) if made is not None]


@dataclass(frozen=True, slots=True)
class Forecasting:
    """The work of making forecasts, on a machine that has the model and rounds as this one.

    Attributes:
        choice: the model.
        cache: whose name tells how this machine rounds.
    """

    choice: Choice
    cache: Cache

    def begin(self) -> Callable[[Part], Floats]:
        """Load the model."""
        return partial(_forecasts, self.choice.open())

    def packed(self) -> "Packed":
        """With the model's files."""
        folder = self.choice.located.folder
        files = {name: (folder / name).read_bytes() for name in FILES}
        return Packed(self.choice, files, self.cache.folder.name)


@dataclass(frozen=True, slots=True)
class Packed:
    """The work of making forecasts, on any machine.

    Attributes:
        choice: the model, but for its folder.
        files: of the folder, by their names.
        name: what `opened` calls the cache of this model where it rounds as it must.
    """

    choice: Choice
    files: Mapping[str, bytes]
    name: str

    def begin(self) -> Callable[[Part], Floats]:
        """Load the model and look how it rounds; the name covers its weights, too.

        Raises:
            SettingsInvalid: it gives other numbers here, or cannot be loaded.
        """
        with TemporaryDirectory(prefix="plasmatrader-") as folder:
            for name, content in self.files.items():
                (Path(folder) / name).write_bytes(content)
            located = replace(self.choice.located, folder=Path(folder))
            model = replace(self.choice, located=located).open()
            found = opened(Path(folder), model)
        if found is None or found.folder.name != self.name:
            raise SettingsInvalid("its processor or its packages make other forecasts")
        return partial(_forecasts, model)

    def packed(self) -> "Packed":
        """Itself."""
        return self


def _forecasts(model: Forecaster, part: Part) -> Floats:
    batches = [model.forecast(part.rows(n, n + BATCH)) for n in range(0, len(part), BATCH)]
    return np.concatenate(batches)
