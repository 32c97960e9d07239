"""Dashboard: everything that happens, on a screen or as lines, and in the log."""

from actors.dashboard.actor import DashboardActor, Display
from actors.dashboard.headless import Headless

__all__ = ["DashboardActor", "Display", "Headless"]
