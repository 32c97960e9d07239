"""All signals of a period: what can be told of every minute at once, and each one when asked for.

A signal that is asked for is fused by the same function as in the forecaster, from the same
quantiles. What is told of every minute beforehand only serves to find those that matter.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from actors.backtest.cache import Cache, replace_whole
from actors.backtest.lessons import Lessons, Told
from actors.backtest.schedule import Schedule, Words, schedule
from actors.backtest.sketch import Outline
from actors.backtest.tracks import Track
from actors.backtest.windows import Slot, slot_span, slots
from domain import calibration, fusion, seasons
from domain.calibration import Calibration, calibrated
from domain.fusion import HOURS_OF_20_DAYS, fuse, realised_volatility, summed
from domain.horizons import CONTEXT, LEVELS, STEPS, TIMEFRAMES, VOLATILITY_WINDOW
from domain.instrument import BTCUSDT
from domain.signals import Forecast, Signal
from domain.units import Floats, Ints, Nanos

SLOTS_HELD = 3
"""Files of the cache whose arrays stay at hand."""


class Foresight:
    """One model's signals over a period, corrected by what had come before each of them."""

    def __init__(
        self, cache: Cache, found: Sequence[Track], known: Calibration, begin: Nanos, end: Nanos
    ) -> None:
        """Prepare; nothing is computed yet.

        Args:
            cache: holds the model's forecasts of the period.
            found: the closes of all timeframes.
            known: what is known of the model when the period begins.
            begin: first moment of the period.
            end: last moment.
        """
        self.schedule: Schedule = schedule(found, begin, end)
        self._tracks = found
        period = Period(begin, end, _name(found, known, begin))
        self._voices = [
            Voice(cache, one, words, Lessons(known, one.timeframe), period)
            for one, words in zip(found, self.schedule.words, strict=True)
        ]

    def prepare(self, tell: Callable[[int], None]) -> Outline:
        """Go through the whole period; `tell` hears of how many forecasts were corrected."""
        told = []
        for voice in self._voices:
            sums = [np.empty((0, 4))]
            for some in voice.sums():
                sums.append(some)
                tell(len(some))
            told.append(np.concatenate(sums))
        rows = sum(sums[numbers] for sums, numbers in zip(told, self.schedule.newest, strict=True))
        rows = np.asarray(rows).reshape(-1, 4)
        minutes, words = self._tracks[0], self.schedule.words[0]
        closes = minutes.closes[words.places[self.schedule.newest[0]]]
        return Outline(self.schedule.at, closes, *rows.T.copy())

    @property
    def words(self) -> int:
        """How many forecasts of single timeframes there are."""
        return sum(len(words.at) for words in self.schedule.words)

    def signal(self, number: int) -> Signal:
        """The signal of one forecast, by its number in the schedule."""
        spoken = [
            voice.word(int(numbers[number]))
            for voice, numbers in zip(self._voices, self.schedule.newest, strict=True)
        ]
        closes = np.array([closes for closes, _ in spoken])
        quantiles = np.array([quantiles for _, quantiles in spoken])
        hours = self._tracks[-1]
        place = int(self.schedule.words[-1].places[self.schedule.newest[-1, number]])
        at = Nanos(int(self.schedule.at[number]))
        return fuse(
            Forecast(at, closes, quantiles, realised_volatility(_tail(hours, place))), BTCUSDT
        )


def _tail(hours: Track, place: int) -> Floats:
    """The hourly closes that the realised volatility is taken from."""
    count = min(int(hours.points[place]), HOURS_OF_20_DAYS + 1)
    return hours.closes[place - count + 1 : place + 1]


@dataclass(frozen=True, slots=True)
class Period:
    """A run's first and last moment, and a name for what its corrections depend on."""

    begin: Nanos
    end: Nanos
    name: str


