"""How often one kind of alert may ring, and what becomes of the rest."""

from collections import deque
from dataclasses import replace

from actors.dashboard.telemetry.alerts import Alert

AT_ONCE_MAX = 3
"""Alerts of one kind that go out within WINDOW_SECONDS."""

WINDOW_SECONDS = 600.0


class Pacing:
    """Lets alerts through, or keeps the newest of each kind until its turn comes."""

    def __init__(self) -> None:
        self._sent: dict[str, deque[float]] = {}
        self._held: dict[str, tuple[Alert, int]] = {}

    def admit(self, alert: Alert, now: float) -> bool:
        """Whether it may go out now; else it is kept, in place of one of its kind."""
        if self._open(alert.kind, now):
            self._held.pop(alert.kind, None)
            self._sent[alert.kind].append(now)
            return True
        _, count = self._held.get(alert.kind, (alert, 0))
        self._held[alert.kind] = (alert, count + 1)
        return False

    def due(self, now: float) -> list[Alert]:
        """What was kept and may go out now, with how many it stands for."""
        ready = [kind for kind in self._held if self._open(kind, now)]
        return [self._let_out(kind, now) for kind in ready]

    def rest(self) -> list[Alert]:
        """All that is still kept, for the end."""
        held, self._held = self._held, {}
        return [_summed(alert, count) for alert, count in held.values()]

    def _let_out(self, kind: str, now: float) -> Alert:
        self._sent[kind].append(now)
        return _summed(*self._held.pop(kind))

    def _open(self, kind: str, now: float) -> bool:
        sent = self._sent.setdefault(kind, deque(maxlen=AT_ONCE_MAX))
        return len(sent) < AT_ONCE_MAX or now - sent[0] >= WINDOW_SECONDS


def _summed(alert: Alert, count: int) -> Alert:
    if count == 1:
        return alert
    return replace(alert, text=f"{alert.text} (and {count - 1} more before it, held back)")
