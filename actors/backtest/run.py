"""One backtest: forecasts beforehand, then the same house on the same loop, then the report."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import sqrt
from pathlib import Path
from typing import TextIO

from actors.backtest.abridged import (
    Cues,
    Playbill,
    Stretches,
    Unseen,
    looked_through,
    perform,
    taught,
)
from actors.backtest.cache import filled, opened
from actors.backtest.foresight import Foresight
from actors.backtest.papers import forwarded, outlined
from actors.backtest.progress import Progress
from actors.backtest.remembered import Made, Remembered
from actors.backtest.sketch import Fold, Outline, fitted, folds
from actors.backtest.windows import parts, tracks
from actors.backtest.work import Each, Here, Processes, Workforce
from actors.clock import wall_clock
from actors.feed.archive import Archive, span
from actors.forecast.engine import Forecaster
from actors.forecast.engines import Choice
from actors.messages import Rejected
from actors.settings import Settings, parse
from actors.system import Outfit, run_through
from domain.errors import SettingsInvalid
from domain.market import Candle, MarketEvent
from domain.moments import moment
from domain.performance import CALENDAR_DAYS
from domain.terms import TERMS, Terms
from domain.units import DAY, MINUTE, Nanos
from persistence.experiments import Experiment, ExperimentLog, Parameter
from persistence.home import Home
from persistence.report.measures import searched
from persistence.report.source import Prices, Source, of_home

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
        forward: how long is learnt and how long is then traded, again and again; None where
            `terms` trade throughout.
        experiments: where the run is written down; None for nowhere.
        label: what it was run for, in a few words.
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
    forward: tuple[Nanos, Nanos] | None = None
    experiments: Path | None = None
    label: str = ""

    @property
    def learns_from(self) -> Nanos:
        """The first moment that is learnt from."""
        return Nanos(self.begin - (self.forward[0] if self.forward else 0))


def backtest(wanted: Wanted, choice: Choice, stream: TextIO) -> str:
    """Run it and write the report; returns a sentence that sums it up.

    Args:
        wanted: what to run.
        choice: the model.
        stream: where progress is shown.

    Raises:
        PlasmaError: something that the user named cannot be used, or the run ended in error.
    """
    if wanted.whole and wanted.forward:
        raise SettingsInvalid("--every-minute trades on one set of terms: leave out --walk-forward")
    if wanted.whole:
        stopped, prices = lived(wanted, choice, stream), None
    else:
        stopped, prices = abridged(wanted, choice, stream)
    source = of_home(wanted.out / "home")
    source = source if prices is None else replace(source, prices=prices)
    sentence = _reported(wanted, choice, source)
    return f"{sentence}; stopped early: {stopped}" if stopped else sentence


def _reported(wanted: Wanted, choice: Choice, source: Source) -> str:
    """Write the report, and the run into the experiment log; returns a sentence."""
    # The charts' library takes a second to come; who asked wrongly need not wait for it.
    from persistence.report.files import reported, written  # noqa: PLC0415

    report = reported(source)
    if wanted.experiments is not None:
        log, ratio = ExperimentLog(wanted.experiments), report.run.ratios.sharpe_365
        log.record(
            Experiment(
                at=wall_clock(),
                data=" ".join(path.name for path in wanted.data),
                begin=wanted.begin,
                end=wanted.end,
                model=choice.open().sha,
                parameters=_parameters(wanted),
                seed=wanted.seed,
                label=wanted.label,
                sharpe=None if ratio is None else ratio / sqrt(CALENDAR_DAYS),
                trades=report.run.trading.trades,
                pnl=report.run.ratios.pnl,
            )
        )
        report = replace(report, search=searched(report.run.days.returns, log.read()))
    return written(report, wanted.out)


def _parameters(wanted: Wanted) -> dict[str, Parameter]:
    if wanted.forward is None:
        return dict(asdict(wanted.terms))
    learnt, traded = (f"{length / DAY:g}d" for length in wanted.forward)
    return {"walk_forward": f"{learnt}:{traded}"}


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
        if wanted.forward:
            raise SettingsInvalid("--walk-forward needs forecasts made in batches; see the README")
        return lived(wanted, choice, stream), None
    period = wanted.learns_from, wanted.end
    minutes, found = tracks(wanted.data, *period)
    inside = (minutes.opened >= wanted.begin) & (minutes.opened + MINUTE <= wanted.end)
    prices = Prices(minutes.opened[inside] + MINUTE, minutes.close[inside])
    del minutes  # opens, highs and lows of a year are memory for nothing
    filled(cache, tuple(parts(found, *period)), choice, wanted.workforce, stream)
    known, said = taught(_from(wanted, period[0]), model, period[0])
    stream.write(f"{said}\n")
    foresight = Foresight(cache, found, known, *period)
    outline = looked_through(foresight, stream)
    stretches = walked(wanted, outline, stream)
    outlined(wanted.out, outline.between(wanted.begin, wanted.end))
    bill = Playbill(archive, wanted.data, wanted.begin, wanted.end, wanted.seed, stretches)
    with Home(home) as held:
        perform(bill, Cues(foresight, outline, stretches), held, model, stream)
    return "", prices


def walked(wanted: Wanted, outline: Outline, stream: TextIO) -> Stretches:
    """The terms that trade, each from a moment on; a walk forward writes down how it found them."""
    if wanted.forward is None:
        return ((wanted.begin, wanted.terms),)
    cut = folds(wanted.begin, wanted.end, *wanted.forward)
    past = [outline.between(learnt, begin) for learnt, begin, _ in cut]
    # A fit takes milliseconds: on this machine it is made sooner than it is sent.
    near = isinstance(wanted.workforce, Processes)
    work: Workforce = Here() if near else wanted.workforce
    fits = dict(work.done(Each(fitted), past))
    found = [Fold(*moments, fits[number]) for number, moments in enumerate(cut)]
    forwarded(wanted.out, found)
    stream.write(f"{len(found)} stretches, each on terms fitted before it\n")
    return tuple((fold.begin, fold.fit.terms) for fold in found)


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


def _from(wanted: Wanted, begin: Nanos) -> Archive:
    """The market from an earlier moment on."""
    first = span(wanted.data)[0]
    if begin < first:
        raise SettingsInvalid(
            f"the data begin at {moment(first)}; a walk forward from --from learns from "
            f"{moment(begin)} on"
        )
    return Archive(wanted.data, None, begin, wanted.end, seed=wanted.seed)


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
