"""The one base class of all our actors, and the address by which they are reached."""

import ctypes
import logging
import sys
import threading
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from pykka import ActorDeadError, ActorRef, ThreadingActor

from actors.messages import ChildDied, SupervisorInbox
from domain.errors import Fatal
from domain.units import SECOND, Nanos
from persistence.environment import ruined, unwritable

Message = TypeVar("Message")
Told_contra = TypeVar("Told_contra", contravariant=True)
Arguments = ParamSpec("Arguments")
Kind = TypeVar("Kind", bound=ThreadingActor)

logger = logging.getLogger(__name__)


class Mailbox(Protocol[Told_contra]):
    """Anything that can be told something. Actors see each other only as this."""

    def tell(self, message: Told_contra, /) -> None:
        """Leave a message and go on; never wait for an answer."""


class Newest:
    """A place in an inbox that is filled by the newest value of its kind when its turn comes."""

    __slots__ = ("_lock", "_value", "skipped")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: Any = None
        self.skipped = 0

    def put(self, value: Any) -> bool:
        """Replace the value; true where no place stands in the inbox for it yet."""
        with self._lock:
            waiting = self._value is not None
            self.skipped += waiting
            self._value = value
        return not waiting

    def take(self) -> Any:
        """The newest value; the place is free again."""
        with self._lock:
            value, self._value = self._value, None
        return value


class AbandonedError(Exception):
    """Raised in the thread of an actor that was given up, wherever it is when it wakes."""


ABANDONED: list[threading.Thread] = []
"""Threads of actors that were given up; they may still run, and nobody listens to them."""


def is_abandoned() -> bool:
    """Whether the thread that asks belongs to an actor that was given up."""
    return bool(ABANDONED) and threading.current_thread() in ABANDONED


class Leash:
    """By which one incarnation is held: a sign of life that goes through its own inbox.

    A thread cannot be killed in Python. An actor that is stuck is left to itself: nothing that it
    tells reaches anybody any more, and where it wakes it dies of AbandonedError.

    Attributes:
        handled: messages that this incarnation had handled when it gave its newest sign of life.
        waited: how long that sign waited in the inbox; None before the first [s].
    """

    __slots__ = ("_asked", "_sent", "_thread", "handled", "waited")

    def __init__(self) -> None:
        self._asked: Nanos | None = None
        self._sent = 0.0
        self._thread: threading.Thread | None = None
        self.handled = 0
        self.waited: float | None = None

    def ask(self, mailbox: Mailbox[Any], now: Nanos) -> None:
        """Ask for a sign of life, unless one is still waited for."""
        if self._asked is None:
            self._asked = now
            self._sent = perf_counter()
            with suppress(ActorDeadError):
                mailbox.tell(self)

    def forgive(self, now: Nanos) -> None:
        """Wait anew: whoever is asked may have slept together with whoever asks."""
        if self._asked is not None:
            self._asked = now

    def answer(self, handled: int = 0) -> None:
        """Give it, after so many messages handled; called in the actor's own thread."""
        self._thread = threading.current_thread()
        self.handled, self.waited = handled, perf_counter() - self._sent
        self._asked = None

    def silence(self, now: Nanos) -> float:
        """How long the sign of life has been waited for [s]."""
        return 0.0 if self._asked is None else (now - self._asked) / SECOND

    def cut(self) -> None:
        """Give the actor up."""
        thread = self._thread
        if thread is None or thread.ident is None or not thread.is_alive():
            return
        ABANDONED.append(thread)
        if sys.gettrace() is not None:
            # Until that thread wakes and takes it, CPython 3.11 would hold every traced one on the
            # spot: an evaluation breaker that stays set is looked at again and again.
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(AbandonedError)
        )


