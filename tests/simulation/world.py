"""The world around the trader: true time, the clock on its wall, chance, and what goes wrong."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TypeVar

import numpy as np

from domain.units import SECOND, Nanos

Choice = TypeVar("Choice")

NONE = Nanos(0)

KINDS = ("feed", "rest", "market", "store", "model", "clock", "crash", "stall", "end", "person")
"""What can be in order or out of it, each by itself."""


@dataclass
class World:
    """One life's surroundings; its seed says everything that will happen.

    Attributes:
        seed: of all chance.
        now: true time, which the exchange has [ns].
        skew: what the clock on the wall is ahead of it [ns].
        calm: from now on nothing goes wrong any more.
        faults: how often what went wrong.
        wild: the kinds of things that go wrong in this life, and how often.
    """

    seed: int
    now: Nanos
    skew: Nanos = NONE
    calm: bool = False
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng(self.seed)
        self._agenda: list[tuple[Nanos, int, Callable[[], None]]] = []
        self._number = 0
        self._spared: dict[str, int] = {}
        self.wild = {
            kind: 10.0 ** self.between(-1.0, 0.5) for kind in KINDS if self._chance.random() < 0.5
        }

    @property
    def wall(self) -> Nanos:
        """What the clock on the wall shows."""
        return Nanos(self.now + self.skew)

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return bool(self._chance.random() < probability)

    def fails(self, kind: str, probability: float, what: str) -> bool:
        """Whether something goes wrong that does so in wild lives with this probability."""
        rate = self.wild.get(kind)
        if rate is None or self.calm:
            return False
        left = self._spared.get(what)
        if left is None:
            left = self._waits(probability * rate)
        elif left == 0:
            self._spared[what] = self._waits(probability * rate)
            self.faults[what] += 1
            return True
        self._spared[what] = left - 1
        return False

    def _waits(self, probability: float) -> int:
        """How often it goes well before it goes wrong the next time; one draw instead of many."""
        return int(self._chance.geometric(min(1.0, probability)))

    def between(self, low: float, high: float) -> float:
        """A number from this range."""
        return float(self._chance.uniform(low, high))

    def about(self, low: float, high: float) -> float:
        """A number from this range, each order of magnitude as likely as any other."""
        return float(np.exp(self._chance.uniform(np.log(low), np.log(high))))

    def number(self, count: int) -> int:
        """One of 0, 1 ... count - 1."""
        return int(self._chance.integers(count))

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """One of these."""
        return choices[self.number(len(choices))]

    def normal(self) -> float:
        """A standard normal number."""
        return float(self._chance.standard_normal())

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Let this happen after so many seconds."""
        self.at(Nanos(self.now + round(seconds * SECOND)), what)

    def at(self, moment: Nanos, what: Callable[[], None]) -> None:
        """Let this happen then; what was planned first happens first."""
        self._number += 1
        heappush(self._agenda, (moment, self._number, what))

    def step(self) -> None:
        """Let the next thing happen."""
        moment, _, what = heappop(self._agenda)
        self.now = max(self.now, moment)
        what()

    def perf_counter(self) -> float:
        """Stands in for the clock of that name [s]."""
        return self.now / SECOND
