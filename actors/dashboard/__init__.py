"""Dashboard: everything that happens, on a screen or as lines, and in the log.

`actors.dashboard.screen` is imported by whoever has a terminal; nobody else needs blessed.
"""

from actors.dashboard.actor import DashboardActor, Display, Observer
from actors.dashboard.fold import Fold
from actors.dashboard.headless import Headless

__all__ = ["DashboardActor", "Display", "Fold", "Headless", "Observer"]
