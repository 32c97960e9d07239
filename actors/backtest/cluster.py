"""A Dask cluster as a workforce: other machines, that share neither our disk nor our processor.

A worker has the same source code and computes the same to the last bit, or the run ends with one
line that says who does not. Whatever a worker that dies had begun another one does; what the whole
cluster leaves undone is done here. So results never depend on who was there.

Imported only where a cluster is asked for: Dask is no part of what every machine needs.
"""

import asyncio
import hashlib
import logging
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from distributed import (
    Client,
    Future,
    KilledWorker,
    Security,
    Worker,
    WorkerPlugin,
    get_worker,
    rpc,
    wait,
)
from distributed.versions import VersionMismatchWarning

from actors.backtest.work import Item, Result, Say, Work, Workforce, rest
from domain.errors import PlasmaError, SettingsInvalid

ADDRESS = re.compile(r"(tcp|tls)://[^\s/:]+:[0-9]+|(tcp|tls)://\[[0-9a-fA-F:]+\]:[0-9]+")
"""What a scheduler's address looks like."""

PATIENCE_S = 3.0
"""How long a scheduler may take to answer [s]."""

JOIN_S = 5.0
"""How long its first worker may take to join it [s]."""

LOOK_S = 10.0
"""Where nothing finishes for so long we look whether any worker is left [s]."""

HAND_S = 30.0
"""How long one result may take on its way [s]."""

AHEAD = 2
"""Items that are sent beforehand for each thread of the cluster: enough that none waits."""

ROOT = Path(__file__).parents[2]


