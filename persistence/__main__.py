"""`bin/pt-state`: looks at the state of a trader, and puts another one in its place."""

import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from domain.errors import PlasmaError
from persistence.arguments import Parser, default_home
from persistence.tool import dumped, restore


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status. A known error is one clear line."""
    try:
        found = _parser().parse_args(arguments)
        home: Path = found.home.expanduser()
        if found.command == "dump":
            sys.stdout.write(dumped(home))
        else:
            sys.stdout.write(restore(home, found.file) + "\n")
    except PlasmaError as error:
        sys.stderr.write(f"pt-state: {error}\n")
        return error.status
    except BrokenPipeError:
        with closing(Path(os.devnull).open("w", encoding="utf-8")) as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return 0


def _parser() -> Parser:
    parser = Parser(prog="pt-state", description="The state of a trader.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    dump = commands.add_parser(
        "dump", help="print the state as JSON", description="Print the state as JSON."
    )
    back = commands.add_parser(
        "restore",
        help="begin anew from a state document; what was there is kept",
        description="Begin anew from a state document; what was there is kept.",
    )
    back.add_argument("file", type=Path, metavar="FILE", help="a document as `dump` prints it")
    default = default_home()
    for command in (dump, back):
        command.add_argument(
            "--home", type=Path, default=default, metavar="DIR", help="state (default: %(default)s)"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
