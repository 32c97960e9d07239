"""What a running trader leaves open: no file, no port, no screen that others could write on."""

import json
import os
import re
import stat
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from actors.dashboard.desk import Desk, Page
from actors.dashboard.fold import Fold
from actors.dashboard.layout import compose
from actors.feed.demo import DemoSource
from actors.forecast.engines import choose
from actors.settings import parse
from actors.system import Outfit, run_through
from domain.facts import (
    ActorRestarted,
    BadMessage,
    FeedDown,
    Halted,
    Mode,
    Noted,
    OrderRefused,
    Starting,
)
from domain.ledger import Cause, Title
from domain.units import DAY, MINUTE, Nanos
from persistence.environment import open_to_read
from persistence.home import Home
from persistence.journal import encode
from persistence.ledger import LedgerStore
from persistence.logs import pieces
from tests.builders import NOON
from tests.fakes import Quiet
from tests.models import opinionated
from tests.program import ROOT, running

pytestmark = pytest.mark.timeout(120)

LISTENING = "0A"
"""State of a socket in /proc/net/tcp."""


def programs(umask: int, home: Path, *lines: tuple[str, ...]) -> None:
    """Run programs of ours one after the other under a umask."""
    for module, *arguments in lines:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments, "--home", str(home)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            umask=umask,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


def test_all_of_home_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    document = tmp_path / "state.json"
    demo = ("actors", "--demo", "--headless", "--seed", "1", "--model", "embedded")

    programs(0, home, (*demo, "--for", "1m", "--speed", "30"))
    document.write_bytes((home / "state.json").read_bytes())
    programs(0o777, home, ("persistence", "verify"), ("persistence", "restore", str(document)))
    programs(0, home, (*demo, "--for", "61m", "--speed", "max"))

    everything = [home, *home.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in everything}
    wrong = {path: mode for path, mode in modes.items() if mode not in {0o600, 0o700}}
    assert wrong == {}
    assert {path for path in everything if path.is_dir()} == {
        path for path, mode in modes.items() if mode == 0o700
    }
    assert len(everything) > 15
    assert any(path.name.startswith("state_backup_") for path in everything)


def sockets(process: int, state: str) -> list[str]:
    """Local addresses of the process's TCP sockets in this state, as the kernel writes them."""
    held = {
        str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink()
    }
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]
    ]
    return [row[1] for row in rows if row[3] == state and f"socket:[{row[9]}]" in held]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc/net")
def test_nobody_can_connect_to_a_trader_that_was_not_asked_to_listen(tmp_path: Path) -> None:
    arguments = ("--demo", "--headless", "--home", tmp_path, "--for", "10m", "--speed", "10")

    with running(*arguments, until="ready") as (process, _):
        assert sockets(process.pid, LISTENING) == []


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\u202e\u2066\x00\u2028\ud800"
"""Titles, colours, line breaks, text from right to left: what the network may send."""


def test_what_came_from_the_network_is_shown_as_text() -> None:
    fold = Fold()
    facts = (
        Starting(NOON, Mode.LIVE, EVIL, "real"),
        BadMessage(NOON, EVIL, EVIL),
        FeedDown(NOON, EVIL),
        OrderRefused(NOON, EVIL, EVIL, EVIL),
        ActorRestarted(NOON, EVIL, EVIL, 0.1),
        Noted(NOON, EVIL),
        Halted(NOON, EVIL),
    )

    for fact in facts:
        fold.fact(fact)
        line = encode(fact, Mode.LIVE)
        assert all(0x20 <= byte < 0x7F for byte in line)
        assert json.loads(line)

    for page in Page:
        block = compose(fold.view(), Desk(page=page), (120, 40))
        assert "".join(span.text for line in block for span in line).isprintable()


def test_every_transaction_has_its_line_in_the_log_dated_in_utc(tmp_path: Path) -> None:
    # Twenty minutes before funding is due, so that a position is open then.
    midnight = Nanos(DemoSource(seed=1).start // DAY * DAY + DAY)
    source = DemoSource(seed=1, start=Nanos(midnight - 20 * MINUTE))
    model = opinionated(tmp_path / "model", shift=0.3)
    settings = parse(("--demo", "--speed", "max", "--for", "51m", "--home", str(tmp_path / "home")))

    with Home(settings.home) as home:
        outfit = Outfit(choose(str(model), "exact", home.models), Quiet())
        _, status = run_through(settings, home, source, outfit)

    assert status == 0
    lines = [json.loads(x) for path in pieces(home.log) for x in path.read_text().splitlines()]
    with closing(open_to_read(home.store)) as environment:
        ledger = LedgerStore(environment)
        entries, orders = ledger.since(0), ledger.orders()
    fills = [x for x in entries if x.movement is not None]
    paid = [x for x in entries if x.cause is Cause.FUNDING]
    assert len(fills) >= 4
    assert len(paid) == 1
    assert len(entries) == len(fills) + len(paid) + 1  # the opening

    def told(event: str, *fields: str) -> list[tuple[str, ...]]:
        return [tuple(line[field] for field in fields) for line in lines if line["event"] == event]

    assert told("fill", "order", "price", "quantity") == [
        (x.order, f"{x.movement.price:f}", f"{x.movement.quantity:f}")
        for x in fills
        if x.movement is not None
    ]
    amounts = [sum(p.amount for p in x.postings if p.account is Title.WALLET) for x in paid]
    assert [Decimal(amount) for (amount,) in told("funding", "amount")] == amounts
    assert {order.id for order in orders} == {name for (name,) in told("order", "id")}
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    assert all(stamp.fullmatch(line["at"]) for line in lines)
