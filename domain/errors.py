"""Every error PlasmaTrader raises on purpose, sorted by who has to act on it.

PlasmaError
    Transient            nobody: the supervisor restarts the actor
        FeedLost
        VenueUnavailable
        LedgerMoved
    Fatal                a person: the supervisor halts trading, or the program does not start
        LedgerUnbalanced
        StoreCorrupt
        StoreBusy
        StateInvalid
        SettingsInvalid

An outcome we expect is a value, not an error: a refused order is `Refused`. Anything that is not a
PlasmaError is a bug in our code. `status` is the exit status of a program that ends with the error.
"""


class PlasmaError(Exception):
    """Base of every error we raise on purpose."""

    status = 1


class Transient(PlasmaError):  # noqa: N818 - the name says what to do, not what it is
    """Time or a fresh connection may cure it: restart the actor."""


class FeedLost(Transient):
    """The market data line closed, or fell silent for too long."""


class VenueUnavailable(Transient):
    """An endpoint refused, failed, or did not answer in time."""


class LedgerMoved(Transient):
    """An incarnation that was given up has booked under this number after all: read again."""


class Fatal(PlasmaError):  # noqa: N818
    """Our own records or settings cannot be trusted: halt and call a person."""


class LedgerUnbalanced(Fatal):
    """The entries of the ledger do not add up to the balances."""

    status = 4


class StoreCorrupt(Fatal):
    """A record read back from disk is not one that we wrote."""

    status = 4


class StoreBusy(Fatal):
    """The state folder is held by another instance, or cannot be used."""

    status = 4


class StateInvalid(Fatal):
    """A state document breaks its schema or contradicts itself."""

    status = 2


class SettingsInvalid(Fatal):
    """An option, a file or a folder that the user named cannot be used."""

    status = 2
