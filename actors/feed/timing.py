"""How long anything may take that waits for the exchange."""

from dataclasses import dataclass

BACKOFF_MAX = 60.0
"""The longest wait between two tries that nobody told us to wait for [s]."""

JITTER = 0.25
"""How much of a wait is left to chance: not all clients of a fallen server return at once."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long anything may take that waits for the exchange; tests shorten it [s].

    Attributes:
        connect: to open a connection.
        read: between two pieces of an answer.
        stagger: until the next address is tried beside a silent one.
        start: to find one address of a kind that answers, at the start.
        backoff: before the first new try; doubles with each one.
        silence: without a valid book, until the streams are opened anew; other streams may be
            silent for some multiple of it.
        ping_every: between two pings of ours.
        ping_answer: until a ping of ours must have been answered.
        poll: between two looks at the mark price.
        clock: between two looks at the exchange's clock.
        clock_soon: the same, while the clocks do not agree.
        circuit: until an address that failed again and again is tried anew.
        rotate: from one connection to the next; the exchange ends each after 24 hours.
        back: on another address than the first, until the first is looked at again.
        gather: between two looks at a connection on which frame follows frame.
        settle: until the exchange's candles may be relied on to have the last trade in them.
    """

    connect: float = 10.0
    read: float = 10.0
    stagger: float = 1.5
    start: float = 11.5
    backoff: float = 1.0
    silence: float = 5.0
    ping_every: float = 20.0
    ping_answer: float = 10.0
    poll: float = 60.0
    clock: float = 600.0
    clock_soon: float = 5.0
    circuit: float = 30.0
    rotate: float = 23.5 * 3600
    back: float = 1800.0
    gather: float = 0.01
    settle: float = 1.0

    def before_try(self, number: int, luck: float = 1.0) -> float:
        """How long to wait before the new try of this number, from 1 on [s].

        `luck` from 0 to 1 shortens it by up to JITTER.

        >>> [Timing().before_try(number) for number in (1, 2, 3, 7, 99)]
        [1.0, 2.0, 4.0, 60.0, 60.0]
        >>> Timing().before_try(3, luck=0.0)
        3.0
        """
        wait = min(self.backoff * 2.0 ** min(number - 1, 16), BACKOFF_MAX)
        return wait * (1 - JITTER * (1 - luck))
