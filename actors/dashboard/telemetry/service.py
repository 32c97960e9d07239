"""Opens what the command line asks for: a port to read, endpoints that are told."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from time import monotonic

from actors.clock import wall_clock
from actors.dashboard.actor import Observer
from actors.dashboard.outside import Outside
from actors.dashboard.telemetry.alerts import Alert, Alerts
from actors.dashboard.telemetry.condition import SILENT_SECONDS, Condition
from actors.dashboard.telemetry.sender import Outcome, Sender
from actors.dashboard.telemetry.targets import Target
from actors.pulse import guardian, recovered
from actors.settings import Settings
from domain.errors import PlasmaError, SettingsInvalid

END_SECONDS_MAX = 3.0
"""How long the last alerts may keep the program [s]."""


@contextmanager
def opened(settings: Settings) -> Iterator[Outside]:
    """Listen and deliver until the block ends.

    Raises:
        SettingsInvalid: the port cannot be had.
    """
    observers: tuple[Observer, ...] = ()
    senders = senders_of(settings)
    with ExitStack() as held:
        note = ""
        if settings.metrics is not None:
            observers, note = _listen(settings, senders, held)
        alerts = Alerts(lambda alert: _tell(senders, alert), recovered(), wall_clock())
        if senders:
            observers = (*observers, alerts)
            held.callback(end, senders, END_SECONDS_MAX)
            for sender in senders:
                sender.start()
        try:
            yield Outside(observers, note, alerts.ended)
        except PlasmaError as error:
            alerts.ended(str(error), error.status)
            raise


def _listen(
    settings: Settings, senders: Sequence[Sender], held: ExitStack
) -> tuple[tuple[Observer, ...], str]:
    """Who has to hear what the port tells, and what a person should know of it."""
    from actors.dashboard.telemetry.meters import Meters  # noqa: PLC0415 - alerts need none of it
    from actors.dashboard.telemetry.server import Server  # noqa: PLC0415

    assert settings.metrics is not None
    condition = Condition(silent_after=SILENT_SECONDS / min(1.0, settings.speed))
    meters = Meters(settings.mode, condition, lambda: _outcomes(senders), guardian())
    try:
        server = Server(settings.metrics, settings.mode, condition, meters.registry)
    except SettingsInvalid as error:
        if not recovered():
            raise
        # Somebody took the port while we were dead; that is no reason to stay dead.
        return (), f"{error}; this run goes on without"
    server.start()
    held.callback(server.end)
    return (condition, meters), ""


def senders_of(settings: Settings) -> list[Sender]:
    """One for each endpoint; none of them has begun."""
    targets = [Target(url, settings.alert_format, settings.mode) for url in settings.alert_urls]
    return [Sender(target) for target in targets]


def _tell(senders: Sequence[Sender], alert: Alert) -> None:
    for sender in senders:
        sender.tell(alert)


def end(senders: Sequence[Sender], seconds: float) -> None:
    """Let all of them try once more, at the same time, for so long at most."""
    until = monotonic() + seconds
    for sender in senders:
        sender.hurry()
    for sender in senders:
        sender.end(max(0.0, until - monotonic()))


def _outcomes(senders: Sequence[Sender]) -> Mapping[str, int]:
    """What became of all alerts, whoever they were for."""
    each = [asdict(one.outcome) for one in senders] or [asdict(Outcome())]
    return {name: sum(outcome[name] for outcome in each) for name in each[0]}
