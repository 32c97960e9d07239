"""A burst of frames: memory stays bounded, no candle and no traded volume is lost."""

from tests.benchmarks.feed_burst import measure


def test_burst_loses_no_volume_and_no_candle_and_grows_nothing() -> None:
    found = measure(rate=50_000, seconds=2)

    assert found.sent == 100_000
    assert found.volume_lost == 0
    assert found.heard["minutes"] >= found.candles == 2
    assert 0 < found.heard["books"] <= found.sent // 2
    assert found.heard["grown"] < 100
