"""Delivers alerts to one endpoint, in a thread of its own, whatever that endpoint does."""

import logging
import ssl
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.client import responses as words
from itertools import chain, repeat
from socket import SHUT_RDWR
from time import monotonic

from actors.dashboard.telemetry.alerts import Alert
from actors.dashboard.telemetry.pacing import Pacing
from actors.dashboard.telemetry.targets import Delivery, Target

WAITING_MAX = 100
"""Alerts that wait for one endpoint; of more, the newest."""

TRIED_SECONDS_MAX = 3600.0
"""An alert that could not be delivered for so long is given up [s]."""

LOOK_EVERY = 1.0
"""How often we look whether what was held back may go out [s]."""

OK_FROM, OK_BELOW = 200, 300

HOPEFUL = frozenset((408, 425, 429))
"""Statuses of the 4xx that another try may cure; all others say that the URL is wrong."""

FAULTS_OF_OURS = range(300, 500)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a sender takes for what [s].

    Attributes:
        pauses: between tries; the last one again and again.
        delivery: one try, all in all.
        last: the same when the program is about to end.
    """

    pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
    delivery: float = 10.0
    last: float = 2.0


USUAL = Timing()


class UndeliveredError(Exception):
    """The endpoint did not take it; `hopeless`: it never will."""

    def __init__(self, reason: str, *, hopeless: bool) -> None:
        super().__init__(reason)
        self.hopeless = hopeless


@dataclass(slots=True)
class Outcome:
    """What became of the alerts of one endpoint; written by one thread each, read by any.

    Attributes:
        delivered: taken by the endpoint.
        failed: given up after their tries.
        held: held back because there were many of their kind; the newest of them goes out later.
        dropped: overtaken by newer ones while the endpoint took none.
    """

    delivered: int = 0
    failed: int = 0
    held: int = 0
    dropped: int = 0


class Sender:
    """One endpoint's thread. Telling it never waits and never fails."""

    def __init__(self, target: Target, timing: Timing = USUAL) -> None:
        self._target = target
        self._timing = timing
        self._waiting: deque[Alert] = deque(maxlen=WAITING_MAX)
        self._news = threading.Event()
        self._ending = threading.Event()
        self._pacing = Pacing()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self.outcome = Outcome()

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def tell(self, alert: Alert) -> None:
        """Deliver this, soon."""
        if len(self._waiting) == WAITING_MAX:
            self.outcome.dropped += 1
        self._waiting.append(alert)
        self._news.set()

    def hurry(self) -> None:
        """Try everything that waits once more, and then no more."""
        self._ending.set()
        self._news.set()

    def end(self, seconds: float) -> None:
        """Hurry, wait for so long at most, and let go."""
        self.hurry()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._news.wait(LOOK_EVERY)
            self._news.clear()
            self._survive(self._turn)
        self._survive(self._finish)

    def _survive(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - outermost edge: no endpoint may end a trader
            # The text of an error may hold the URL, and that is a secret.
            logger.error("alerts to %s: %s", self._target, type(error).__name__)  # noqa: TRY400
            self.outcome.failed += 1

    def _turn(self) -> None:
        while self._waiting:
            self._release()
            alert = self._waiting.popleft()
            if self._pacing.admit(alert, monotonic()):
                self._deliver(alert)
            else:
                self.outcome.held += 1
        self._release()

    def _release(self) -> None:
        for alert in self._pacing.due(monotonic()):
            self._deliver(alert)

    def _finish(self) -> None:
        self._turn()
        for alert in self._pacing.rest():
            self._deliver(alert)

    def _deliver(self, alert: Alert) -> None:
        """Try until it is taken, it is hopeless, or too late."""
        begun, timing = monotonic(), self._timing
        delivery = self._target.delivery(alert)
        for pause in chain(timing.pauses, repeat(timing.pauses[-1])):
            last = self._ending.is_set()
            try:
                self._post(delivery, timing.last if last else timing.delivery)
            except UndeliveredError as error:
                late = monotonic() - begun > TRIED_SECONDS_MAX
                if last or late or error.hopeless:
                    logger.warning("alert %s to %s given up: %s", alert.kind, self._target, error)
                    self.outcome.failed += 1
                    return
                self._ending.wait(pause)
            else:
                self.outcome.delivered += 1
                return

    def _post(self, delivery: Delivery, seconds: float) -> None:
        """One try.

        Raises:
            UndeliveredError: it was not taken.
        """
        connection = _connection(self._target, seconds)
        # A socket's own limit begins anew with each byte; the whole must not take longer either.
        timer = threading.Timer(seconds, _cut, (connection,))
        timer.daemon = True
        timer.start()
        try:
            connection.request("POST", delivery.path, delivery.body, delivery.headers)
            status = connection.getresponse().status
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise UndeliveredError(reason, hopeless=isinstance(error, ValueError)) from None
        finally:
            timer.cancel()
            connection.close()
        if not OK_FROM <= status < OK_BELOW:
            hopeless = status in FAULTS_OF_OURS and status not in HOPEFUL
            raise UndeliveredError(f"{status} {words.get(status, '')}".strip(), hopeless=hopeless)


def _connection(target: Target, seconds: float) -> HTTPConnection:
    if target.secure:
        context = ssl.create_default_context()
        return HTTPSConnection(target.host, target.port, timeout=seconds, context=context)
    return HTTPConnection(target.host, target.port, timeout=seconds)


def _cut(connection: HTTPConnection) -> None:
    """End a try that takes too long, wherever it is."""
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(SHUT_RDWR)
