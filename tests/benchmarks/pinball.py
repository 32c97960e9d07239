"""Pinball loss of a checkpoint against a random walk with EWMA volatility, HAR and GARCH, 30 cells.

The baselines are fitted per timeframe and step on the year before `--from`. The windows are the
exchange's own candles of each timeframe, at every candle that closes on a whole multiple of
`--stride` minutes; nothing after `--to` is looked at. The model is measured as it speaks, and
calibrated online, by the past only, as the program does it.

    .venv/bin/python tests/benchmarks/pinball.py --data BTCUSDT-1m.parquet --from D --to D
        [--peers SITE-PACKAGES]    where arch is installed; without it GARCH is left out
"""

import argparse
import platform
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[2]))

from actors.forecast.blas import settle_blas

settle_blas()

import numpy as np  # noqa: E402

from actors.forecast.corpus import MINUTE_MS, Candles, between, read  # noqa: E402
from actors.forecast.engine import Forecaster  # noqa: E402
from actors.forecast.engines import choose  # noqa: E402
from actors.forecast.evaluation import WARM_UP_MS, corrected_online, forecasts  # noqa: E402
from actors.forecast.experience import experience  # noqa: E402
from actors.forecast.train import DAY_MS, midnight_ms  # noqa: E402
from actors.forecast.windows import windows  # noqa: E402
from actors.forecast.yardstick import BPS, coverage, fit, moves, pinball  # noqa: E402
from domain.calibration import Calibration  # noqa: E402
from domain.horizons import CONTEXT, INTERVALS, STEPS, TIMEFRAMES, Timeframe  # noqa: E402
from domain.units import MILLISECOND, Floats, Ints, Nanos  # noqa: E402
from tests.benchmarks.rivals import Garch, Har, Shaped  # noqa: E402

SPAN = CONTEXT + max(STEPS)
YEAR = 365
PAST_MAX = 20_000
"""Windows that a baseline is fitted on at most."""


@dataclass(frozen=True, slots=True)
class Period:
    """What is judged, and how closely: first and last moment [ms], minutes between origins."""

    start: int
    end: int
    stride: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One timeframe and step, judged: mean losses [bps], coverage, width."""

    timeframe: Timeframe
    step: int
    count: int
    losses: dict[str, float]
    raw: tuple[float, ...]
    """Coverage of the 80, 90 and 95 % intervals as the model speaks."""
    covered: tuple[float, ...]
    """The same, calibrated."""
    widths: tuple[float, ...]
    """Mean width of the calibrated intervals over the random walk's, widened to cover as much."""

    def ratio(self, name: str) -> float:
        """A loss over the random walk's."""
        return self.losses[name] / self.losses["rw-ewma"]


