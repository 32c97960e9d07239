"""Work that many can share: what is done is the same, whoever does it and in whatever order."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)

Say = Callable[[str], None]
"""Tells the user a line that he may want to know."""


class Work(Protocol[Item_contra, Result_co]):
    """A function of an item, with what is the same for all items.

    It is sent to each process that works, once: whatever it holds must be picklable.
    """

    def begin(self) -> Callable[[Item_contra], Result_co]:
        """The function; called once in each process that works.

        Its result depends on the item alone, and may be asked for by several threads at a time.
        """
        ...

    def packed(self) -> "Work[Item_contra, Result_co]":
        """The same for another machine: it has no files of ours, and maybe another processor.

        Its `begin` raises SettingsInvalid where the results would not be the same there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Each(Work[Item, Result]):
    """Work where items share nothing but a function, which a module names."""

    function: Callable[[Item], Result]

    def begin(self) -> Callable[[Item], Result]:
        """The function."""
        return self.function

    def packed(self) -> "Each[Item, Result]":
        """Itself."""
        return self


class Workforce(Protocol):
    """Whoever does it."""

    def done(self, work: Work[Item, Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """Do it for each item, once.

        Args:
            work: what to do.
            items: what to do it for; each is sent to one process, so it must be picklable.

        Yields:
            The place of an item among them and its result, in the order in which they finish.

        Raises:
            SettingsInvalid: somebody cannot do it as it is done here.
            Exception: whatever the work raises for an item; the rest is then not done.
        """
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """This process, one item after another."""

    def done(self, work: Work[Item, Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """As `Workforce.done`."""
        if items:
            yield from enumerate(map(work.begin(), items))


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes on this machine, started for each piece of work.

    Where one dies (killed for its memory, for one) the rest is done by this process.

    Attributes:
        count: how many at most.
        say: told when one has died.
    """

    count: int
    say: Say

    def done(self, work: Work[Item, Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """As `Workforce.done`."""
        done = set()
        try:
            for place, result in _pooled(min(self.count, len(items)), work, items):
                done.add(place)
                yield place, result
        except BrokenProcessPool:
            self.say("a process that shared the work has died: the rest is done by one alone")
        yield from rest(Here(), work, items, done)


def rest(
    workforce: Workforce, work: Work[Item, Result], items: Sequence[Item], done: set[int]
) -> Iterator[tuple[int, Result]]:
    """Do it for those items that are not done yet.

    Args:
        workforce: who does it.
        work: what to do.
        items: all of them.
        done: places of those that are done.

    Yields:
        As `Workforce.done`; places are those among all items.
    """
    left = [place for place in range(len(items)) if place not in done]
    for number, result in workforce.done(work, [items[place] for place in left]):
        yield left[number], result


def _pooled(
    count: int, work: Work[Item, Result], items: Sequence[Item]
) -> Iterator[tuple[int, Result]]:
    if not items:
        return
    pool = ProcessPoolExecutor(count, get_context("spawn"), _begin, (work,))
    try:
        waiting = {pool.submit(_do, item): place for place, item in enumerate(items)}
        for finished in as_completed(list(waiting)):
            # Whoever keeps the futures keeps all results in memory.
            yield waiting.pop(finished), finished.result()
    finally:
        pool.shutdown(cancel_futures=True)


_BEGUN: list[Callable[[Any], Any]] = []
"""Of a process in a pool."""


def _begin(work: Work[Any, Any]) -> None:
    _BEGUN.append(work.begin())


def _do(item: Any) -> Any:
    return _BEGUN[0](item)
