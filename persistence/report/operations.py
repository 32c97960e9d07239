"""How the program fared: runs, failures, refusals and latencies, from its log."""

import re
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from domain.facts import Decision
from domain.life import Status
from domain.units import SECOND, Nanos
from persistence.report.lines import (
    Death,
    Execution,
    Found,
    Halt,
    Line,
    Lost,
    Model,
    Refusal,
    Start,
    Stop,
    Wait,
)

FIGURE = re.compile(r"\d[\d.,]*")
"""Where a reason has a number."""

WAITING = {Decision.WAITING, Decision.RISK_PAUSE}
"""Decisions to do nothing."""


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
        since: time of the first line.
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
    since: Nanos


class Course:
    """How the program fared, line by line."""

    def __init__(self) -> None:
        self.broken = 0
        self._runs = self._crashes = self._up = self._feed_losses = self._feed_down = 0
        self._first, self._begun, self._last = Nanos(0), Nanos(0), Nanos(0)
        self._lost_since: Nanos | None = None
        self._ended = False
        self._latencies = array("d")
        self._fills = self._canceled = 0
        self._deaths, self._refusals = Counter[str](), Counter[tuple[str, str]]()
        self._waits = Counter[str]()
        self._halts = list[str]()
        self._models, self._books = dict[str, None](), dict[str, None]()
        self._versions = dict[str, None]()

    def hear(self, line: Line) -> None:
        """Add what one line says; they come in the order in which they happened."""
        if isinstance(line, Wait):
            if line.state in WAITING:
                self._waits[FIGURE.sub("\N{HORIZONTAL ELLIPSIS}", line.reason)] += 1
            return
        self._advance(line)
        if isinstance(line, Refusal | Execution):
            self._trade(line)
        else:
            self._note(line)

    def operations(self) -> Operations | None:
        """What all of them said; None where there was none."""
        if self._runs == 0:
            return None
        whole, up = self._last - self._first, self._up + self._last - self._begun
        down = self._feed_down
        if self._lost_since is not None:  # what stopped it last may last on
            down += self._last - self._lost_since
        return Operations(
            runs=self._runs,
            crashes=self._crashes,
            up_seconds=up / SECOND,
            uptime=up / whole if whole else 1.0,
            feed_losses=self._feed_losses,
            feed_down_seconds=down / SECOND,
            restarts=dict(self._deaths.most_common()),
            halts=tuple(self._halts),
            refusals=dict(self._refusals.most_common()),
            canceled=self._canceled,
            waits=dict(self._waits.most_common()),
            fills=self._fills,
            latency=_latency(self._latencies),
            models=_named(self._models),
            books=_named(self._books),
            versions=_named(self._versions),
            broken=self.broken,
            since=self._first,
        )

    def _advance(self, line: Line) -> None:
        """Follow the runs, and how long each had market data."""
        now, begins = line.time, isinstance(line, Start)
        if self._runs == 0:
            self._first = self._begun = self._last = now
            self._runs = 1
        elif begins:
            self._up += self._last - self._begun
            self._crashes += not self._ended
            self._runs += 1
            self._begun = now
        if isinstance(line, Lost):
            self._feed_losses += 1
            self._lost_since = now if self._lost_since is None else self._lost_since
        elif self._lost_since is not None and (begins or isinstance(line, Found)):
            self._feed_down += now - self._lost_since
            self._lost_since = None
        self._last, self._ended = now, isinstance(line, Stop)

    def _trade(self, line: Refusal | Execution) -> None:
        """What became of an order."""
        if isinstance(line, Execution):
            self._fills += 1
            if line.latency_ms is not None:
                self._latencies.append(line.latency_ms)
        elif line.code == Status.CANCELED:
            self._canceled += 1
        else:
            self._refusals[line.code, line.reason] += 1

    def _note(self, line: Line) -> None:
        """What happened to the program, and what it is."""
        match line:
            case Start():
                self._books[line.book] = self._versions[line.version] = None
            case Model():
                self._models[line.model] = None
            case Death():
                self._deaths[line.actor] += 1
            case Halt():
                self._halts.append(line.reason)
            case _:
                pass


def _latency(found: "array[float]") -> Latency | None:
    if not found:
        return None
    return Latency(*(float(x) for x in np.percentile(found, (50, 95, 100))))


def _named(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(None, names))
