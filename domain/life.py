"""An order's life: the steps it may take, and no other."""

from enum import StrEnum


class Status(StrEnum):
    """Where an order stands, by Binance's words for it (and NEW while it travels).

      NEW ──▶ ACCEPTED ──▶ PARTIALLY_FILLED ──▶ FILLED
       │         │  │             │   ▲  └──┐
       ▼         ▼  └─▶ FILLED    └───┘     ▼
    REJECTED  REJECTED, CANCELED, EXPIRED   CANCELED, EXPIRED
    """

    NEW = "NEW"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


_ENDS = frozenset({Status.CANCELED, Status.EXPIRED})

STEPS: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.ACCEPTED, Status.REJECTED}),
    Status.ACCEPTED: _ENDS | {Status.PARTIALLY_FILLED, Status.FILLED, Status.REJECTED},
    Status.PARTIALLY_FILLED: _ENDS | {Status.PARTIALLY_FILLED, Status.FILLED},
    Status.FILLED: frozenset(),
    Status.CANCELED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.REJECTED: frozenset(),
}
"""Every allowed step. A post-only order is rejected after the venue has looked at it, so ACCEPTED
leads to REJECTED too; once a part is filled, nothing can reject the rest."""


def stepped(status: Status, to: Status) -> Status:
    """The status after the step; a step that the table does not have is a bug of ours.

    >>> stepped(Status.NEW, Status.ACCEPTED)
    <Status.ACCEPTED: 'ACCEPTED'>
    """
    assert to in STEPS[status], f"an order went from {status} to {to}"
    return to


def ended(status: Status) -> bool:
    """Whether nothing more can come of the order."""
    return not STEPS[status]
