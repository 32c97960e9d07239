import json
from typing import Any

import pytest

from actors.dashboard.telemetry.alerts import Alert, Severity
from actors.dashboard.telemetry.targets import TEXT_MAX, Target
from domain.facts import Mode
from tests.builders import NOON

HALT = Alert(NOON, "halted", Severity.CRITICAL, "trading is halted: <!channel> \x1b[2J@everyone\n")


def body(url: str, alert: Alert = HALT, form: str = "auto") -> Any:
    return json.loads(Target(url, form, Mode.LIVE).delivery(alert).body)


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://hooks.slack.com/services/T/B/x", "slack"),
        ("https://discord.com/api/webhooks/1/x", "discord"),
        ("https://canary.discord.com/api/webhooks/1/x", "discord"),
        ("https://ntfy.sh/topic", "ntfy"),
        ("https://example.org/hook", "json"),
        ("https://notdiscord.com/hook", "json"),
    ],
)
def test_well_known_hosts_are_known(url: str, form: str) -> None:
    assert Target(url, "auto", Mode.LIVE).form == form
    assert Target(url, "slack", Mode.LIVE).form == "slack"


def test_any_endpoint_reads_json_with_a_field_for_each_thing() -> None:
    found = body("https://example.org/hook")

    assert found["at"] == "2025-03-01T12:00:00.000Z"
    assert (found["kind"], found["severity"], found["mode"]) == ("halted", "critical", "LIVE")
    assert found["text"] == found["content"]
    assert found["text"].startswith("[LIVE] critical: trading is halted")


def test_slack_reads_text_in_which_nobody_is_called() -> None:
    found = body("https://hooks.slack.com/services/T/B/x")

    assert list(found) == ["text"]
    assert "&lt;!channel&gt;" in found["text"]
    assert "<" not in found["text"]


def test_discord_reads_content_and_calls_nobody() -> None:
    found = body("https://discord.com/api/webhooks/1/x")

    assert found["content"].startswith("**PlasmaTrader LIVE: halted**\n")
    assert found["allowed_mentions"] == {"parse": []}


def test_ntfy_reads_json_at_its_root_with_the_topic_named() -> None:
    delivery = Target("https://host/base/my%20topic", "ntfy", Mode.DEMO).delivery(HALT)

    found = json.loads(delivery.body)
    assert delivery.path == "/base/"
    assert found["topic"] == "my topic"
    assert found["title"] == "PlasmaTrader DEMO: halted"
    assert (found["priority"], found["tags"]) == (5, ["rotating_light"])


def test_text_from_outside_has_no_control_characters_and_an_end() -> None:
    long = Alert(NOON, "halted", Severity.INFO, "x\r\n\x07" * 9999)

    found = body("https://example.org/hook", long)["text"]

    assert found.isprintable()
    assert len(found) < TEXT_MAX + 50


def test_request_keeps_path_and_query_and_sends_a_password_as_a_header() -> None:
    target = Target("http://us%40er:se%3Acret@host:8080/a%2Fb/c?k=v&x=%20", "auto", Mode.LIVE)

    delivery = target.delivery(HALT)

    assert (target.host, target.port, target.secure) == ("host", 8080, False)
    assert delivery.path == "/a%2Fb/c?k=v&x=%20"
    assert delivery.headers["Authorization"] == "Basic dXNAZXI6c2U6Y3JldA=="
    assert Target("https://host", "auto", Mode.LIVE).delivery(HALT).path == "/"


def test_target_is_shown_by_its_host_alone() -> None:
    target = Target("https://user:secret@host/token?key=value", "auto", Mode.LIVE)

    assert (str(target), repr(target)) == ("host", "host")
