import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.forecast import engines
from actors.guardian import ALERT_URLS
from actors.settings import ENGINES, SPEED_MAX, parse
from domain.errors import SettingsInvalid
from domain.units import DAY, HOUR, MINUTE, SECOND

ROOT = Path(__file__).parents[2]


def test_defaults_are_a_live_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLASMATRADER_HOME", "/somewhere")

    settings = parse([])

    assert settings.home == Path("/somewhere")
    assert (settings.demo, settings.replay, settings.model) == (False, None, "auto")
    assert settings.rest[0] == "https://api.binance.com"
    assert settings.websocket[0] == "wss://stream.binance.com:9443"


def test_without_the_variable_home_is_in_the_users_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLASMATRADER_HOME", raising=False)

    assert parse([]).home == Path.home() / ".plasmatrader"


@pytest.mark.parametrize(
    ("text", "span"),
    [("30s", 30 * SECOND), ("1.5m", 90 * SECOND), ("48h", 48 * HOUR), ("2d", 2 * DAY)],
)
def test_durations(text: str, span: int) -> None:
    assert parse(["--demo", "--for", text]).duration == span


def test_moments_are_utc_unless_they_say_otherwise() -> None:
    plain = parse(["--replay", "x", "--from", "2025-03-01T12:00"])
    zoned = parse(["--replay", "x", "--from", "2025-03-01T13:00+01:00"])

    assert plain.start == zoned.start == 1_740_830_400 * SECOND


def test_speed_max_is_the_deterministic_loop() -> None:
    settings = parse(["--replay", "x", "--speed", "max"])

    assert settings.speed == SPEED_MAX
    assert settings.deterministic
    assert not parse(["--demo", "--speed", "30"]).deterministic


def test_urls_are_tried_in_the_order_given() -> None:
    settings = parse(["--rest", "http://a:1/", "--rest", "http://b", "--ws", "ws://c"])

    assert settings.rest == ("http://a:1", "http://b")
    assert settings.websocket == ("ws://c",)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--bogus", "--bogus"),
        ("--dem", "--dem"),
        ("stray", "stray"),
        ("--demo --replay x", "exclude each other"),
        ("--speed 2", "--speed needs"),
        ("--speed fast --demo", "'fast'"),
        ("--speed 0 --demo", "'0'"),
        ("--speed nan --demo", "'nan'"),
        ("--for 10 --demo", "'10'"),
        ("--for 0s --demo", "'0s'"),
        ("--demo --from 2025-03-01", "need --replay"),
        ("--demo --history x", "--history needs"),
        ("--demo --record x", "--record keeps"),
        ("--replay x --from yesterday", "'yesterday'"),
        ("--replay x --from 2025-03-02 --to 2025-03-01", "earlier"),
        ("--demo --speed max", "--for"),
        ("--seed -1", "-1"),
        ("--rest example", "'example'"),
        ("--rest http://user:secret@host/", "no URL"),
        ("--rest http://host:99999", "no URL"),
        ("--rest http://[::1", "no URL"),
        ("--ws wss://h\x1b[2J", r"\\x1b"),
        ("--demo --for " + "9" * 400 + "s", "no duration"),
        ("--demo --for 0.0000000001s", "no duration"),
        ("--demo --for 99999999d", "no duration"),
        ("--demo --speed 1e-320", "1e-320"),
        ("--seed " + "9" * 5000, "no whole number"),
        ("--replay x --from 0001-01-01", "between 1970 and 2100"),
        ("--replay x --from 9999-12-31T23:59:59-23:59", "between 1970 and 2100"),
        ("--home ~nobody-of-this-name", "no such user"),
        ("--metrics 0", "'0' is no port"),
        ("--metrics 65536", "'65536' is no port"),
        ("--metrics on", "'on' is no port"),
        ("--alert-url example", "it is no URL"),
        ("--alert-url http://", "it is no URL"),
        ("--alert-url http://host:99999/x", "it is no URL"),
        ("--alert-format yaml", "yaml"),
    ],
)
def test_bad_argument_is_one_line_that_names_it(arguments: str, words: str) -> None:
    with pytest.raises(SettingsInvalid, match=words) as refused:
        parse(arguments.split())

    assert "\n" not in str(refused.value)
    assert refused.value.status == 2


def test_port_of_the_meters_and_whom_to_alert() -> None:
    settings = parse(
        ["--metrics", "9464", "--alert-url", "https://a/b?c", "--alert-url", "http://d"]
    )

    assert settings.metrics == 9464
    assert settings.alert_urls == ("https://a/b?c", "http://d")
    assert settings.alert_format == "auto"
    assert parse([]).metrics is None


def test_alerts_may_be_named_where_no_list_of_processes_shows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ALERT_URLS, "https://a/b https://c/d")

    assert parse([]).alert_urls == ("https://a/b", "https://c/d")
    assert parse(["--alert-url", "http://e"]).alert_urls == ("http://e",)
    monkeypatch.setenv(ALERT_URLS, "hook/secret")
    with pytest.raises(SettingsInvalid, match=ALERT_URLS) as refused:
        parse([])
    assert "secret" not in str(refused.value)


def test_wrong_url_of_an_alert_is_not_repeated() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        parse(["--alert-url", "htps://user:secret@host/token"])

    assert "secret" not in str(refused.value)
    assert "token" not in str(refused.value)


def test_an_empty_path_is_refused_and_not_the_working_folder() -> None:
    with pytest.raises(SettingsInvalid, match="'' is no path"):
        parse(["--home", ""])


def test_minutes_are_minutes() -> None:
    assert parse(["--demo", "--for", "1m"]).duration == MINUTE


def test_exact_engine_computes_unless_another_one_is_asked_for() -> None:
    assert parse([]).engine == "exact"
    assert [parse(["--engine", name]).engine for name in ENGINES] == list(ENGINES)


def test_every_engine_that_can_be_asked_for_is_there() -> None:
    assert set(ENGINES) == set(engines.ENGINES)


def test_blas_is_settled_before_numpy_is_imported() -> None:
    asked = "print(main.IN_TIME, os.environ.get('OPENBLAS_CORETYPE'))"
    code = f"import actors.__main__ as main, os; {asked}"

    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OPENBLAS_CORETYPE": "Haswell", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.split() == ["True", "None"]
