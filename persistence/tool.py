"""What `bin/pt-state` does."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path

from domain.account import Account
from domain.drawdown import HighWater, drawdown, watched
from domain.errors import LedgerUnbalanced
from domain.execution import CENT
from domain.ledger import restored
from domain.units import Money, Nanos
from persistence.checkpoints import CheckpointStore
from persistence.document import Document, described, document, instant, read, text, write
from persistence.environment import open_environment, open_to_read
from persistence.home import Home
from persistence.ledger import LedgerStore, replayed


def dumped(path: Path) -> str:
    """The state in HOME as a document; safe while a trader runs.

    The account is added up anew from the whole ledger and compared with the newest checkpoint.

    Raises:
        StoreBusy: there is no state.
        StoreCorrupt: it cannot be read.
        LedgerUnbalanced: the ledger and the checkpoint disagree.
    """
    with closing(open_to_read(Home(path).store)) as environment:
        ledger = LedgerStore(environment)
        checkpoint, _ = CheckpointStore(environment).newest()
        entries, trips = ledger.since(0), ledger.trips()
    account = replayed(entries)
    if checkpoint is None:
        at = entries[-1].at if entries else Nanos(0)
        return text(document(at, account, trips, 0.0))
    if replayed(entries[: checkpoint.entries]) != checkpoint.account:
        raise LedgerUnbalanced(f"the ledger in {path} and checkpoint {checkpoint.sequence} differ")
    at = max(checkpoint.at, entries[-1].at)
    mark = watched(checkpoint.high_water, account.wallet)
    return text(document(at, account, trips, round(drawdown(mark, account.wallet), 6)))


def restore(path: Path, file: Path) -> str:
    """Begin a new ledger from a document; returns a sentence that says what was done.

    Raises:
        StateInvalid: the document cannot be read or breaks the schema; nothing was changed.
        StoreBusy: a trader runs on this HOME; nothing was changed.
    """
    state = read(file)
    account, trips = described(state)
    at = instant(state["timestamp"])
    with Home(path) as home:
        kept = home.set_aside("replaced")
        with closing(open_environment(home.store)) as environment:
            ledger = LedgerStore(environment)
            ledger.add_trips(trips)
            ledger.append(restored(account, at))
            CheckpointStore(environment).begin(at, account, _high_water(state, account))
        write(home.state, state)
    return f"restored the state of {state['timestamp']}; what was there is kept in {kept}"


def _high_water(state: Document, account: Account) -> HighWater:
    """The best the account was, as far as the document's drawdown tells."""
    depth = Decimal(str(state["risk_metrics"]["current_drawdown"]))
    best = (account.wallet / (1 - depth)).quantize(CENT) if depth < 1 else account.wallet
    return watched(HighWater(Money(best)), account.wallet)
