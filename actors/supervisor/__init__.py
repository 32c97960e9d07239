"""Supervisor: starts the others in order, restarts what dies, halts when dying becomes a habit."""

from actors.supervisor.actor import EXIT_GAVE_UP, Child, Outlets, SupervisorActor
from actors.supervisor.patience import Patience

__all__ = ["EXIT_GAVE_UP", "Child", "Outlets", "Patience", "SupervisorActor"]
