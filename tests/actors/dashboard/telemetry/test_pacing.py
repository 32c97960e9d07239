from actors.dashboard.telemetry.alerts import Alert, Severity
from actors.dashboard.telemetry.pacing import AT_ONCE_MAX, WINDOW_SECONDS, Pacing
from tests.builders import NOON


def an_alert(text: str = "x", kind: str = "restart") -> Alert:
    return Alert(NOON, kind, Severity.WARNING, text)


def full() -> Pacing:
    """One that has let out as many as it may."""
    pacing = Pacing()
    assert all(pacing.admit(an_alert(), 0.0) for _ in range(AT_ONCE_MAX))
    return pacing


def test_a_few_of_a_kind_go_out_at_once_and_no_more() -> None:
    pacing = full()

    assert not pacing.admit(an_alert(), 1.0)
    assert pacing.admit(an_alert(kind="halted"), 1.0)


def test_newest_of_those_held_back_goes_out_later_and_says_how_many_there_were() -> None:
    pacing = full()
    for number in range(4):
        pacing.admit(an_alert(f"death {number}"), 1.0)

    assert pacing.due(WINDOW_SECONDS - 0.1) == []
    (alert,) = pacing.due(WINDOW_SECONDS)

    assert alert.text == "death 3 (and 3 more before it, held back)"
    assert pacing.due(WINDOW_SECONDS + 1) == []


def test_one_alone_is_told_as_it_was() -> None:
    pacing = full()
    pacing.admit(an_alert("death"), 1.0)

    assert pacing.rest() == [an_alert("death")]
    assert pacing.rest() == []
