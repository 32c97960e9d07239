"""`bin/pt-evaluate`: how good a model's forecasts were over a period."""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.forecast import reliability
from actors.forecast.corpus import read
from actors.forecast.engine import Forecaster
from actors.forecast.engines import ENGINES, choose
from actors.forecast.evaluation import Forecasts, Score, evaluated, scores
from actors.forecast.experience import write
from actors.forecast.train import midnight_ms
from domain.errors import PlasmaError, SettingsInvalid
from domain.horizons import LEVELS, STEPS
from domain.units import MILLISECOND, Nanos
from persistence.arguments import Parser, default_home, path

STRIDE_MAX = 1440


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate and write the two files; returns the exit status."""
    try:
        options = _parser().parse_args(arguments)
        _run(options)
    except PlasmaError as error:
        sys.stderr.write(f"pt-evaluate: {error}\n")
        return error.status
    return 0


def _run(options: argparse.Namespace) -> None:
    span = midnight_ms(options.start), midnight_ms(options.end)
    if span[0] >= span[1]:
        raise SettingsInvalid("--from must be earlier than --to")
    begun = perf_counter()
    model = choose(options.model, options.engine, default_home().expanduser() / "models").open()
    done = [
        evaluated(model, read(path), span, options.stride, raw=options.raw) for path in options.data
    ]
    found = [each for one in done for each in one.found]
    if not any(len(each.origins) for each in found):
        raise SettingsInvalid(f"no forecast can be made from {options.start} to {options.end}")
    _write(options, model, found)
    if options.teach:
        write(options.teach, done[0].known, model.sha, Nanos(span[1] * MILLISECOND))
    sys.stderr.write(f"{sum(len(x.origins) for x in found)} forecasts of five steps ")
    sys.stderr.write(f"in {perf_counter() - begun:.0f} s\n")


def _write(options: argparse.Namespace, model: Forecaster, found: list[Forecasts]) -> None:
    judged = [score for each in found for score in scores(each)]
    metrics = {
        "model": model.name,
        "model_sha": model.sha,
        "engine": options.engine,
        "from": str(options.start),
        "to": str(options.end),
        "stride_minutes": options.stride,
        "calibrated": not options.raw,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "mean_pinball_bps": fmean(score.pinball_bps for score in judged),
        "coverage_miss_mean": _misses(judged, fmean),
        "coverage_miss_worst": _misses(judged, max),
        "reliability": {
            "levels": reliability.of_levels(found),
            "signals": {
                name: [asdict(one) for one in bins]
                for name, bins in reliability.of_signals(found).items()
            },
        },
        "cells": [asdict(score) for score in judged],
    }
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
        pq.write_table(pa.concat_tables(map(_table, found)), options.out / "forecasts.parquet")
    except OSError as error:
        raise SettingsInvalid(f"cannot write to {options.out} ({error.strerror})") from error


def _misses(judged: list[Score], summary: Any) -> dict[str, float]:
    """How far the coverage of each interval is from what it promises, over all cells."""
    promised = (0.80, 0.90, 0.95)
    return {
        f"{wanted:.0%}": summary(abs(score.coverage[place] - wanted) for score in judged)
        for place, wanted in enumerate(promised)
    }


def _table(found: Forecasts) -> pa.Table:
    """One row a forecast and step, oldest first."""
    rows = len(found.origins)
    columns: dict[str, Any] = {
        "origin": np.repeat(found.origins, len(STEPS)),
        "timeframe": [str(found.timeframe)] * (rows * len(STEPS)),
        "step": np.tile(np.array(STEPS, np.int64), rows),
        "last_close": np.repeat(found.last_closes, len(STEPS)),
        "actual": found.actuals.reshape(-1),
    }
    for place, level in enumerate(LEVELS):
        columns[f"q{level}"] = found.quantiles[:, :, place].reshape(-1)
    return pa.table(columns)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pt-evaluate",
        description="How good a model's forecasts were: metrics.json and forecasts.parquet.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--data", type=path, nargs="+", required=True, metavar="PATH", help="1m candles, parquet")
    add("--from", type=_date, dest="start", required=True, metavar="D", help="first day, UTC")
    add("--to", type=_date, dest="end", required=True, metavar="D", help="end, excluded, UTC")
    add("--model", default="embedded", metavar="M", help="as bin/plasmatrader takes it")
    add("--engine", choices=sorted(ENGINES), default="exact", help="who computes it")
    add("--stride", type=_stride, default=1, metavar="MINUTES", help="origins that far apart")
    add("--raw", action="store_true", help="without calibration")
    add("--teach", type=path, metavar="FILE", help="what the calibration knows in the end")
    add("--out", type=path, required=True, metavar="DIR", help="where the two files go")
    return parser


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2025-03-01") from error


def _stride(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= STRIDE_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes up to {STRIDE_MAX}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
