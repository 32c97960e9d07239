"""Time-compressed soak: days of the demo market through the threads, an actor broken each hour.

Prints how memory, threads and file descriptors went, and how much of the market was missed.

    python -m tests.benchmarks.soak --hours 48 [--speed 600] [--home DIR]
"""

import argparse
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, product
from pathlib import Path
from time import monotonic

import numpy as np

from actors import threads
from actors.dashboard.view import View
from actors.messages import StopRequested
from domain.units import Nanos
from persistence.copies import examined
from tests.actors.test_faults import NAMES, House
from tests.models import opinionated

WARM_UP_HOURS = 6.0
"""Market time until caches, queues and windows have filled."""

RECOVERED_SECONDS_MAX = 60.0
"""An actor that is not replaced by then has failed the soak [s]."""

HOUR = 3600.0

FAULTS = cycle(product(("exception", "hang", "construction"), NAMES))


class Tally:
    """A display that counts events and knows how late it is on the market."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.first = self.last = 0.0

    def open(self) -> None:
        """Nothing to open."""

    def fact(self, line: bytes) -> None:
        """Count it."""
        fact = json.loads(line)
        self.events[fact["event"]] += 1
        self.last = datetime.fromisoformat(fact["at"]).timestamp()
        self.first = self.first or self.last

    def draw(self, view: Callable[[], View]) -> None:
        """Nothing to see."""

    def close(self) -> None:
        """Nothing to close."""

    @property
    def hours(self) -> float:
        """Market time so far."""
        return (self.last - self.first) / HOUR


@dataclass(frozen=True)
class Sample:
    """What the process holds at a moment of market time; `own` is not backed by a file [MB]."""

    hours: float
    megabytes: float
    own: float
    threads: int
    files: int


def sampled(hours: float) -> Sample:
    """What this process holds now."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    size = {
        name: line.split()[0] for name, _, line in (x.partition(":") for x in lines) if line.strip()
    }
    resident, own = (int(size[name]) / 1024 for name in ("VmRSS", "RssAnon"))
    tasks, files = (len(list(Path(f"/proc/self/{what}").iterdir())) for what in ("task", "fd"))
    return Sample(hours, resident, own, tasks, files)


class Breaker:
    """Breaks an actor each hour of market time, and samples between."""

    def __init__(self, house: House, tally: Tally, hours: float) -> None:
        self._house = house
        self._tally = tally
        self._hours = hours
        self._pace = threading.Event()
        self.samples: list[Sample] = []
        self.recoveries: list[float] = []
        self.failed = ""

    def run(self) -> None:
        """Until the time is over."""
        due = 1.0
        while self._tally.hours < self._hours and not self.failed:
            self._pace.wait(0.05)
            if self._tally.hours >= due:
                due += 1.0
                self.samples.append(sampled(self._tally.hours))
                self._break(*next(FAULTS))
        self._house.at.supervisor.tell(StopRequested("the soak is over"))

    def _break(self, fault: str, name: str) -> None:
        stuck = self._house.over = threading.Event()
        begun = monotonic()
        replaced = self._house.fail(name, fault)
        while not replaced():
            if monotonic() - begun > RECOVERED_SECONDS_MAX:
                self.failed = f"{name} did not recover from {fault}"
                return
            self._pace.wait(0.01)
        self.recoveries.append(monotonic() - begun)
        stuck.set()  # the thread that was given up wakes, and must end


def slope(samples: list[Sample], what: str) -> float:
    """Growth an hour of market time, after the warm-up."""
    warm = [x for x in samples if x.hours >= WARM_UP_HOURS]
    if len(warm) < 2:
        return float("nan")
    hours, values = zip(*((x.hours, getattr(x, what)) for x in warm), strict=True)
    return float(np.polyfit(hours, values, 1)[0])


def main() -> int:
    """Run it and print a table; 1 where something failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=48.0)
    parser.add_argument("--speed", default="600")
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    threads.BEAT_EVERY = 0.2
    threads.RESTARTS_WINDOW = Nanos(1)
    threads.SILENCES = dict.fromkeys(NAMES, 5.0)
    with ExitStack() as held:
        folder = options.home or Path(held.enter_context(tempfile.TemporaryDirectory()))
        model = opinionated(folder / "model", shift=0.3)
        tally, begun = Tally(), monotonic()
        house = House(
            folder / "home", held, tally, "--eager", "--model", str(model), speed=str(options.speed)
        )
        breaker = Breaker(house, tally, options.hours)
        thread = threading.Thread(target=breaker.run)
        thread.start()
        ended = house.run()
        thread.join()
        wallet = examined(house.environment).wallet
    report(tally, breaker, monotonic() - begun)
    print(f"ended with {ended.status} ({breaker.failed or ended.reason}), wallet {wallet:f}")
    return int(bool(breaker.failed or ended.status))


def report(tally: Tally, breaker: Breaker, seconds: float) -> None:
    """Print the figures."""
    samples, recoveries = breaker.samples, sorted(breaker.recoveries)
    minutes, forecasts = tally.hours * 60, tally.events["forecast"]
    first, last = samples[min(len(samples) - 1, int(WARM_UP_HOURS))], samples[-1]
    dead = sum(recoveries) / (tally.hours * HOUR)
    rows = (
        ("market time", f"{tally.hours:.1f} h in {seconds:.0f} s"),
        ("forecasts", f"{forecasts} of {minutes:.0f} minutes"),
        ("fills, round trips", f"{tally.events['fill']}, {tally.events['closed']}"),
        (
            "actors broken and back",
            f"{len(recoveries)}, restarts {tally.events['actor_restarted']}",
        ),
        ("recovery", f"median {np.median(recoveries):.2f} s, worst {recoveries[-1]:.2f} s"),
        ("an actor was dead", f"{dead:.3%} of the time"),
        ("memory", f"{first.megabytes:.1f} to {last.megabytes:.1f} MB"),
        ("of its own", f"{first.own:.1f} to {last.own:.1f} MB"),
        ("slope after warm-up", f"{slope(samples, 'megabytes'):+.3f} MB/h of market time"),
        ("of its own", f"{slope(samples, 'own'):+.3f} MB/h of market time"),
        ("threads", f"{first.threads} to {last.threads}, {slope(samples, 'threads'):+.3f} an hour"),
        ("file descriptors", f"{first.files} to {last.files}"),
    )
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    sys.exit(main())
