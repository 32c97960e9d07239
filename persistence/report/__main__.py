"""`bin/pt-report`: writes what a ledger and its log say about a run."""

import sys
from collections.abc import Sequence

from domain.errors import PlasmaError
from persistence.arguments import Parser, default_home, path
from persistence.experiments import ExperimentLog
from persistence.report.source import of_home, of_ledger

FILES = """
DIR receives report.html (one file, readable offline), metrics.json, trades.csv, equity.parquet and
ledger.jsonl, which --ledger reads again. Exit status: 0 written, 2 a bad argument, or a file or
folder that cannot be used, 4 there is no state, it is empty, or it cannot be trusted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one report; returns the exit status. A known error is one clear line."""
    try:
        found = _parser().parse_args(arguments)
        ledger, home = found.ledger, found.home or default_home()
        source = of_ledger(ledger.expanduser()) if ledger else of_home(home.expanduser())
        # The charts' library takes a second to come; who asked wrongly need not wait for it.
        from persistence.report.files import write  # noqa: PLC0415

        path = found.experiments
        trials = None if path is None else ExperimentLog(path.expanduser()).read()
        sys.stdout.write(write(source, found.out.expanduser(), trials) + "\n")
    except PlasmaError as error:
        sys.stderr.write(f"pt-report: {error}\n")
        return error.status
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="pt-report",
        description="Reports on a trader's ledger; safe while the trader runs.",
        epilog=FILES,
        allow_abbrev=False,
    )
    source = parser.add_mutually_exclusive_group()
    home = str(default_home()).replace("%", "%%")  # argparse reads % as its own
    source.add_argument(
        "--home", type=path, metavar="DIR", help=f"state of a trader (default: {home})"
    )
    source.add_argument(
        "--ledger",
        type=path,
        metavar="FILE",
        help="a ledger alone: an LMDB folder, or the ledger.jsonl of another report",
    )
    parser.add_argument(
        "--experiments",
        type=path,
        metavar="FILE",
        help="deflate the Sharpe ratio by the variants in this experiment log",
    )
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="where to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
