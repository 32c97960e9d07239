"""Pinball loss of a checkpoint against a random walk with EWMA volatility, 30 cells.

The baseline's decay and shape are fitted per timeframe and step on the year before `--from`. The
windows are the exchange's own candles of each timeframe, one for each candle that closes in the
period (at most `--count`, evenly spread); nothing after `--to` is looked at.

    .venv/bin/python tests/benchmarks/pinball.py --data BTCUSDT-1m.parquet --from D --to D
"""

import argparse
import platform
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter

import chronos
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from actors.forecast.corpus import Candles, Floats, between, read
from actors.forecast.sources import locate
from actors.forecast.stock import ChronosBolt
from actors.forecast.train import DAY_MS, midnight_ms
from actors.forecast.windows import windows
from actors.forecast.yardstick import BPS, coverage, fit, moves, pinball
from domain.horizons import CONTEXT, MEDIAN, STEPS, TIMEFRAMES, Timeframe

SPAN = CONTEXT + max(STEPS)
YEAR = 365


@dataclass(frozen=True, slots=True)
class Cell:
    """One timeframe and step, judged."""

    timeframe: Timeframe
    step: int
    count: int
    ours: float
    walk: float
    covered: tuple[float, float, float]
    walk_covered: tuple[float, float, float]
    above: float
    """Share of outcomes above the median."""

    @property
    def ratio(self) -> float:
        """Our loss over the baseline's."""
        return self.ours / self.walk


def main() -> int:
    """Print the table; 0 done, 2 data missing."""
    options = _options()
    if not options.data.exists():
        print(f"pinball: no candles at {options.data}", file=sys.stderr)
        return 2
    start, end = midnight_ms(options.start), midnight_ms(options.end) + DAY_MS
    candles = read(options.data)
    model = ChronosBolt(locate(options.model, Path("models")).folder, options.model)
    began = perf_counter()
    cells = [
        cell
        for timeframe in TIMEFRAMES
        for cell in judged(model, candles, timeframe, (start, end, options.count))
    ]
    report(cells)
    print(f"\nmodel {model.name} {model.sha[:12]} on {options.data.name}")
    print(f"{options.start} .. {options.end}, baseline fitted on the year before")
    print(f"{perf_counter() - began:.0f} s on {machine()}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, metavar="PATH")
    parser.add_argument("--from", type=date.fromisoformat, dest="start", required=True)
    parser.add_argument("--to", type=date.fromisoformat, dest="end", required=True)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--count", type=int, default=20_000, help="windows a timeframe at most")
    return parser.parse_args()


def judged(
    model: ChronosBolt, candles: Candles, timeframe: Timeframe, period: tuple[int, int, int]
) -> list[Cell]:
    """The five cells of one timeframe; the baseline learns from the year before the period."""
    start, end, count = period
    past = chosen(between(candles, start - YEAR * DAY_MS, start), timeframe, count)
    context_ms = CONTEXT * timeframe.minutes * 60_000
    closes = chosen(between(candles, start - context_ms, end), timeframe, count)
    actual = moves(closes)
    forecast = np.log(model.forecast(closes[:, :CONTEXT]) / closes[:, CONTEXT - 1, None, None])
    walks = [fit(past, column).quantiles(closes) for column in range(len(STEPS))]
    return [
        _cell(timeframe, column, actual[:, column], (forecast[:, column], walks[column]))
        for column in range(len(STEPS))
    ]


def chosen(candles: Candles, timeframe: Timeframe, count: int) -> Floats:
    """At most `count` evenly spread windows of the exchange's own candles."""
    every = windows(candles, timeframe.minutes, SPAN)
    aligned = every.aligned()
    places = np.linspace(0, len(aligned) - 1, min(count, len(aligned))).astype(np.int64)
    return every.closes(aligned[places])


def _cell(
    timeframe: Timeframe, column: int, actual: Floats, forecasts: tuple[Floats, Floats]
) -> Cell:
    ours, walk = forecasts
    return Cell(
        timeframe,
        STEPS[column],
        len(actual),
        float(pinball(actual, ours).mean() * BPS),
        float(pinball(actual, walk).mean() * BPS),
        coverage(actual, ours),
        coverage(actual, walk),
        float(np.mean(actual > ours[:, MEDIAN])),
    )


HEADER = ("timeframe", "step", "windows", "ours [bps]", "rw-ewma [bps]", "ratio",
          "80/90/95 % ours", "80/90/95 % rw-ewma", "above median")  # fmt: skip


def report(cells: list[Cell]) -> None:
    """The table and its summary."""
    print("| " + " | ".join(HEADER) + " |")
    print("|---" * len(HEADER) + "|")
    for cell in cells:
        print(
            f"| {cell.timeframe} | {cell.step} | {cell.count} | {cell.ours:.3f} | {cell.walk:.3f} "
            f"| {cell.ratio:.4f} | {shares(cell.covered)} | {shares(cell.walk_covered)} "
            f"| {cell.above:.3f} |"
        )
    ours, walk = np.mean([c.ours for c in cells]), np.mean([c.walk for c in cells])
    ratios = np.array([cell.ratio for cell in cells])
    worst = cells[int(ratios.argmax())]
    covered = np.array([cell.covered for cell in cells])
    missed = np.abs(covered - [0.8, 0.9, 0.95])
    print(f"\nmean loss {ours:.4f} bps against {walk:.4f} bps: {ours / walk:.4f}")
    print(
        f"mean ratio {ratios.mean():.4f}, below one in {(ratios < 1).sum()} of {len(cells)} cells"
    )
    print(f"worst cell {worst.ratio:.4f} ({worst.timeframe}, step {worst.step})")
    print(f"mean coverage {shares(tuple(covered.mean(axis=0)))}")
    print(f"coverage missed by {missed.mean():.4f} on average, {missed.max():.4f} at worst")


def shares(covered: tuple[float, ...]) -> str:
    """Three shares in one column."""
    return "/".join(f"{share:.3f}" for share in covered)


def machine() -> str:
    """What the figures were measured with."""
    return (
        f"{platform.machine()} {platform.system()}, {torch.get_num_threads()} threads, Python "
        f"{platform.python_version()}, torch {torch.__version__}, chronos {chronos.__version__}"
    )


if __name__ == "__main__":
    sys.exit(main())
