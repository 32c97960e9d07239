"""Short lives of the whole system, one after the other, until the time is over or one breaks.

    python -m tests.simulation [--seconds S] [--seed N] [--lives N] [--facts]

Life n has the seed N + n; where none is given it is fresh, and printed. `--seed N --lives 1` lives
one life again, the same in every step.
"""

import argparse
import logging
import secrets
import sys
import traceback
from collections import Counter
from time import monotonic

from tests.simulation.life import Broken, Report, lived

SEEDS = 2**40
"""Fresh seeds are below this."""


def main() -> int:
    """Live; 1 where a life broke an invariant."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, help="stop after so long; 60 if nothing is given")
    parser.add_argument("--seed", type=int, help="of the first life")
    parser.add_argument("--lives", type=int, help="stop after so many")
    parser.add_argument("--facts", action="store_true", help="print what is told in each life")
    options = parser.parse_args()
    seed = secrets.randbelow(SEEDS) if options.seed is None else options.seed
    seconds = 60.0 if options.seconds is None and options.lives is None else options.seconds
    logging.disable()
    print(f"simulation, seed {seed}", flush=True)
    begun, reports = monotonic(), list[Report]()
    while options.lives is None or len(reports) < options.lives:
        if seconds is not None and monotonic() - begun > seconds:
            break
        number = seed + len(reports)
        try:
            reports.append(lived(number, tell if options.facts else None))
        except Broken as broken:
            traceback.print_exception(broken.__cause__)
            print(f"BROKEN: {broken}\nagain:  python -m tests.simulation --seed {number} --lives 1")
            return 1
    summarise(reports, monotonic() - begun)
    return 0


def tell(line: bytes) -> None:
    """Print a fact."""
    print(line.decode())


def summarise(reports: list[Report], seconds: float) -> None:
    """What was lived through."""
    minutes = sum(x.seconds for x in reports) / 60
    started = sum(x.processes for x in reports)
    print(
        f"{len(reports)} lives in {seconds:.0f} s: {minutes:,.0f} market minutes, "
        f"{started} processes"
    )
    for name, counts in (
        ("told", [x.events for x in reports]),
        ("refused", [x.refusals for x in reports]),
        ("went wrong", [x.faults for x in reports]),
    ):
        total: Counter[str] = sum(counts, Counter())
        listed = ", ".join(f"{what} {count}" for what, count in total.most_common())
        print(f"{name}: {listed}")


if __name__ == "__main__":
    sys.exit(main())
