"""Test 1, ingestion: 6,000 candles in less than three minutes, whole and possible."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from actors.validation.record import Record
from actors.validation.verdict import Bench, Criterion
from domain.candles import holes
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.market import Candle

BENCH = Bench("1 ingestion")

SECONDS_MAX = 180.0
"""Mission, "Test de ingesta" [s]."""

CHANGE_MAX = Decimal("0.1")
"""How far a close may be from the one before it, likewise [fraction]."""

Series = Mapping[Timeframe, Sequence[Candle]]


def judged(record: Record, candles: Series) -> list[Criterion]:
    """The criteria of this test.

    Args:
        record: a run from a fresh start.
        candles: what its store held afterwards.
    """
    return [_count(record, candles), _time(record), _gaps(candles), *_possible(candles)]


def _count(record: Record, candles: Series) -> Criterion:
    told = next((int(x.event["candles"]) for x in record.of_name("ingested")), 0)
    stored = [len(candles.get(timeframe, ())) for timeframe in TIMEFRAMES]
    wanted = INGESTION * len(TIMEFRAMES)
    good = told >= wanted and min(stored) >= INGESTION
    return BENCH.judge(
        f"{wanted} candles, {INGESTION} a timeframe",
        f"{told} told, {min(stored)} or more of each timeframe in the store",
        good=good,
        candles=told,
        stored_min=min(stored),
    )


def _time(record: Record) -> Criterion:
    took = next((x.at - record.begun for x in record.of_name("ingested")), None)
    if took is None:
        words = record.words[-1] if record.words else f"exit status {record.status}"
        return BENCH.judge(f"in less than {SECONDS_MAX:.0f} s", f"never: {words}", good=False)
    return BENCH.judge(
        f"in less than {SECONDS_MAX:.0f} s",
        f"{took:.1f} s from the start of the process",
        good=took < SECONDS_MAX,
        seconds=took,
    )


def _gaps(candles: Series) -> Criterion:
    gaps = {timeframe: len(holes(series)) for timeframe, series in candles.items()}
    where = ", ".join(f"{count} in {timeframe}" for timeframe, count in gaps.items() if count)
    total = sum(len(series) for series in candles.values())
    return BENCH.judge(
        "no gaps in time",
        where or f"none in {total} candles",
        good=not where and total > 0,
        gaps=sum(gaps.values()),
    )


def _possible(candles: Series) -> Iterator[Criterion]:
    every = [candle for series in candles.values() for candle in series]
    prices = [price for x in every for price in (x.open, x.high, x.low, x.close)]
    broken = sum(not (price.is_finite() and price > 0) for price in prices)
    changes = [
        abs(after.close / before.close - 1)
        for series in candles.values()
        for before, after in pairwise(series)
        if before.close
    ]
    worst = max(changes, default=Decimal(0))
    yield BENCH.judge(
        "prices above 0, less than 10 % from candle to candle",
        f"{broken} of {len(prices)} prices impossible, largest change {worst:.2%}",
        good=bool(every) and not broken and worst < CHANGE_MAX,
        impossible=broken,
        change_max=float(worst),
    )
    empty = sum(not (x.volume.is_finite() and x.volume > 0) for x in every)
    yield BENCH.judge(
        "volumes above 0",
        f"{empty} of {len(every)} candles without volume",
        good=bool(every) and not empty,
        without_volume=empty,
    )
