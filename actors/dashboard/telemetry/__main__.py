"""Tells that nobody trades any more; the guardian starts this when it gives up.

python -m actors.dashboard.telemetry REASON ARGUMENT...
"""

import sys
from collections.abc import Sequence

from actors.clock import wall_clock
from actors.dashboard.telemetry.alerts import Alert, Severity
from actors.dashboard.telemetry.service import end, senders_of
from actors.settings import parse

SECONDS_MAX = 8.0
"""How long the endpoints are given [s]."""


def main(reason: str, arguments: Sequence[str]) -> None:
    """Tell the endpoints that these arguments of the trader name."""
    senders = senders_of(parse(arguments))
    text = f"the trader died too often and is not started again; the last time: {reason}"
    alert = Alert(wall_clock(), "stopped", Severity.CRITICAL, text)
    for sender in senders:
        sender.tell(alert)
        sender.start()
    end(senders, SECONDS_MAX)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
