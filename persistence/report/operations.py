"""How the program fared: runs, failures, refusals and latencies, from its log."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from domain.life import Status
from domain.units import SECOND, Nanos
from persistence.report.log import (
    Death,
    Execution,
    Found,
    Halt,
    Line,
    Log,
    Lost,
    Model,
    Refusal,
    Start,
    Stop,
)


@dataclass(frozen=True, slots=True)
class Latency:
    """From sending an order to its fill [ms]."""

    median: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class Operations:
    """What the log says of the program.

    Attributes:
        runs: starts of the program.
        crashes: runs that ended without a word, the last one left out: it may still run.
        up_seconds: market time in which a run was there [s].
        uptime: share of the time from the log's first line to its last.
        feed_losses: times that market data stopped coming.
        feed_down_seconds: how long in all [s].
        restarts: actors that died and came back, by name.
        halts: reasons for which trading was stopped.
        refusals: orders that stayed here or came back, by code and reason.
        canceled: orders that were called back on purpose, as a stop is once the target is reached.
        waits: decisions to wait, by reason, figures left out.
        fills: fills in the log.
        latency: None where no fill is in the log.
        models: models that were traded on.
        books: `real` or `modelled`.
        versions: of the program.
        broken: lines that could not be read.
    """

    runs: int
    crashes: int
    up_seconds: float
    uptime: float
    feed_losses: int
    feed_down_seconds: float
    restarts: dict[str, int]
    halts: tuple[str, ...]
    refusals: dict[tuple[str, str], int]
    canceled: int
    waits: dict[str, int]
    fills: int
    latency: Latency | None
    models: tuple[str, ...]
    books: tuple[str, ...]
    versions: tuple[str, ...]
    broken: int


def operations(log: Log | None) -> Operations | None:
    """What the log says of the program; None where there is no log."""
    if log is None:
        return None
    runs = _runs(log.lines)
    up = sum(run[-1].time - run[0].time for run in runs)
    whole = log.lines[-1].time - log.lines[0].time
    starts = [x for x in log.lines if isinstance(x, Start)]
    returned = [(x.code, x.reason) for x in log.lines if isinstance(x, Refusal)]
    refused = [one for one in returned if one[0] != Status.CANCELED]
    return Operations(
        runs=len(runs),
        crashes=sum(not isinstance(run[-1], Stop) for run in runs[:-1]),
        up_seconds=up / SECOND,
        uptime=up / whole if whole else 1.0,
        feed_losses=sum(isinstance(x, Lost) for x in log.lines),
        feed_down_seconds=_down(log.lines) / SECOND,
        restarts=dict(Counter(x.actor for x in log.lines if isinstance(x, Death)).most_common()),
        halts=tuple(x.reason for x in log.lines if isinstance(x, Halt)),
        refusals=dict(Counter(refused).most_common()),
        canceled=len(returned) - len(refused),
        waits=log.waits,
        fills=sum(isinstance(x, Execution) for x in log.lines),
        latency=_latency(log.lines),
        models=_distinct([x.model for x in log.lines if isinstance(x, Model)]),
        books=_distinct([x.book for x in starts]),
        versions=_distinct([x.version for x in starts]),
        broken=log.broken,
    )


def _runs(lines: tuple[Line, ...]) -> list[list[Line]]:
    runs: list[list[Line]] = [[]]
    for line in lines:
        if isinstance(line, Start) and runs[-1]:
            runs.append([])
        runs[-1].append(line)
    return runs


def _down(lines: tuple[Line, ...]) -> Nanos:
    """How long market data was missing; what stopped it last may last on."""
    down, since = 0, Nanos(-1)
    for line in lines:
        if isinstance(line, Lost) and since < 0:
            since = line.time
        elif isinstance(line, Found | Start) and since >= 0:
            down, since = down + line.time - since, Nanos(-1)
    return Nanos(down + (lines[-1].time - since if since >= 0 else 0))


def _latency(lines: tuple[Line, ...]) -> Latency | None:
    found = [x.latency_ms for x in lines if isinstance(x, Execution) and x.latency_ms is not None]
    if not found:
        return None
    return Latency(*(float(x) for x in np.percentile(found, (50, 95, 100))))


def _distinct(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
