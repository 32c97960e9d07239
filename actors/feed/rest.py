"""Requests to Binance's REST API: the next address where one fails, and never against its limits.

What each answer means: 429 and 418 ask for quiet (see `restraint`). 403 is the firewall and 451 the
region: another address may answer. 5xx is the exchange's own trouble. Any other refusal is our
mistake. An address that fails again and again is left alone for a while (see `circuits`); where
another one serves instead of the preferred one, that is tried again now and then.
"""

import threading
from collections.abc import Mapping
from time import perf_counter

import requests

from actors.feed.bodies import read_failure
from actors.feed.endpoints import Patience, first_answer, in_words, interruptible, summed_up
from actors.feed.health import Health, News
from actors.feed.restraint import Restraint
from actors.feed.timing import Timing
from actors.feed.wire import REASON_LENGTH_MAX
from domain.errors import VenueUnavailable

TRIES_MAX = 5
"""Tries of one request, over all addresses."""

QUIET_MAX = 60.0
"""The longest we wait as told by `Retry-After`; for longer, the request fails [s]."""

_REFUSED = {403: "the firewall refuses", 451: "not offered in this region"}
"""Answers that another address may not give."""

BODY_MAX = 16 << 20
"""Longer answers are none, unpacked; the longest that we ask for is a hundredth of it [bytes]."""

_THEIR_TROUBLE = 500
"""From this status on it is not the request that is wrong."""

Parameters = Mapping[str, str | int]


class Refused(VenueUnavailable):
    """An address answered, but not with what we asked for.

    Attributes:
        quiet: how long it wants no request [s].
        final: whether the same request would be refused again, wherever it is sent.
    """

    def __init__(self, status: int, reason: str, quiet: float) -> None:
        self.quiet = quiet
        self.final = not quiet and status not in _REFUSED and status < _THEIR_TROUBLE
        super().__init__(reason)


class Rest:
    """The REST API of one market at several addresses. Any thread may ask."""

    def __init__(
        self,
        bases: tuple[str, ...],
        timing: Timing,
        stop: threading.Event,
        kind: str = "rest",
        news: News = lambda _: None,
    ) -> None:
        self._bases = bases
        self._timing = timing
        self._stop = stop
        self.health = Health(kind, bases, timing.circuit, news)
        self._restraint = Restraint()
        self._session = requests.Session()

    def reach(self, path: str) -> bytes:
        """Find an address that answers this request, and stay with it.

        Raises:
            VenueUnavailable: none does; says which and why.
        """
        timing = self._timing
        patience = Patience(timing.stagger, timing.start, self._stop)
        base, body = first_answer(self._bases, lambda base: self._fetch(base, path), patience)
        self.health.succeed(base)
        return body

    def get(self, path: str, parameters: Parameters | None = None) -> bytes:
        """The body of the answer, after at most TRIES_MAX tries.

        Raises:
            VenueUnavailable: no address gave one, or we are told to be quiet for too long.
        """
        failures: list[tuple[str, str]] = []
        for number in range(1, TRIES_MAX + 1):
            self._be_quiet()
            base = self.health.order(home=self.health.away > self._timing.back)[0]
            try:
                return self._once(base, path, parameters)
            except VenueUnavailable as error:
                failures.append((base, str(error)))
                if isinstance(error, Refused) and error.final:
                    break
                if not (isinstance(error, Refused) and error.quiet):
                    self.health.fail(base)
                    self._stop.wait(self._timing.before_try(number) if number < TRIES_MAX else 0)
            if self._stop.is_set():
                break
        raise VenueUnavailable(f"{path}: {summed_up(failures)}")

    def close(self) -> None:
        """Let go of all connections."""
        self._session.close()

    def _be_quiet(self) -> None:
        """Wait as long as we were told to."""
        seconds = self._restraint.wait(perf_counter())
        if seconds > QUIET_MAX:
            raise VenueUnavailable(f"told to send no request for {seconds:.0f} s")
        if seconds > 0:
            self._stop.wait(seconds)

    def _once(self, base: str, path: str, parameters: Parameters | None) -> bytes:
        limit = self._timing.connect + self._timing.read
        body = interruptible(lambda: self._fetch(base, path, parameters), limit, self._stop)
        self.health.succeed(base)
        return body

    def _fetch(self, base: str, path: str, parameters: Parameters | None = None) -> bytes:
        timeout = (self._timing.connect, self._timing.read)
        try:
            response = self._session.get(
                base + path, params=parameters, timeout=timeout, stream=True
            )
            with response:
                body = _bounded(response)
        except (OSError, ValueError) as error:  # what requests raises is one of them
            raise VenueUnavailable(in_words(error)) from error
        finally:
            if self._stop.is_set():  # nobody waits for this answer any more
                self._session.close()
        self._restraint.heed(response.headers, perf_counter())
        if response.status_code != requests.codes.ok:
            raise self._refusal(response, body)
        return body

    def _refusal(self, response: requests.Response, body: bytes) -> Refused:
        status = response.status_code
        quiet = self._restraint.obey(status, response.headers, body, perf_counter())
        reason = (
            _REFUSED.get(status)
            or read_failure(body)
            or (response.reason or "")[:REASON_LENGTH_MAX]
        )
        return Refused(status, f"HTTP {status}: {reason}", quiet)


def _bounded(response: requests.Response) -> bytes:
    """The body, unpacked piece by piece.

    Raises:
        VenueUnavailable: it has no end, or is packed so that it has none.
    """
    body = bytearray()
    for piece in response.iter_content(1 << 16):
        body += piece
        if len(body) > BODY_MAX:
            raise VenueUnavailable(f"an answer of more than {BODY_MAX >> 20} MB")
    return bytes(body)