def main() -> int:
    """Print the table; 0 done, 2 data missing."""
    options = _options()
    if options.peers:
        sys.path.append(str(options.peers))
    if not options.data.exists():
        print(f"pinball: no candles at {options.data}", file=sys.stderr)
        return 2
    period = Period(midnight_ms(options.start), midnight_ms(options.end) + DAY_MS, options.stride)
    candles = read(options.data)
    model = choose(options.model, "exact", Path("models")).open()
    known = experience(model.sha, Nanos((period.start - WARM_UP_MS) * MILLISECOND))
    began = perf_counter()
    cells = [
        cell
        for timeframe in TIMEFRAMES
        for cell in judged((model, known), candles, timeframe, period)
    ]
    report(cells)
    print(f"\nmodel {model.name} {model.sha[:12]} on {options.data.name}, stride {options.stride}")
    print(f"{options.start} .. {options.end}, baselines fitted on the year before")
    print(f"{perf_counter() - began:.0f} s on {platform.machine()}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, metavar="PATH")
    parser.add_argument("--from", type=date.fromisoformat, dest="start", required=True)
    parser.add_argument("--to", type=date.fromisoformat, dest="end", required=True)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--stride", type=int, default=5, help="minutes from origin to origin")
    parser.add_argument("--peers", type=Path, help="site-packages with arch")
    return parser.parse_args()


def judged(
    ours: tuple[Forecaster, Calibration], candles: Candles, timeframe: Timeframe, period: Period
) -> list[Cell]:
    """The five cells of one timeframe; the baselines learn from the year before the period."""
    model, known = ours
    span = period.start - WARM_UP_MS, period.end
    every = forecasts(model, candles, timeframe, span, period.stride)
    raw, said = (x.since(period.start) for x in (every, corrected_online(every, known)))
    last = raw.last_closes[:, None, None]
    closes = around(candles, timeframe, raw.origins)
    before = between(candles, period.start - YEAR * DAY_MS, period.start)
    past = chosen(before, timeframe)
    rivals = fitted(past, before, timeframe)
    cells = []
    for column in range(len(STEPS)):
        found = {
            "raw": np.log(raw.quantiles / last)[:, column],
            "calibrated": np.log(said.quantiles / last)[:, column],
            "rw-ewma": fit(past, column).quantiles(closes),
        }
        found |= {name: rival.quantiles(closes, column) for name, rival in rivals.items()}
        cells.append(_cell(timeframe, column, moves(closes)[:, column], found))
    return cells


def fitted(past: Floats, candles: Candles, timeframe: Timeframe) -> dict[str, Shaped]:
    """HAR and, where `arch` is there, GARCH."""
    rivals = {"HAR": Shaped.fit(Har.fit(past), past)}
    returns = np.diff(np.log(candles.closes[timeframe.minutes - 1 :: timeframe.minutes]))
    try:
        rivals["GARCH"] = Shaped.fit(Garch.fit(returns), past)
    except ImportError:
        print("no GARCH: arch is not installed", file=sys.stderr)
    return rivals


def around(candles: Candles, timeframe: Timeframe, origins: Ints) -> Floats:
    """Closes around each origin, shape (n, SPAN)."""
    last = np.searchsorted(candles.opened, origins - MINUTE_MS)
    steps = np.arange(1 - CONTEXT, max(STEPS) + 1) * timeframe.minutes
    return np.asarray(candles.closes[last[:, None] + steps])


def chosen(candles: Candles, timeframe: Timeframe) -> Floats:
    """At most PAST_MAX evenly spread windows of the exchange's own candles."""
    every = windows(candles, timeframe.minutes, SPAN)
    aligned = every.aligned()
    places = np.linspace(0, len(aligned) - 1, min(PAST_MAX, len(aligned))).astype(np.int64)
    return every.closes(aligned[places])


def _cell(timeframe: Timeframe, column: int, actual: Floats, found: dict[str, Floats]) -> Cell:
    said, walk = found["calibrated"], found["rw-ewma"]
    covered = coverage(actual, said)
    widths = [
        float(np.mean(said[:, high] - said[:, low])) / _width(actual, walk[:, [low, high]], share)
        for share, (_, low, high) in zip(covered, INTERVALS, strict=True)
    ]
    return Cell(
        timeframe,
        STEPS[column],
        len(actual),
        {name: float(pinball(actual, each).mean() * BPS) for name, each in found.items()},
        coverage(actual, found["raw"]),
        covered,
        tuple(widths),
    )


def _width(actual: Floats, bounds: Floats, share: float) -> float:
    """Mean width of intervals about zero, all widened alike until this share is covered."""
    reach = np.maximum(actual / bounds[:, 1], actual / bounds[:, 0])
    return float(np.mean(bounds[:, 1] - bounds[:, 0]) * np.quantile(reach, share))


def report(cells: list[Cell]) -> None:
    """The table and its summary."""
    rivals = [name for name in ("HAR", "GARCH") if name in cells[0].losses]
    names = ("raw", "calibrated", *rivals)
    header = ("timeframe", "step", "windows", "rw-ewma [bps]", *names,
              "80/90/95 % raw", "80/90/95 % calibrated", "width 80/90/95 %")  # fmt: skip
    print("| " + " | ".join(header) + " |")
    print("|---" * len(header) + "|")
    for cell in cells:
        ratios = " | ".join(f"{cell.ratio(name):.4f}" for name in names)
        print(
            f"| {cell.timeframe} | {cell.step} | {cell.count} | {cell.losses['rw-ewma']:.3f} "
            f"| {ratios} | {shares(cell.raw)} | {shares(cell.covered)} | {shares(cell.widths)} |"
        )
    for name in names:
        print(f"\n{name}: {summary(cells, name)}")
    for name, covered in (("raw", [x.raw for x in cells]), ("calibrated", [x.covered for x in cells])):  # fmt: skip # noqa: E501
        missed = np.abs(np.array(covered) - [0.8, 0.9, 0.95])
        print(f"\n{name}: coverage missed by {shares(missed.mean(axis=0))} on average, ", end="")
        print(f"{shares(missed.max(axis=0))} at worst")
    widths = np.array([cell.widths for cell in cells])
    print(f"\nwidth over the random walk's at equal coverage {shares(widths.mean(axis=0))}")


def summary(cells: list[Cell], name: str) -> str:
    """How one forecaster compares with the random walk over all cells."""
    walk, loss = (np.mean([cell.losses[x] for cell in cells]) for x in ("rw-ewma", name))
    ratios = np.array([cell.ratio(name) for cell in cells])
    worst = cells[int(ratios.argmax())]
    return (
        f"mean loss {loss:.4f} of {walk:.4f} bps, {loss / walk:.4f}; mean ratio "
        f"{ratios.mean():.4f}, below one in {(ratios < 1).sum()} of {len(cells)} cells, "
        f"worst {ratios.max():.4f} ({worst.timeframe}, step {worst.step})"
    )


def shares(values: tuple[float, ...] | Floats) -> str:
    """Three shares in one column."""
    return "/".join(f"{share:.3f}" for share in values)


if __name__ == "__main__":
    sys.exit(main())
