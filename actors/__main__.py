"""`bin/plasmatrader`: trades until it is told to stop."""

import sys

from actors.settings import parse
from domain.errors import PlasmaError


def main() -> int:
    """Run; returns the exit status. A known error is one clear line."""
    try:
        settings = parse(sys.argv[1:])
        from actors.system import trade  # noqa: PLC0415 - `--help` needs none of the house

        return trade(settings)
    except PlasmaError as error:
        sys.stderr.write(f"plasmatrader: {error}\n")
        return error.status


if __name__ == "__main__":
    sys.exit(main())
