"""What the feed must prove before trading may begin: a steady connection, and clocks that agree.

Counted in the ticks' time, which is ours: what the exchange dates wrongly changes nothing here. A
recording of a live session has to be steady as the session had; any other source without a network
has nothing to prove.
"""

from dataclasses import dataclass, field

from domain.clock_offset import OFFSET_MAX, ClockOffset
from domain.facts import Progress
from domain.units import MINUTE, SECOND, Nanos

STEADY_SECONDS = 30
"""How long the connection must have been steady [s]."""

EXPECTED_SHARE = 0.95
"""More than this share of the expected messages must have come in that time."""

CONNECTED_WITHIN = Nanos(5 * MINUTE)
"""A connection that has not been steady by then is given up."""

CLOCK_WITHIN = Nanos(MINUTE)
"""Clocks that do not agree by then will not."""

CONNECTION, CLOCK = "connection", "clock"


@dataclass(slots=True)
class Second:
    """What came within one second."""

    book: bool = False
    tickers: int = 0


@dataclass(slots=True)
class Connectivity:
    """How many of the messages came that the last seconds should have brought.

    The book comes ten times a second, the ticker once. Expected are a book in every second, and as
    many tickers as seconds: of these two may fall into one second, and none into the next.
    """

    seconds: dict[int, Second] = field(default_factory=dict)
    now: int = 0

    def pass_time(self, now: Nanos) -> None:
        """Begin another second; forget those too old to count."""
        self.now = max(self.now, now // SECOND)
        oldest = self.now - STEADY_SECONDS
        self.seconds = {second: x for second, x in self.seconds.items() if second >= oldest}
        self.seconds.setdefault(self.now, Second())

    def hear(self, *, book: bool) -> None:
        """One book or one ticker has come."""
        heard = self.seconds.setdefault(self.now, Second())
        heard.book = heard.book or book
        heard.tickers += not book

    def restart(self) -> None:
        """The line broke: count anew."""
        self.seconds = {}

    @property
    def passed(self) -> int:
        """Whole seconds counted."""
        return min(STEADY_SECONDS, self.now - min(self.seconds, default=self.now))

    @property
    def share(self) -> float:
        """Messages that came, of those that the counted seconds should have brought."""
        whole = [heard for second, heard in self.seconds.items() if second < self.now]
        books = sum(heard.book for heard in whole)
        tickers = min(len(whole), sum(heard.tickers for heard in whole))
        return (books + tickers) / (2 * len(whole)) if whole else 0.0

    @property
    def steady(self) -> bool:
        """Whether the time has passed and brought enough."""
        return self.passed >= STEADY_SECONDS and self.share > EXPECTED_SHARE


class Criteria:
    """The feed's own start criteria, how far they are, and why they failed."""

    def __init__(self, *, networked: bool, streamed: bool) -> None:
        """What comes over a network needs clocks that agree; what was streamed, a steady line."""
        self._networked = networked
        self._streamed = streamed
        self._connectivity = Connectivity()
        self._steady = not streamed
        self._clock: ClockOffset | None = None
        self._agreed = not networked
        self._begun: Nanos | None = None
        self._said: dict[str, tuple[int, bool]] = {}

    @property
    def met(self) -> bool:
        """Whether everything is proven. What was proven once stays so."""
        return self._steady and self._agreed

    def hear(self, *, book: bool) -> None:
        """One book or one ticker has come."""
        if not self._steady:
            self._connectivity.hear(book=book)

    def lose(self) -> None:
        """The line broke."""
        self._connectivity.restart()

    def compare(self, offset: ClockOffset) -> None:
        """The clocks were compared."""
        self._clock = offset
        self._agreed = self._agreed or offset.tolerable

    def pass_time(self, now: Nanos) -> None:
        """Look whether the connection has been steady for long enough."""
        if self._begun is None:
            self._begun = now
        if not self._steady:
            self._connectivity.pass_time(now)
            self._steady = self._connectivity.steady

    def failure(self, now: Nanos) -> str:
        """Why the start has failed; empty where it has not."""
        waited = now - (self._begun or now)
        if not self._agreed and waited > CLOCK_WITHIN:
            return f"start criterion not met: {self._clock_words()}"
        if not self._steady and waited > CONNECTED_WITHIN:
            return f"start criterion not met: {self._connection_words()}"
        return ""

    def progress(self, at: Nanos) -> list[Progress]:
        """What has changed since this was last asked."""
        passed = STEADY_SECONDS if self._steady else self._connectivity.passed
        lines = (
            Progress(
                at, CONNECTION, passed, STEADY_SECONDS, self._steady, self._connection_detail()
            ),
            Progress(at, CLOCK, int(self._agreed), 1, self._agreed, self._clock_detail()),
        )
        news = [line for line in lines if self._said.get(line.criterion) != (line.done, line.met)]
        self._said.update({line.criterion: (line.done, line.met) for line in news})
        return news

    def _connection_detail(self) -> str:
        if not self._streamed:
            return "no network: nothing to prove"
        return f"{self._connectivity.share:.0%} of the expected messages"

    def _clock_detail(self) -> str:
        if not self._networked:
            return "no network: the source tells the time"
        return "not compared yet" if self._clock is None else f"the exchange's is {self._clock}"

    def _clock_words(self) -> str:
        limit = f"{OFFSET_MAX // SECOND} s"
        if self._clock is None:
            return f"clocks within {limit} are needed, but the exchange does not tell its time"
        return (
            f"clocks within {limit} are needed, but the exchange's is {self._clock} from ours; "
            "set this machine's clock, for example with `timedatectl set-ntp true`"
        )

    def _connection_words(self) -> str:
        return (
            f"{STEADY_SECONDS} s with more than {EXPECTED_SHARE:.0%} of the expected messages are "
            f"needed, but the last {self._connectivity.passed} s brought "
            f"{self._connectivity.share:.0%}; check the network, or name other addresses with --ws"
        )
