"""`bin/plasmatrader`: trades until it is told to stop."""

import signal
import sys

from actors.forecast.blas import settle_blas

IN_TIME = settle_blas()
"""Whether OpenBLAS was told how to run before numpy was imported; it listens only then."""

from actors.settings import parse
from domain.errors import PlasmaError


def main() -> int:
    """Run; returns the exit status. A known error is one clear line."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        settings = parse(sys.argv[1:])
        from actors.system import trade  # noqa: PLC0415 - `--help` needs none of the house

        return trade(settings)
    except PlasmaError as error:
        sys.stderr.write(f"plasmatrader: {error}\n")
        return error.status
    except KeyboardInterrupt:
        return 0  # somebody changed their mind before there was anything to stop


if __name__ == "__main__":
    sys.exit(main())
