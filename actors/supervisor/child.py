"""What the supervisor knows of one actor: how to start it, and how its present life goes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from pykka import ActorRef

from actors.actor import Address, Leash
from actors.supervisor.patience import Patience
from domain.units import Nanos

SILENCE_SECONDS_MAX = 10.0
"""An actor that does not come to its next message for so long is stuck [s]."""

STOP_SECONDS_MAX = 5
"""How long one actor may take to stop [s]."""

WAITING_MAX = 50_000
"""An inbox that holds so many messages is never worked off: a new life begins with none."""


START = Nanos(0)
"""Before the first beat."""


class Strategy(Enum):
    """Who begins anew when an actor does; the names are Erlang's."""

    ONE_FOR_ONE = auto()
    """It alone: who depends on it is told again what stands."""

    REST_FOR_ONE = auto()
    """Also all that were started after it, because what they hold rests on what it held."""


@dataclass(frozen=True, slots=True)
class Child:
    """How to start one actor, where the others reach it, and what we grant it.

    Attributes:
        name: for people.
        start: constructs an incarnation and starts its thread.
        address: where it is reached.
        silence_seconds_max: how long one message may take it.
        strategy: who begins anew when it does.
    """

    name: str
    start: Callable[[], ActorRef[Any]]
    address: Address[Any]
    silence_seconds_max: float = SILENCE_SECONDS_MAX
    strategy: Strategy = Strategy.ONE_FOR_ONE


@dataclass(slots=True)
class Life:
    """The lives of one actor so far.

    Attributes:
        child: how to start it.
        patience: its deaths of late, which say how long the next one lasts.
        ref: its present incarnation; None while it is dead.
        leash: by which that one is held.
        missed: whether it was found dead at the last look, and has not reported why.
        due: when the next incarnation starts; None where nobody waits for that.
        death: why it is dead.
        died: since when.
        restarts: how often it began anew.
    """

    child: Child
    patience: Patience
    ref: ActorRef[Any] | None = None
    leash: Leash = field(default_factory=Leash)
    missed: bool = False
    due: Nanos | None = None
    death: str = ""
    died: Nanos = START
    restarts: int = 0

    @property
    def pace(self) -> tuple[int, float | None, bool]:
        """Messages handled, how long the newest one timed had waited [ms], whether it lives."""
        waited = self.leash.waited
        return self.leash.handled, None if waited is None else waited * 1000, self.ref is not None

    def fault(self, now: Nanos) -> str:
        """What is wrong with the present incarnation; '' where nothing is."""
        if self.ref is None:
            return ""
        if not self.ref.is_alive():
            self.missed, known = True, self.missed
            return "its thread has ended" if known else ""
        seconds = self.leash.silence(now)
        if seconds > self.child.silence_seconds_max:
            return f"it hangs for {seconds:.0f} s"
        waiting = self.child.address.waiting
        patient = self.child.silence_seconds_max == float("inf")
        if waiting > WAITING_MAX and not patient:
            return f"{waiting} messages wait for it"
        return ""

    def is_life(self, urn: str) -> bool:
        """Whether this names the present incarnation; an empty name stands for whichever."""
        return not urn or (self.ref is not None and self.ref.actor_urn == urn)
