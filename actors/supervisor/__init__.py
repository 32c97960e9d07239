"""Supervisor: starts the others in order, restarts what dies, halts when dying becomes a habit."""

from actors.supervisor.actor import EXIT_GAVE_UP, Outlets, SupervisorActor
from actors.supervisor.child import SILENCE_SECONDS_MAX, Child, Strategy
from actors.supervisor.patience import Patience

__all__ = [
    "EXIT_GAVE_UP",
    "SILENCE_SECONDS_MAX",
    "Child",
    "Outlets",
    "Patience",
    "Strategy",
    "SupervisorActor",
]
