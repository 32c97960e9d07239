import threading

from actors.dashboard.process import Meter


class Watch:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_process_is_measured_and_shares_need_two_looks() -> None:
    watch = Watch()
    meter = Meter(watch)
    first = meter.usage()

    watch.now = 10.0
    second = meter.usage()

    assert (first.processor, first.received) == (None, None)
    assert second.processor is not None
    assert second.processor >= 0
    assert second.peak is not None
    assert second.peak > 10_000_000
    assert second.threads == threading.active_count()


def test_measure_stands_until_it_is_time_for_another() -> None:
    watch = Watch()
    meter = Meter(watch)
    first = meter.usage()

    watch.now = 1.0

    assert meter.usage() is first
