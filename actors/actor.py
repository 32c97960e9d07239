"""The one base class of all our actors, and the address by which they are reached."""

import threading
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from pykka import ActorDeadError, ActorRef, ThreadingActor

from actors.messages import ChildDied, SupervisorInbox
from domain.errors import Fatal

Message = TypeVar("Message")
Told_contra = TypeVar("Told_contra", contravariant=True)
Arguments = ParamSpec("Arguments")
Kind = TypeVar("Kind", bound=ThreadingActor)


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


class Address(Generic[Message]):
    """Where an actor is reached, whichever incarnation of it lives there.

    A message for an actor that is dead is dropped and counted. For market data that costs nothing;
    for an order it is what we want: a lost order is safe, a late one is not.

    Values of a `conflated` kind never queue up: one place in the inbox holds the newest of them.
    """

    def __init__(self, *conflated: type) -> None:
        self._resident: Mailbox[Any] | None = None
        self._conflated = conflated
        self._newest = {kind: Newest() for kind in conflated}
        self.dropped = 0

    @property
    def skipped(self) -> int:
        """How many values were overtaken by newer ones of their kind."""
        return sum(newest.skipped for newest in self._newest.values())

    @property
    def waiting(self) -> int:
        """How many messages wait in the inbox."""
        inbox = getattr(self._resident, "actor_inbox", None)
        return 0 if inbox is None else int(inbox.qsize())

    def move_to(self, resident: Mailbox[Any]) -> None:
        """From now on, deliver to this incarnation."""
        self._newest = {kind: Newest() for kind in self._conflated}
        self._resident = resident

    def tell(self, message: Message, /) -> None:
        """Deliver the message, or drop it."""
        newest = self._newest.get(type(message))
        if newest is not None and not newest.put(message):
            return
        with suppress(ActorDeadError):
            if self._resident is not None:
                self._resident.tell(message if newest is None else newest)
                return
        self.dropped += 1


class Actor(ThreadingActor, Generic[Message]):
    """One thread, one inbox, one job; tells the supervisor when it dies.

    Pykka keeps an actor alive that fails while it is asked, and calls no hook when `on_start`
    fails. So actors only ever tell, and do no work in `on_start`.
    """

    def __init__(self, supervisor: Mailbox[SupervisorInbox]) -> None:
        super().__init__()
        self._supervisor = supervisor

    @abstractmethod
    def receive(self, message: Message) -> None:
        """Handle one message, to the end, and return."""

    def release(self) -> None:
        """Let go of what this actor holds outside itself; called once, however it ends."""

    def on_receive(self, message: Any) -> None:
        """Hand Pykka's untyped message to our typed handler."""
        self.receive(message.take() if isinstance(message, Newest) else message)

    def on_stop(self) -> None:
        """Let go of the outside world."""
        self.release()

    def on_failure(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Report our own death; the supervisor decides what follows."""
        name = type(self).__name__
        fatal = isinstance(error, Fatal)
        status = error.status if isinstance(error, Fatal) else 0
        reason = str(error) if fatal else repr(error)
        self._supervisor.tell(ChildDied(name, reason, fatal, status))
        self.release()


def launch(
    kind: Callable[Arguments, Kind], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> ActorRef[Kind]:
    """Start an actor, with the arguments of its constructor checked; Pykka's own `start` is not."""
    ref: ActorRef[Kind] = kind.start(*args, **kwargs)  # type: ignore[attr-defined]
    return ref
