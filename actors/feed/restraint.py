"""When to send no request, because the exchange said so or would soon.

Each answer says how much of a minute's request weight we have used; from half of what is allowed on
we wait for the next minute. 429 is too many requests, 418 a ban for not having heeded that; both
say in `Retry-After`, and a ban in its words as well, how long to be quiet. Knows no clock: `now` is
any that only goes forward [s].
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

WEIGHT_MAX = 6000
"""What the exchange allows one address of ours in a minute."""

WEIGHT_USED_MAX = WEIGHT_MAX // 2
"""What we allow ourselves."""

MINUTE = 60.0

UNTOLD = {429: 5.0, 418: 120.0}
"""Answers that ask for quiet, and for how long where they do not say [s]."""

_BANNED = re.compile(rb"banned until (\d{13})")


class Restraint:
    """Knows until when to be quiet."""

    def __init__(self) -> None:
        self._until = 0.0

    def wait(self, now: float) -> float:
        """How long to send nothing [s]; not above 0 where one may ask."""
        return self._until - now

    def heed(self, headers: Mapping[str, str], now: float) -> None:
        """Look at the weight that an answer says we have used."""
        used = headers.get("X-MBX-USED-WEIGHT-1M", "")
        if used.isdecimal() and int(used) >= WEIGHT_USED_MAX:
            self._quiet(now + MINUTE - _seconds(headers) % MINUTE)

    def obey(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> float:
        """Be quiet where this refusal asks for it; for how long [s], 0 where it does not."""
        if status not in UNTOLD:
            return 0.0
        told, banned = headers.get("Retry-After", ""), _BANNED.search(body)
        quiet = float(told) if told.isdecimal() else UNTOLD[status]
        if banned and _seconds(headers):
            quiet = max(quiet, int(banned[1]) / 1000 - _seconds(headers))
        self._quiet(now + quiet)
        return quiet

    def _quiet(self, until: float) -> None:
        self._until = max(self._until, until)


def _seconds(headers: Mapping[str, str]) -> float:
    """The exchange's time, as its answer is dated; 0 where it is not."""
    try:
        return parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except ValueError:
        return 0.0
