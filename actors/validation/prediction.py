"""Test 2, prediction: a valid forecast every minute."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf

import numpy as np

from actors.validation.record import Record, moment
from actors.validation.verdict import Bench, Criterion
from domain.horizons import INTERVALS, MEDIAN, Timeframe
from domain.units import Floats
from persistence.forecasts import ForecastRecord

BENCH = Bench("2 prediction")

EVERY, TOLERANCE = 60.0, 5.0
"""Mission, "Test de predicción" [s]."""

RANGE = 0.2
"""How far from the price a prediction may be, likewise [fraction]."""

FORECASTS_MIN = 3
"""Fewer say nothing about how regularly they come."""

Forecasts = Mapping[Timeframe, Sequence[ForecastRecord]]


def judged(record: Record, forecasts: Forecasts, *, live: bool) -> list[Criterion]:
    """The criteria of this test.

    Args:
        record: a run of the program.
        forecasts: what its store held afterwards.
        live: whether the market runs at its own pace. Then it counts when a forecast was told, by
            our own clock; else at which market time.
    """
    every = [one for series in forecasts.values() for one in series]
    quantiles = np.array([one.quantiles for one in every]).reshape(-1, *_shape(every))
    bases = np.array([one.base for one in every]).reshape(-1, 1, 1)
    return [_pace(record, live=live), *_values(quantiles, bases)]


def _shape(every: Sequence[ForecastRecord]) -> tuple[int, ...]:
    return every[0].quantiles.shape if every else (1, MEDIAN * 2 + 1)


def _pace(record: Record, *, live: bool) -> Criterion:
    """From `ready` on: the very first forecast comes with the history, whenever that stands."""
    since = record.ready.at if record.ready is not None else inf
    told = [one for one in record.of_name("forecast") if one.at > since]
    times = [one.at if live else moment(one) for one in told]
    apart = [after - before for before, after in pairwise(times)]
    clock = "by the clock" if live else "in market time: the demo runs faster than the clock"
    shortest, longest = min(apart, default=0.0), max(apart, default=0.0)
    wrong = sum(abs(one - EVERY) > TOLERANCE for one in apart)
    return BENCH.judge(
        f"a forecast every {EVERY:.0f} ± {TOLERANCE:.0f} s",
        f"{len(told)} forecasts, {shortest:.1f} to {longest:.1f} s apart ({clock}), "
        f"{wrong} out of time",
        good=len(told) >= FORECASTS_MIN and not wrong,
        forecasts=len(told),
        seconds_min=shortest,
        seconds_max=longest,
        out_of_time=wrong,
    )


def _values(quantiles: Floats, bases: Floats) -> list[Criterion]:
    """The criteria of the numbers: quantiles (n, step, level), closes they start from (n, 1, 1)."""
    some = len(quantiles) > 0
    broken = int((~np.isfinite(quantiles)).sum())
    widths = [quantiles[:, :, upper] - quantiles[:, :, lower] for _, lower, upper in INTERVALS]
    crossed = sum(int((wider < narrower).sum()) for narrower, wider in pairwise(widths))
    crossed += int((np.diff(quantiles, axis=-1) < 0).sum())
    farthest = float(np.abs(quantiles / bases - 1).max()) if some else 0.0
    return [
        BENCH.judge(
            "every value finite",
            f"{broken} of {quantiles.size} quantiles not a number",
            good=some and not broken,
            not_finite=broken,
            quantiles=quantiles.size,
        ),
        BENCH.judge(
            "intervals nested: 80 % within 90 % within 95 %",
            f"{crossed} crossings in {len(quantiles)} forecasts of a timeframe",
            good=some and not crossed,
            crossings=crossed,
        ),
        BENCH.judge(
            "within ± 20 % of the price",
            f"the farthest quantile {farthest:.2%} away",
            good=some and farthest <= RANGE,
            farthest=farthest,
        ),
    ]
