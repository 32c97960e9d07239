"""`bin/pt-validate`: the mission's five tests before production; one table, one exit status."""

import argparse
import json
import math
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from actors.clock import wall_clock
from actors.settings import WEBSOCKET, parse
from actors.validation.campaign import STEADY_MINUTES, Campaign, Extent, Market
from actors.validation.verdict import Criterion, document, passed, table
from domain.errors import PlasmaError, SettingsInvalid
from domain.units import SECOND
from domain.version import VERSION
from persistence.arguments import Parser, path

HOURS = 0.2
PATIENCE = 24.0
SPEED = 600.0

DETAILS = f"""
The program runs as bin/plasmatrader starts it, in a HOME of its own. Without --demo it trades the
live market, at the addresses named or else Binance's. All hours are market time: on the demo they
pass --speed times as fast as the clock (ingestion and prediction at no more than 60 times, over
{STEADY_MINUTES} minutes). --hours 48 is the mission's endurance test. Where the ten orders of the
trading test are not executed by then, the run goes on for --patience hours. Exit status: 0 all
criteria hold, 1 one does not, 2 a bad argument. What a source cannot show is said to be n/a.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, print the table; returns the exit status."""
    try:
        options = _parser().parse_args(arguments)
        market = _market(options)
        parse((*market.command(), "--headless"))  # a bad address is said here, once
        with _folder(options.out) as (home, out):
            criteria = _tested(market, _extent(options), home)
            shown = table(criteria)
            if out is not None:
                _write(out, criteria, market, options.hours)
        sys.stdout.write(shown + "\n")
    except PlasmaError as error:
        sys.stderr.write(f"pt-validate: {error}\n")
        return error.status
    except KeyboardInterrupt:
        sys.stderr.write("pt-validate: stopped by hand, nothing is proven\n")
        return 1
    return 0 if passed(criteria) else 1


def _tested(market: Market, extent: Extent, home: Path) -> list[Criterion]:
    """All criteria; a word on standard error as each stage begins and each criterion fails."""
    criteria = []
    for criterion in Campaign(market, extent, home, _say).run():
        criteria.append(criterion)
        _say(f"  {criterion.result}: {criterion.demanded}: {criterion.found}")
    return criteria


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


EAGER = "--eager"
"""Ten orders prove the machinery; the policy by itself may wait for days."""


def _market(options: argparse.Namespace) -> Market:
    addresses = (options.rest, options.ws, options.futures_rest, options.futures_ws)
    if options.demo and any(addresses):
        raise SettingsInvalid("--demo excludes --rest, --ws, --futures-rest and --futures-ws")
    if not options.demo and options.speed is not None:
        raise SettingsInvalid("--speed needs --demo: a live market has its own pace")
    model = ("--model", options.model)
    if options.demo:
        demo = ("--demo", "--seed", str(options.seed), EAGER, *model)
        return Market(demo, options.speed or SPEED)
    named = (
        ("--rest", options.rest),
        ("--futures-rest", options.futures_rest),
        ("--futures-ws", options.futures_ws),
    )
    urls = tuple(word for name, found in named for url in found or () for word in (name, url))
    return Market((EAGER, *model, *urls), streams=tuple(options.ws or WEBSOCKET))


def _extent(options: argparse.Namespace) -> Extent:
    waits = PATIENCE if options.demo else 0.0
    return Extent(options.hours, waits if options.patience is None else options.patience)


@contextmanager
def _folder(out: Path | None) -> Iterator[tuple[Path, Path | None]]:
    """A HOME that is new, and where to write; without --out nothing of it stays."""
    if out is None:
        with TemporaryDirectory(prefix="pt-validate-") as folder:
            yield Path(folder) / "home", None
        return
    stamp = datetime.fromtimestamp(wall_clock() / SECOND, UTC).strftime("%Y%m%d_%H%M%S")
    home = out.expanduser() / f"home_{stamp}"
    try:
        home.mkdir(parents=True)
    except OSError as error:
        raise SettingsInvalid(f"{out} cannot be written ({error.strerror})") from error
    yield home, home.parent


def _write(out: Path, criteria: Sequence[Criterion], market: Market, hours: float) -> None:
    """`validation.json`: the table with its figures as numbers."""
    result = {
        "passed": passed(criteria),
        "market": "LIVE" if market.live else "DEMO",
        "arguments": market.command(),
        "hours": hours,
        "version": VERSION,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "criteria": document(criteria),
    }
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    (out / "validation.json").write_text(text, encoding="utf-8")


def _parser() -> Parser:
    parser = Parser(
        prog="pt-validate",
        description="Runs the mission's five tests before production against the real program.",
        epilog=DETAILS,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--demo", action="store_true", help="the embedded market: no network, time compressed")
    add("--hours", type=_hours, default=HOURS, metavar="H", help="endurance (default: %(default)s)")
    add(
        "--patience",
        type=_hours,
        metavar="H",
        help=f"wait so much longer for ten orders (default: {PATIENCE:g} on the demo, else 0)",
    )
    add("--speed", type=_speed, metavar="X", help=f"times real time, demo (default: {SPEED:g})")
    add("--out", type=path, metavar="DIR", help="keep validation.json, and the state and log")
    add("--model", default="auto", metavar="NAME", help="as for plasmatrader")
    add("--seed", type=int, default=1, metavar="N", help="of the demo market")
    for name in ("--rest", "--ws", "--futures-rest", "--futures-ws"):
        add(name, action="append", metavar="URL", help="as for plasmatrader")
    return parser


def _hours(text: str) -> float:
    return _number(text, "hours", least=0.0)


def _speed(text: str) -> float:
    return _number(text, "a speed", least=1.0)


def _number(text: str, what: str, *, least: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}: a number from {least:g} on")
    return number


if __name__ == "__main__":
    sys.exit(main())
