"""Every error PlasmaTrader raises on purpose, sorted by who has to act on it.

PlasmaError
    Transient            nobody: the supervisor restarts the actor
        FeedLost
        VenueUnavailable
        LedgerMoved
        ForecastInvalid
    Fatal                a person: the supervisor halts trading, or the program does not start
        LedgerUnbalanced
        StoreCorrupt
        StoreBusy
        StateInvalid
        SettingsInvalid

An outcome we expect is a value, not an error: a refused order is `Refused`. Anything that is not a
PlasmaError is a bug in our code. `status` is the exit status of a program that ends with the error.
"""


def printable(text: str) -> str:
    r"""The text with everything made visible that a terminal, a log or an eye could be fooled by.

    >>> printable("a\x1b[2J\nb\u202e")
    'a\\x1b[2J\\nb\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class PlasmaError(Exception):
    """Base of every error we raise on purpose.

    Its words are one printable line, whatever foreign text was quoted in them: they go to the
    terminal and into logs.
    """

    status = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class Transient(PlasmaError):  # noqa: N818 - the name says what to do, not what it is
    """Time or a fresh connection may cure it: restart the actor."""


class FeedLost(Transient):
    """The market data line closed, or fell silent for too long."""


class VenueUnavailable(Transient):
    """An endpoint refused, failed, or did not answer in time."""


class LedgerMoved(Transient):
    """An incarnation that was given up has booked under this number after all: read again."""


class ForecastInvalid(Transient):
    """A model said what no forecast can be: nothing is decided on it."""


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