class Voice:
    """One timeframe's forecasts, corrected; kept on disk from one run to the next."""

    def __init__(
        self,
        cache: Cache,
        one: Track,
        words: Words,
        lessons: Lessons,
        period: "Period",
    ) -> None:
        self._cache = cache
        self._track = one
        self._words = words
        self._lessons = lessons
        self._begin = period.begin
        self._slots: list[Slot] = list(slots(one, period.begin, period.end))
        self._firsts = np.cumsum([0, *(len(slot.places) for slot in self._slots)])
        self._places = np.concatenate([np.empty(0, np.int64), *(x.places for x in self._slots)])
        self._folder = cache.folder / "taught" / period.name
        length = slot_span(one.timeframe)
        parted = (words.at - 1) // length
        numbers = np.unique(parted)
        firsts, lasts = (np.searchsorted(parted, numbers + n).tolist() for n in (0, 1))
        self._parts: list[tuple[int, int, int]] = list(
            zip(numbers.tolist(), firsts, lasts, strict=True)
        )
        self._raw = lru_cache(SLOTS_HELD)(self._read_raw)
        self._factors = lru_cache(SLOTS_HELD)(self._read_factors)

    def sums(self) -> Iterator[Floats]:
        """This timeframe's share of an `Outline`, part by part, shape (n, 4)."""
        if all(self._path(number).is_file() for number, _, _ in self._parts):
            for number, _, _ in self._parts:
                with np.load(self._path(number), allow_pickle=False) as kept:
                    yield kept["sums"]
            return
        learnt = self._begin
        for number, first, last in self._parts:
            until = int(self._words.at[last - 1])
            factors, sums = self._live(first, last, (learnt, until))
            learnt = Nanos(until)
            self._keep(number, factors, sums)
            yield sums

    def word(self, number: int) -> tuple[Floats, Floats]:
        """Input, shape (200,), and corrected quantiles, shape (5, 13), of one forecast."""
        place = int(self._words.places[number])
        part = next(x for x in self._parts if x[1] <= number < x[2])
        factors = self._factors(part[0])[number - part[1]]
        row = np.searchsorted(self._places, [place])
        closes = self._track.closes[place - CONTEXT + 1 : place + 1]
        return closes, calibrated(self._rows(row)[0], factors)

    def _live(self, first: int, last: int, learnt: tuple[int, int]) -> tuple[Floats, Floats]:
        """Go through one part; returns factors and sums."""
        at, places = self._words.at[first:last], self._words.places[first:last]
        raw = self._rows(np.searchsorted(self._places, places))
        track = self._track
        begin, end = np.searchsorted(track.ends, learnt, side="right")
        real = track.real[begin:end]
        ends, closes = track.ends[begin:end][real], track.closes[begin:end][real]
        factors = self._lessons.live(Told(at, raw), ends, closes)
        said = calibrated(raw, factors)
        recent = track.closes[places[:, None] + np.arange(-VOLATILITY_WINDOW, 1)]
        return factors, summed(TIMEFRAMES.index(track.timeframe), said, recent)

    def _rows(self, rows: Ints) -> Floats:
        """What the model said of these windows, shape (n, 5, 13)."""
        out = np.empty((len(rows), len(STEPS), len(LEVELS)))
        of_slot = np.searchsorted(self._firsts, rows, side="right") - 1
        for number in np.unique(of_slot):
            here = of_slot == number
            out[here] = self._raw(int(number))[rows[here] - self._firsts[number]]
        return out

    def _read_raw(self, number: int) -> Floats:
        made = self._cache.made(self._slots[number].part)
        assert made is not None, "the cache was filled before"
        return made.quantiles

    def _read_factors(self, number: int) -> Floats:
        with np.load(self._path(number), allow_pickle=False) as kept:
            found: Floats = kept["factors"]
        return found

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._track.timeframe}-{number}.npz"

    def _keep(self, number: int, factors: Floats, sums: Floats) -> None:
        replace_whole(self._path(number), lambda file: np.savez(file, factors=factors, sums=sums))


def _name(found: Sequence[Track], known: Calibration, begin: Nanos) -> str:
    """A checksum of all that the correction of forecasts depends on but the model itself."""
    digest = hashlib.sha256(str(begin).encode())
    for module in (calibration, fusion, seasons):
        assert module.__file__ is not None
        digest.update(Path(module.__file__).read_bytes())
    for values in asdict(known).values():
        digest.update(values.tobytes())
    for one in found:
        digest.update(one.ends.tobytes() + one.closes.tobytes())
    return digest.hexdigest()[:32]
