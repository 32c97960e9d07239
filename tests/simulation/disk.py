"""The disk under the trader: it may be full for a while, and the trader may die at any write."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, cast

import lmdb

from domain.units import SECOND, Nanos
from tests.simulation.world import World


class Killed(BaseException):
    """The process dies here, whatever it was about to do. Nothing of ours may catch it."""


class Disk:
    """What all writers of one process share.

    Attributes:
        full_until: it takes nothing until then.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.full_until = Nanos(0)

    @property
    def full(self) -> bool:
        """Whether it takes nothing now."""
        if self._world.fails("store", 0.005, "the disk is full"):
            self.full_until = Nanos(self._world.now + round(self._world.about(0.1, 90) * SECOND))
        return self._world.now < self.full_until and not self._world.calm

    def refuse(self) -> None:
        """Raise what writing to a file raises, where the disk is full."""
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")

    def die(self, moment: str) -> None:
        """The process may be killed at this moment."""
        if self._world.fails("end", 0.01, f"killed {moment}"):
            raise Killed(moment)

    @contextmanager
    def around(self, transaction: Any) -> Iterator[Any]:
        """A transaction that writes: what may happen before, at and after its commit."""
        self.die("before a transaction")
        with transaction:
            yield transaction
            if self.full:
                raise lmdb.DiskError("mdb_txn_commit: No space left on device")
            if self._world.fails("store", 0.001, "the map is full"):
                raise lmdb.MapFullError("mdb_put: MDB_MAP_FULL")
            self.die("before a commit")
        self.die("after a commit")


class Store:
    """An LMDB environment on that disk."""

    def __init__(self, environment: lmdb.Environment, disk: Disk) -> None:
        self._environment = environment
        self._disk = disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._environment.close()

    def begin(self, *arguments: Any, **options: Any) -> Any:
        """A transaction."""
        transaction = self._environment.begin(*arguments, **options)
        return self._disk.around(transaction) if options.get("write") else transaction


def on(environment: lmdb.Environment, disk: Disk) -> lmdb.Environment:
    """The environment on that disk."""
    return cast("lmdb.Environment", Store(environment, disk))
