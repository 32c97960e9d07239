"""Ledgers that earlier versions of this program wrote, as today's would have written them.

An entry on disk is never written again; it is brought up to date whenever a ledger is read.
"""

from collections.abc import Iterable
from dataclasses import replace

from domain.ledger import NOTHING, Entry, Title, booked, held_back


def brought_up(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """A whole ledger, oldest first, with what its version did not write yet.

    Version 1 did not say which part of the wallet a position holds: the margin that each of its
    fills moved is added.

    Raises:
        LedgerUnbalanced: the entries do not add up.
    """
    found = tuple(entries)
    return tuple(_with_margin(found)) if outdated(found) else found


def outdated(entries: Iterable[Entry]) -> bool:
    """Whether an earlier version wrote some of them."""
    return any(map(_lacks_margin, entries))


def _lacks_margin(entry: Entry) -> bool:
    moves = entry.movement is not None
    return moves and all(posting.account is not Title.MARGIN for posting in entry.postings)


def _with_margin(entries: Iterable[Entry]) -> Iterable[Entry]:
    account = NOTHING
    for entry in entries:
        whole = entry
        if entry.movement is not None and _lacks_margin(entry):
            margin = held_back(account.position, entry.movement)
            whole = replace(entry, postings=(*entry.postings, *margin))
        account, _ = booked(account, whole)
        yield whole
