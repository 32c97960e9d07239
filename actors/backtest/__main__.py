"""`bin/pt-backtest`: what the trader would have done in a period of the past."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from actors.forecast.blas import settle_blas

IN_TIME = settle_blas()
"""Whether OpenBLAS was told how to run before numpy was imported; it listens only then."""

from actors.settings import ENGINES, instant, seed_number
from domain.errors import PlasmaError
from domain.units import DAY, Nanos
from persistence.arguments import Parser, default_home
from persistence.experiments import default_experiments

FILES = """
DIR receives what pt-report writes (report.html, metrics.json, trades.csv, equity.parquet,
ledger.jsonl), sensitivity.csv (what neighbouring terms would have brought, in outline), with
--walk-forward walk-forward.json, and home/, the HOME of the run, with the event lines of the
minutes that were played in home/log/. Forecasts are kept in ~/.cache/plasmatrader/forecasts
($XDG_CACHE_HOME), so that a second run makes none. rw-ewma is the random walk, to compare with.
Exit status: 0 run, 2 a bad argument, or a file or folder that cannot be used, 4 another run holds
DIR.
"""

WORKERS_MAX = 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one backtest; returns the exit status. A known error is one clear line."""
    try:
        _run(_parser().parse_args(arguments))
    except PlasmaError as error:
        sys.stderr.write(f"pt-backtest: {error}\n")
        return error.status
    except KeyboardInterrupt:
        sys.stderr.write("pt-backtest: interrupted; the forecasts made so far are kept\n")
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    # `--help` needs none of the house.
    from actors.backtest.cache import default_cache  # noqa: PLC0415
    from actors.backtest.hired import hired  # noqa: PLC0415
    from actors.backtest.run import Wanted, backtest  # noqa: PLC0415
    from actors.backtest.walk import NAME, instead  # noqa: PLC0415
    from actors.forecast.engines import choose  # noqa: PLC0415

    with hired(options.workers, options.dask, sys.stderr) as workforce:
        wanted = Wanted(
            data=tuple(options.data),
            begin=options.start,
            end=options.end,
            out=options.out.expanduser(),
            cache=default_cache(),
            workforce=workforce,
            seed=options.seed,
            whole=options.every_minute,
            forward=options.walk_forward,
            experiments=options.experiments.expanduser(),
            label=options.label,
        )
        models = default_home().expanduser() / "models"
        if options.model == NAME:
            choice = replace(choose("embedded", options.engine, models), around=instead)
        else:
            choice = choose(options.model, options.engine, models)
        sys.stdout.write(backtest(wanted, choice, sys.stderr) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pt-backtest",
        description="What the trader would have done: the same actors, on candles of the past.",
        epilog=FILES,
        allow_abbrev=False,
    )
    add = parser.add_argument
    data = "1m candles: parquet, Binance's dumps, or a folder of them"
    add("--data", type=Path, nargs="+", required=True, metavar="PATH", help=data)
    add("--from", type=instant, dest="start", required=True, metavar="D", help="start, UTC")
    add("--to", type=instant, dest="end", required=True, metavar="D", help="end, UTC")
    add("--model", default="embedded", metavar="M", help="as bin/plasmatrader takes it, or rw-ewma")
    add("--engine", choices=ENGINES, default="exact", help="who computes it (default: exact)")
    out = "where the report goes (default: %(default)s)"
    add("--out", type=Path, default=Path("backtest"), metavar="DIR", help=out)
    workers = "processes that make forecasts (default: %(default)s, one a core)"
    add("--workers", type=_workers, default=os.cpu_count() or 1, metavar="N", help=workers)
    dask = "workers of the Dask scheduler there make them instead, such as tcp://HOST:8786"
    add("--dask", default="", metavar="ADDRESS", help=dask)
    whole = "live every minute through every actor, with all event lines; slower, the same ledger"
    add("--every-minute", action="store_true", help=whole)
    forward = "fit the policy on TRAIN before each TEST, such as 365d:30d, and trade TEST on that"
    add("--walk-forward", type=_stretches, metavar="TRAIN:TEST", help=forward)
    log = "where each run is counted (default: %(default)s)"
    add("--experiments", type=Path, default=default_experiments(), metavar="FILE", help=log)
    add("--label", default="", metavar="TEXT", help="what the run is for; kept with it")
    add("--seed", type=seed_number, default=1, metavar="N", help="latencies and the book")
    return parser


def _stretches(text: str) -> tuple[Nanos, Nanos]:
    found = re.fullmatch(r"([1-9][0-9]{0,3})d:([1-9][0-9]{0,3})d", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not two lengths in days such as 365d:30d")
    return Nanos(int(found[1]) * DAY), Nanos(int(found[2]) * DAY)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes up to {WORKERS_MAX}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
