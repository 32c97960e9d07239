"""`bin/pt-state`: looks at the state of a trader, and puts another one in its place."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from domain.errors import PlasmaError
from persistence.arguments import Parser, default_home, path
from persistence.export import COLUMNS, FORMATS, exported, written
from persistence.tool import dumped, listed, restore, resume, verified

SAFE = "Safe while a trader runs."
ALONE = "Refused while a trader runs."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status. A known error is one clear line."""
    try:
        found = _parser().parse_args(arguments)
        out, status = _done(found, found.home.expanduser())
        sys.stdout.buffer.write(out)
        sys.stdout.flush()
    except PlasmaError as error:
        sys.stderr.write(f"pt-state: {error}\n")
        return error.status
    except BrokenPipeError:
        with closing(Path(os.devnull).open("w", encoding="utf-8")) as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return 0
    return status


def _done(found: argparse.Namespace, home: Path) -> tuple[bytes, int]:
    """What to print, and the exit status."""
    match found.command:
        case "dump":
            return dumped(home, found.checkpoint).encode(), 0
        case "list":
            return listed(home).encode(), 0
        case "restore":
            return f"{restore(home, found.source)}\n".encode(), 0
        case "resume":
            return f"{resume(home)}\n".encode(), 0
        case "verify":
            lines, status = verified(home)
            return lines.encode(), status
        case _:
            pass
    data = exported(home, found.what, found.format)
    return (data if found.out is None else f"{written(data, found.out)}\n".encode()), 0


def _parser() -> Parser:
    parser = Parser(prog="pt-state", description="The state of a trader.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, does: str, safety: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=does, description=f"{does.capitalize()}. {safety}", allow_abbrev=False
        )
        made.add_argument(
            "--home",
            type=path,
            default=default_home(),
            metavar="DIR",
            help="state (default: %(default)s)",
        )
        return made

    command("list", "list checkpoints and backups", SAFE)
    dump = command("dump", "print the state as JSON", SAFE)
    dump.add_argument("--checkpoint", type=int, metavar="N", help="as it was at this one")
    back = command("restore", "go on from a document or a backup; the old one is kept", ALONE)
    back.add_argument(
        "source", type=path, metavar="FILE|BACKUP", help="as `dump` prints it or `list` names it"
    )
    command("verify", "check ledger, checkpoints, orders, candles and document", SAFE)
    command("resume", "let trading go on after the drawdown guard stopped it", ALONE)
    table = command("export", "print a table", SAFE)
    table.add_argument("what", choices=tuple(COLUMNS), metavar="WHAT", help=", ".join(COLUMNS))
    table.add_argument("--format", choices=FORMATS, default="csv", help="default: %(default)s")
    table.add_argument("--out", type=path, metavar="FILE", help="default: standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
