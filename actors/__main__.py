"""`bin/plasmatrader`: trades until it is told to stop."""

import signal
import sys
from contextlib import ExitStack

from actors.forecast.blas import settle_blas

IN_TIME = settle_blas()
"""Whether OpenBLAS was told how to run before numpy was imported; it listens only then."""

from actors.settings import Settings, parse
from actors.terminal import heeded
from domain.errors import PlasmaError


def main() -> int:
    """Run; returns the exit status. A known error is one clear line."""
    for number in heeded((signal.SIGTERM, signal.SIGHUP)):
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as held:
            return _run(parse(sys.argv[1:]), held)
    except PlasmaError as error:
        sys.stderr.write(f"plasmatrader: {error}\n")
        return error.status
    except KeyboardInterrupt:
        return 0  # somebody changed their mind before there was anything to stop


def _run(settings: Settings, held: ExitStack) -> int:
    """Show who is watching that we come, then import the house, of which `--help` needs nothing."""
    canvas = None
    if settings.watched:
        from actors.dashboard.curtain import raised  # noqa: PLC0415 - only a terminal needs it

        canvas = raised(settings.mode)
        held.callback(canvas.close)
    from actors.system import trade  # noqa: PLC0415

    return trade(settings, canvas)


if __name__ == "__main__":
    sys.exit(main())
