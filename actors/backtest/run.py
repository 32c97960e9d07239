"""One backtest: forecasts beforehand, then the same house on the same loop, then the report."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TextIO

from actors.backtest.abridged import Playbill, Unseen, play, taught
from actors.backtest.cache import filled, opened
from actors.backtest.foresight import Foresight
from actors.backtest.progress import Progress
from actors.backtest.remembered import Made, Remembered
from actors.backtest.windows import parts, tracks
from actors.backtest.work import Workforce
from actors.feed.archive import Archive, span
from actors.forecast.engine import Forecaster
from actors.forecast.engines import Choice
from actors.messages import Rejected
from actors.settings import Settings, parse
from actors.system import Outfit, run_through
from domain.errors import SettingsInvalid
from domain.market import Candle, MarketEvent
from domain.moments import moment
from domain.terms import TERMS, Terms
from domain.units import MINUTE, Nanos
from persistence.home import Home
from persistence.report.source import Prices, of_home

MARK = "backtest"
"""File in a HOME that is ours to throw away."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to backtest.

    Attributes:
        data: archives of candles, one market.
        begin: first moment of the period.
        end: last moment of it.
        out: where the report goes, and the HOME of the run.
        cache: where forecasts are kept.
        workforce: who makes forecasts.
        seed: of latencies and of the modelled book.
        terms: the policy's numbers.
        whole: play every minute through every actor, with its event lines.
    """

    data: tuple[Path, ...]
    begin: Nanos
    end: Nanos
    out: Path
    cache: Path
    workforce: Workforce
    seed: int
    terms: Terms = TERMS
    whole: bool = False


def backtest(wanted: Wanted, choice: Choice, stream: TextIO) -> str:
    """Run it and write the report; returns a sentence that sums it up.

    Args:
        wanted: what to run.
        choice: the model.
        stream: where progress is shown.

    Raises:
        PlasmaError: something that the user named cannot be used, or the run ended in error.
    """
    if wanted.whole:
        stopped, prices = lived(wanted, choice, stream), None
    else:
        stopped, prices = abridged(wanted, choice, stream)
    # The charts' library takes a second to come; who asked wrongly need not wait for it.
    from persistence.report.files import write  # noqa: PLC0415

    source = of_home(wanted.out / "home")
    sentence = write(source if prices is None else replace(source, prices=prices), wanted.out)
    return f"{sentence}; stopped early: {stopped}" if stopped else sentence


def abridged(wanted: Wanted, choice: Choice, stream: TextIO) -> tuple[str, Prices | None]:
    """As `lived`, but without the minutes in which nothing can happen; with the market's closes.

    Where forecasts made in batches round differently they are of no use, and every minute is lived.
    """
    archive = _source(wanted)
    home = wanted.out / "home"
    _begin_anew(home)
    model = choice.open()
    cache = opened(wanted.cache, model)
    if cache is None:
        return lived(wanted, choice, stream), None
    minutes, found = tracks(wanted.data, wanted.begin, wanted.end)
    filled(cache, tuple(parts(found, wanted.begin, wanted.end)), choice, wanted.workforce, stream)
    known, said = taught(archive, model, wanted.begin)
    stream.write(f"{said}\n")
    foresight = Foresight(cache, found, known, wanted.begin, wanted.end)
    bill = Playbill(archive, wanted.data, wanted.begin, wanted.end, wanted.seed, wanted.terms)
    with Home(home) as held:
        play(bill, foresight, held, model, stream)
    inside = (minutes.opened >= wanted.begin) & (minutes.opened + MINUTE <= wanted.end)
    return "", Prices(minutes.opened[inside] + MINUTE, minutes.close[inside])


def lived(wanted: Wanted, choice: Choice, stream: TextIO) -> str:
    """As `backtest`, without the report; returns why it ended before its time, '' where not."""
    source = _Watched(_source(wanted), wanted.end, stream)
    home = wanted.out / "home"
    _begin_anew(home)
    choice = _prepared(wanted, choice, stream)
    with Home(home) as held:
        reason, status = run_through(
            _settings(wanted), held, source, Outfit(choice, Unseen(), wanted.terms)
        )
    if status:
        raise SettingsInvalid(reason)
    return "" if source.ended else reason


def _source(wanted: Wanted) -> Archive:
    if wanted.begin >= wanted.end:
        raise SettingsInvalid("--from must be earlier than --to")
    last = Nanos(span(wanted.data)[1] + MINUTE)
    if wanted.end > last:
        raise SettingsInvalid(f"the data end at {moment(last)}; choose --to within")
    return Archive(wanted.data, None, wanted.begin, wanted.end, seed=wanted.seed)


def _begin_anew(home: Path) -> None:
    """An empty HOME: that of an earlier backtest goes.

    Raises:
        SettingsInvalid: what is there was not made by a backtest, or cannot be replaced.
        StoreBusy: another backtest runs in it.
    """
    try:
        if home.is_dir() and any(home.iterdir()):
            if not (home / MARK).is_file():
                raise SettingsInvalid(f"{home} holds something that no backtest made")
            with Home(home):  # nobody else does
                pass
            shutil.rmtree(home)
        home.mkdir(parents=True, exist_ok=True)
        (home / MARK).touch()
    except OSError as error:
        raise SettingsInvalid(f"{home} cannot be written ({error.strerror})") from error


def _settings(wanted: Wanted) -> Settings:
    """As `bin/plasmatrader --replay PATH --speed max` has them."""
    head = ("--replay", str(wanted.data[0]), "--speed", "max", "--seed", str(wanted.seed))
    return parse((*head, "--headless", "--home", str(wanted.out / "home")))


def _prepared(wanted: Wanted, choice: Choice, stream: TextIO) -> Choice:
    """The model with its forecasts of the period beside it."""
    cache = opened(wanted.cache, choice.open())
    if cache is None:
        stream.write("forecasts made in batches round differently here: each is made in its turn\n")
        return choice
    _, found_tracks = tracks(wanted.data, wanted.begin, wanted.end)
    found = tuple(parts(found_tracks, wanted.begin, wanted.end))
    made = filled(cache, found, choice, wanted.workforce, stream)
    return replace(choice, around=partial(_remembering, choice.around, made))


def _remembering(
    around: Callable[[Forecaster], Forecaster] | None, made: list[Made], model: Forecaster
) -> Forecaster:
    return Remembered(model if around is None else around(model), made)


class _Watched:
    """An archive that shows how far it was read."""

    def __init__(self, archive: Archive, end: Nanos, stream: TextIO) -> None:
        self._archive = archive
        self._end = end
        self._stream = stream
        self.mode = archive.mode
        self.identity = archive.identity
        self.modelled = archive.modelled
        self.start = archive.start
        self.streamed = archive.streamed
        self.ended = False

    def history(self) -> list[Candle]:
        """As the archive has it."""
        return self._archive.history()

    def events(self) -> Iterator[MarketEvent | Rejected]:
        """As the archive has them."""
        progress = Progress("trading", self._end - self.start, self._stream)
        for event in self._archive.events():
            yield event
            if isinstance(event, Candle):
                progress.show(event.close_time - self.start)
        self.ended = True
        progress.end()

    def summary(self) -> str:
        """As the archive has it."""
        return self._archive.summary()