class Address(Generic[Message]):
    """Where an actor is reached, whichever incarnation of it lives there.

    A message for an actor that is dead is dropped and counted. For market data that costs nothing;
    for an order it is what we want: a lost order is safe, a late one is not.

    Values of a `conflated` kind never queue up: one place in the inbox holds the newest of them.
    The last value of each `standing` kind is told again to the next incarnation: that the model is
    ready, or that a person has paused trading, outlives who was told.
    """

    def __init__(self, *conflated: type, standing: tuple[type, ...] = ()) -> None:
        self._resident: Mailbox[Any] | None = None
        self._conflated = conflated
        self._newest = {kind: Newest() for kind in conflated}
        self._standing = standing
        self._stands: dict[type, Any] = {}
        self._overtaken = 0
        self.dropped = 0

    @property
    def skipped(self) -> int:
        """How many values were overtaken by newer ones of their kind."""
        return self._overtaken + sum(newest.skipped for newest in self._newest.values())

    @property
    def waiting(self) -> int:
        """How many messages wait in the inbox."""
        inbox = getattr(self._resident, "actor_inbox", None)
        return 0 if inbox is None else int(inbox.qsize())

    def move_to(self, resident: Mailbox[Any]) -> None:
        """From now on, deliver to this incarnation."""
        self._overtaken = self.skipped
        self._newest = {kind: Newest() for kind in self._conflated}
        self._resident = resident

    def vacate(self) -> None:
        """Nobody lives here for now."""
        self._resident = None

    def remind(self) -> None:
        """Tell the incarnation that has just begun what stands."""
        for message in tuple(self._stands.values()):
            self.tell(message)

    def tell(self, message: Message, /) -> None:
        """Deliver the message, or drop it."""
        if ABANDONED and is_abandoned():
            return
        kind = type(message)
        if kind in self._standing:
            self._stands[kind] = message
        newest = self._newest.get(kind)
        if newest is not None and not newest.put(message):
            return
        try:
            if self._resident is not None:
                self._resident.tell(message if newest is None else newest)
                return
        except ActorDeadError:
            pass
        self.dropped += 1


class Actor(ThreadingActor, Generic[Message]):
    """One thread, one inbox, one job; tells the supervisor when it dies.

    Pykka keeps an actor alive that fails while it is asked, and calls no hook when `on_start`
    fails. So actors only ever tell, and do no work in `on_start`. A thread that is stuck must not
    keep the program from ending, so all are daemons; the supervisor waits for those that end.
    """

    use_daemon_thread = True

    def __init__(self, supervisor: Mailbox[SupervisorInbox]) -> None:
        super().__init__()
        self._supervisor = supervisor
        self._handled = 0

    @abstractmethod
    def receive(self, message: Message) -> None:
        """Handle one message, to the end, and return."""

    def release(self) -> None:
        """Let go of what this actor holds outside itself; called once, however it ends."""

    def on_receive(self, message: Any) -> None:
        """Hand Pykka's untyped message to our typed handler."""
        if isinstance(message, Leash):
            message.answer(self._handled)
            return
        if ABANDONED and is_abandoned():
            raise AbandonedError
        self._handled += 1
        try:
            self.receive(message.take() if isinstance(message, Newest) else message)
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            # Pykka would stop all actors of the process, the supervisor included.
            raise RuntimeError(f"{error!r} in an actor") from error

    def on_stop(self) -> None:
        """Let go of the outside world."""
        if not is_abandoned():
            self.release()

    def on_failure(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Report our own death; the supervisor decides what follows."""
        if is_abandoned():
            return  # what this actor held belongs to the one that took its place
        name = type(self).__name__
        fatal = isinstance(error, Fatal) or ruined(error)
        status = error.status if isinstance(error, Fatal) else 0
        reason = str(error) if isinstance(error, Fatal) else repr(error)
        self._supervisor.tell(
            ChildDied(name, reason, fatal, status, self.actor_urn, unwritable(error))
        )
        try:
            self.release()
        except Exception:  # its death is told, and nobody is left to tell of a second one
            logger.exception("%s, which had died, could not let go", name)


def launch(
    kind: Callable[Arguments, Kind], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> ActorRef[Kind]:
    """Start an actor, with the arguments of its constructor checked; Pykka's own `start` is not."""
    ref: ActorRef[Kind] = kind.start(*args, **kwargs)  # type: ignore[attr-defined]
    return ref