class _LostError(Exception):
    """There is no cluster any more."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers of a scheduler.

    Attributes:
        client: connected to it.
        behind: does what the cluster leaves undone.
        say: told when that happens.
    """

    client: Client
    behind: Workforce
    say: Say

    def done(self, work: Work[Item, Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """As `Workforce.done`."""
        done = set()
        try:
            with _sent(self.client, work.packed()) as name:
                for place, result in _gathered(self.client, name, items):
                    done.add(place)
                    yield place, result
        except _LostError as lost:
            self.say(f"the Dask cluster is lost ({lost}): the rest is done here")
        yield from rest(self.behind, work, items, done)


@contextmanager
def connected(address: str, behind: Workforce, say: Say) -> Iterator[Cluster]:
    """The cluster of the scheduler at an address such as `tcp://10.0.0.1:8786`.

    Args:
        address: of the scheduler.
        behind: does what the cluster leaves undone.
        say: told when that happens.

    Raises:
        SettingsInvalid: no scheduler answers there within seconds, it has no worker, or one of
            them does not run this version of PlasmaTrader.
    """
    for name in ("asyncio", "distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said in our words
    asyncio.run(_answered(address))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)  # results are what is compared
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    try:
        _compared(client, address)
        yield Cluster(client, behind, say)
    finally:
        client.close(timeout=PATIENCE_S)


async def _answered(address: str) -> None:
    """Ask whoever is there what it is, before a client is made, which would take its time to fail.

    Raises:
        SettingsInvalid: it is no scheduler.
    """
    if not ADDRESS.fullmatch(address):
        raise SettingsInvalid(f"{address} is no address such as tcp://HOST:8786")
    try:
        arguments = Security().get_connection_args("client")
        async with rpc(address, timeout=PATIENCE_S, connection_args=arguments) as somebody:
            found = await asyncio.wait_for(somebody.identity(), PATIENCE_S)
    # A length in what another kind of server says may be taken for that of a message.
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise SettingsInvalid(f"no Dask scheduler answers at {address}") from error
    if found.get("type") != "Scheduler":
        raise SettingsInvalid(f"{address} is no Dask scheduler but a {found.get('type')}")


def _compared(client: Client, address: str) -> None:
    """Refuse a cluster that cannot work for us."""
    try:
        client.wait_for_workers(1, timeout=JOIN_S)
    except TimeoutError as error:
        raise SettingsInvalid(f"no worker has joined the Dask scheduler at {address}") from error
    for worker, found in client.run(sources, on_error="return").items():
        if isinstance(found, BaseException):
            raise SettingsInvalid(f"the Dask worker at {worker} cannot run PlasmaTrader ({found})")
        if found != sources():
            raise SettingsInvalid(f"the Dask worker at {worker} runs another PlasmaTrader")


@cache
def sources() -> str:
    """SHA-256 of our own source code [hex]: two processes with the same do the same."""
    found = hashlib.sha256()
    for top in ("actors", "domain", "persistence"):
        for path in sorted((ROOT / top).rglob("*.py")):
            text = path.read_bytes()
            found.update(f"{path.relative_to(ROOT).as_posix()} {len(text)}\n".encode() + text)
    return found.hexdigest()


class _Sent(WorkerPlugin):
    """Work on a worker; the scheduler hands it to those that join later, too."""

    def __init__(self, name: str, work: Work[Any, Any]) -> None:
        self.name = name
        self._work = work
        self._sources = sources()
        self._function: Callable[[Any], Any] | None = None

    def setup(self, worker: Worker) -> None:
        """Called once on each worker, in the thread that must answer the scheduler: so no work."""
        self._address = worker.address
        self._lock = Lock()

    def do(self, item: bytes) -> Any:
        """Do it for one item; whoever comes first begins.

        Raises:
            SettingsInvalid: it cannot be done here as it is done elsewhere.
            Exception: the work's.
        """
        with self._lock:
            if self._function is None:
                self._function = self._begun()
        return self._function(pickle.loads(item))  # noqa: S301 - we sent it

    def _begun(self) -> Callable[[Any], Any]:
        if sources() != self._sources:
            raise SettingsInvalid(f"the Dask worker at {self._address} runs another PlasmaTrader")
        try:
            return self._work.begin()
        except (ImportError, OSError, PlasmaError) as error:
            raise SettingsInvalid(f"the Dask worker at {self._address}: {error}") from error


def _doing(name: str) -> Callable[[bytes], Any]:
    """What a worker calls for an item, pickled so that Dask does not look into it.

    A function inside another one is sent as it is and not by its name, which the scheduler, that
    unpickles it too, would look for in our source code.
    """

    def do(item: bytes) -> Any:
        return get_worker().plugins[name].do(item)

    return do


@contextmanager
def _reached() -> Iterator[None]:
    """Around what asks the scheduler; never around what a worker raised.

    Raises:
        _LostError: it is gone, and with it all that the workers have not handed over.
    """
    try:
        yield
    except (CancelledError, OSError, RuntimeError) as error:
        raise _LostError(f"{type(error).__name__}") from error


@contextmanager
def _sent(client: Client, work: Work[Any, Any]) -> Iterator[str]:
    """Work on all workers while it is wanted; gives the name that it has there."""
    name = f"plasmatrader-{uuid4().hex}"
    with _reached():
        client.register_plugin(_Sent(name, work))
    try:
        yield name
    finally:
        with suppress(_LostError, ValueError), _reached():
            client.unregister_worker_plugin(name)


def _gathered(client: Client, name: str, items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """As `Workforce.done`, but for the items that no worker survives: these are left out.

    Raises:
        _LostError: the scheduler, or its last worker, is gone.
    """
    do = _doing(name)
    waiting: dict[Future, int] = {}
    places = iter(range(len(items)))
    while True:
        for place in islice(places, _room(client, len(waiting))):
            item = pickle.dumps(items[place])
            with _reached():
                future = client.submit(do, item, key=f"{name}-{place}", pure=False)
            waiting[future] = place
        if not waiting:
            return
        for future in _finished(client, [*waiting]):
            found = _found(future)
            if found is not None:
                place = waiting.pop(future)
                yield from ((place, result) for result in found)


def _room(client: Client, waiting: int) -> int:
    return max(0, AHEAD * max(1, _threads(client)) - waiting)


def _threads(client: Client) -> int:
    with _reached():
        return sum(client.nthreads().values())


def _finished(client: Client, waiting: list[Future]) -> list[Future]:
    while True:
        with _reached(), suppress(TimeoutError), client.as_current():
            return list(wait(waiting, timeout=LOOK_S, return_when="FIRST_COMPLETED").done)
        if not _threads(client):
            raise _LostError("no worker is left")


def _found(future: Future) -> list[Any] | None:
    """What came out; nothing where the workers died of it.

    Returns:
        One result or none; None where the worker that had it died before it handed it over.

    Raises:
        Exception: what the worker raised.
    """
    if future.status == "error":
        with _reached():
            error = future.exception()
        if isinstance(error, KilledWorker):
            return []
        raise error
    with _reached(), suppress(TimeoutError):
        return [future.result(timeout=HAND_S)]
    return None
