"""Where alerts go, and how each service wants to read them."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from actors.dashboard.telemetry.alerts import Alert, Severity
from domain.facts import Mode
from domain.moments import moment
from domain.version import VERSION

TEXT_MAX = 1000
"""Characters of a text; Discord takes 2,000, and nobody reads more."""

HOSTS = {
    "hooks.slack.com": "slack",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "ntfy.sh": "ntfy",
}
"""Which format the well-known hosts read; all others read `json`."""

PRIORITIES = {Severity.CRITICAL: 5, Severity.WARNING: 4, Severity.INFO: 3}
"""ntfy's: 5 rings even where a telephone is muted."""

TAGS = {
    Severity.CRITICAL: "rotating_light",
    Severity.WARNING: "warning",
    Severity.INFO: "information_source",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it goes out.

    Attributes:
        path: with the query.
        headers: all of them but those that a client adds.
        body: JSON.
    """

    path: str
    headers: dict[str, str]
    body: bytes


class Target:
    """One endpoint. What its URL says besides the host is a secret and is never shown."""

    def __init__(self, url: str, form: str, mode: Mode) -> None:
        self._parts: SplitResult = urlsplit(url)
        self.host = self._parts.hostname or ""
        self.port = self._parts.port
        self.secure = self._parts.scheme == "https"
        self.form = _by_host(self.host) if form == "auto" else form
        self._mode = mode

    def __str__(self) -> str:
        """The host alone."""
        return self.host

    __repr__ = __str__

    def delivery(self, alert: Alert) -> Delivery:
        """The request that tells this alert."""
        headers = {"Content-Type": "application/json", "User-Agent": f"PlasmaTrader/{VERSION}"}
        parts = self._parts
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._") or "/"
        topic = ""
        if self.form == "ntfy":
            # Its JSON goes to the root of the server and names the topic.
            path, _, topic = path.rstrip("/").rpartition("/")
            path = f"{path}/"
        query = f"?{parts.query}" if parts.query else ""
        body = json.dumps(self._body(alert, unquote(topic))).encode()
        return Delivery(path + query, headers, body)

    def _body(self, alert: Alert, topic: str) -> dict[str, Any]:
        title = f"PlasmaTrader {self._mode}: {alert.kind.replace('_', ' ')}"
        text = plain(alert.text)
        line = f"[{self._mode}] {alert.severity}: {text}"
        match self.form:
            case "slack":
                return {"text": _without_mentions(f"{title}\n{line}")}
            case "discord":
                return {"content": f"**{title}**\n{line}", "allowed_mentions": {"parse": []}}
            case "ntfy":
                return {
                    "topic": topic,
                    "title": title,
                    "message": line,
                    "priority": PRIORITIES[alert.severity],
                    "tags": [TAGS[alert.severity]],
                }
            case _:
                # `text` is what Slack's relatives (Mattermost, Rocket.Chat, Zulip) read, too.
                return {
                    "at": moment(alert.at),
                    "kind": alert.kind,
                    "severity": str(alert.severity),
                    "mode": str(self._mode),
                    "title": title,
                    "text": line,
                    "content": line,
                    "version": VERSION,
                }


def plain(text: str) -> str:
    r"""The text without what a terminal or a chat would obey, and not too long.

    >>> plain("a\x1b[31mb\nc")
    'a [31mb c'
    """
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown if len(shown) <= TEXT_MAX else f"{shown[: TEXT_MAX - 1]}…"


def _without_mentions(text: str) -> str:
    """As Slack wants it: what stands in angle brackets calls people."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _by_host(host: str) -> str:
    for known, form in HOSTS.items():
        if host == known or host.endswith(f".{known}"):
            return form
    return "json"
