"""What a person hands to the commands: documents to restore, ledgers to report on, arguments."""

import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest import approx  # noqa: PT013 - a word of the check itself

import actors.backtest.__main__ as backtest
import actors.validation.__main__ as validation
import persistence.__main__ as tool
import persistence.report.__main__ as report
from actors import settings
from actors.forecast import evaluate, train
from domain.errors import PlasmaError, SettingsInvalid, StateInvalid
from domain.moments import LATEST
from persistence.document import check
from persistence.report.source import exported, imported
from persistence.tool import dumped, restore, verified
from tests.fuzz.target import Target, told_in_one_line
from tests.persistence.test_document import MISSION

CENT = 1e-8
"""Last digit of the ledger [USDT]."""

PARSERS: dict[str, Callable[[list[str]], object]] = {
    "plasmatrader": settings.parse,
    "pt-state": tool._parser().parse_args,
    "pt-report": report._parser().parse_args,
    "pt-backtest": backtest._parser().parse_args,
    "pt-evaluate": evaluate._parser().parse_args,
    "pt-train": train._parser().parse_args,
    "pt-validate": validation._parser().parse_args,
}


def check_restore(data: bytes, folder: Path) -> None:
    """A document: refused with nothing changed, or restored to what it says."""
    file, home = folder / "state.json", folder / "home"
    file.write_bytes(data)
    try:
        restore(home, file)
    except StateInvalid as error:
        told_in_one_line(error)
        assert not home.exists()
        return
    wanted, now = json.loads(data), json.loads(dumped(home))
    check(now, "dump")
    lines, status = verified(home)
    shutil.rmtree(home)
    assert status == 0, lines
    assert now["wallet_balance"] == approx(wanted["wallet_balance"], abs=CENT, rel=1e-15)
    assert now["positions"] == _as_floats(wanted["positions"])
    assert len(now["trades"]) == len(wanted["trades"])


def _as_floats(positions: dict[str, Any]) -> dict[str, Any]:
    return {
        symbol: {
            "side": held["side"],
            "size": approx(held["size"]),
            "entry_price": approx(held["entry_price"]),
        }
        for symbol, held in positions.items()
    }


def check_ledger(data: bytes, folder: Path) -> None:
    """A file for `pt-report --ledger`."""
    try:
        kept = imported(data, folder / "ledger.jsonl")
    except PlasmaError as error:
        told_in_one_line(error)
        return
    assert imported(b"".join(exported(kept)), folder) == kept


def check_commands(data: bytes, _folder: Path) -> None:
    """The arguments of a command, its name first, as the shell hands them over."""
    name, *words = data.decode("utf-8", "surrogateescape").split("\0")
    parse = PARSERS.get(name, settings.parse)
    try:
        with redirect_stdout(StringIO()):
            parsed = parse(words)
        if isinstance(parsed, settings.Settings):
            _usable(parsed)
    except SettingsInvalid as error:
        told_in_one_line(error)
    except SystemExit as ended:
        if ended.code:  # only --help and --version may end it
            raise


def _usable(found: settings.Settings) -> None:
    """What a run could begin with."""
    times = (found.start, found.end, found.duration)
    assert all(0 <= time <= LATEST for time in times if time is not None)
    assert found.duration != 0
    assert found.speed > 0
    assert str(found.home) != ""
    for url in (*found.rest, *found.websocket, *found.futures_rest, *found.futures_websocket):
        parts = urlsplit(url)
        assert url.isprintable()
        assert url.isascii()
        assert parts.hostname
        assert parts.password is parts.username is None
        assert parts.port != 0


def restore_seeds() -> list[bytes]:
    """The user's own example, and an account that holds nothing."""
    empty = {**MISSION, "positions": {}, "trades": [], "total_pnl": 0}
    return [json.dumps(state).encode() for state in (MISSION, empty)]


def ledger_seeds() -> list[bytes]:
    """An opening and nothing else."""
    header = {"ledger": 1, "mode": "DEMO", "until": 2, "orders": []}
    postings = [["wallet", "10000"], ["capital", "-10000"]]
    entry = {
        "sequence": 0,
        "at": 1,
        "cause": "opening",
        "order": "",
        "postings": [{"account": account, "amount": amount} for account, amount in postings],
    }
    return [b"\n".join(json.dumps(line).encode() for line in (header, entry))]


def command_seeds() -> list[bytes]:
    """Each command with the options that take a value."""
    lines = (
        "plasmatrader --demo --speed 10 --for 30s --seed 3 --home x --headless",
        "plasmatrader --replay x --history y --from 2025-03-01 --to 2025-03-02T12:00+01:00",
        "plasmatrader --speed max --demo --for 1.5h --model embedded --engine int8",
        "plasmatrader --rest https://a.example --ws wss://b:1/ --futures-rest http://c --record d",
        "pt-state dump --home x --checkpoint 3",
        "pt-state restore x --home y",
        "pt-state export trades --format json --out x",
        "pt-report --home x --out y",
        "pt-report --ledger x --out y",
        "pt-backtest --data a b --from 2025-03-01 --to 2025-04-01 --out x --workers 2 --seed 1",
        "pt-evaluate --data a --from 2025-03-01 --to 2025-04-01 --out x --stride 5 --raw",
        "pt-train --data a --until 2024-12-31 --out x --hours 1 --steps 5 --seed 1 --size nano",
        "pt-validate --demo --hours 48 --speed 600 --patience 1 --out x",
    )
    return [line.replace(" ", "\0").encode() for line in (*lines, "plasmatrader --help")]


STATE = (
    Target("restore", check_restore, restore_seeds, head=0),
    Target("ledger", check_ledger, ledger_seeds),
    Target("commands", check_commands, command_seeds),
)
