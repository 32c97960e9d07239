from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from actors.forecast.actor import ForecastActor, Means, Memory, Told
from actors.messages import Begin, CandlesClosed, HistoryReady, ModelReady, Tick
from domain.calibration import untaught
from domain.candles import aggregate
from domain.errors import ForecastInvalid
from domain.facts import Forecasted, Noted, Signalled
from domain.horizons import CONTEXT, LEVELS, STEPS, TIMEFRAMES, Timeframe
from domain.signals import Forecast, Signal
from domain.units import MINUTE, Floats, Nanos
from persistence.calibration import CalibrationStore
from persistence.candles import CandleStore
from persistence.environment import open_environment
from persistence.forecasts import ForecastStore
from tests.builders import NOON, a_candle, a_history, candles
from tests.fakes import Outbox


class Still:
    """A forecaster that expects a spread around the last close, and remembers its inputs."""

    name = "still"
    sha = "00"
    verified = True

    def __init__(self) -> None:
        self.seen: list[Floats] = []

    def forecast(self, closes: Floats) -> Floats:
        self.seen.append(closes.copy())
        spread = 1 + (np.array(LEVELS) - 0.5) * 0.01
        return np.tile(closes[:, -1, None, None] * spread, (1, len(STEPS), 1))


class Foolish(Still):
    """A forecaster whose answer is spoilt."""

    def __init__(self, spoilt: Callable[[Floats], Floats]) -> None:
        super().__init__()
        self.spoilt = spoilt

    def forecast(self, closes: Floats) -> Floats:
        return self.spoilt(super().forecast(closes))


class House:
    """A forecaster on a real candle store, with everybody it tells."""

    def __init__(self, path: Path) -> None:
        environment = open_environment(path)
        self.store = CandleStore(environment)
        self.experience = CalibrationStore(environment)
        self.said = ForecastStore(environment)
        self.model: Still = Still()
        self.experience.put(self.model.sha, untaught())
        self.start()

    def start(self) -> None:
        self.risk, self.dashboard, self.itself = Outbox(), Outbox(), Outbox()
        self.swept = 0
        self.actor = ForecastActor(
            Means(lambda: self.model, self.sweep),
            Memory(self.store, self.experience, self.said),
            Told(self.itself, self.risk, self.dashboard),
            supervisor=Outbox(),
        )
        self.tell(Begin(), Tick(NOON))

    def sweep(self) -> None:
        self.swept += 1

    def tell(self, *messages: object) -> None:
        """All of them wait when the first one's turn comes; then comes what it tells itself."""
        for message in messages:
            self.actor.receive(message)  # type: ignore[arg-type]
        waiting, self.itself.told = self.itself.told, []
        for message in waiting:
            self.actor.receive(message)

    def ingest(self) -> None:
        self.store.put(a_history(NOON))
        self.tell(HistoryReady(NOON, TIMEFRAMES))

    def close_minute(self, number: int) -> None:
        """The minute that opens so many minutes after noon closes, as the feed tells it."""
        minute = candles(number + 1)[-1]
        self.store.put([minute])
        self.tell(CandlesClosed(minute.close_time, (minute,)))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "store")


def test_history_is_forecast_at_once(house: House) -> None:
    house.ingest()

    (forecast,) = house.dashboard.of(Forecast)
    assert forecast.at == NOON
    assert forecast.quantiles.shape == (len(TIMEFRAMES), len(STEPS), len(LEVELS))
    assert house.risk.of(ModelReady) == [ModelReady(NOON, "still", "00", verified=True)]
    assert [signal.at for signal in house.risk.of(Signal)] == [NOON]
    assert len(house.dashboard.of(Signalled)) == 1


def test_input_is_the_last_two_hundred_closes_of_each_timeframe(house: House) -> None:
    house.ingest()
    house.close_minute(0)

    expected = [
        [float(x.close) for x in house.store.newest(timeframe, CONTEXT)] for timeframe in TIMEFRAMES
    ]
    assert house.dashboard.of(Forecast)[-1].closes.tolist() == expected
    assert house.dashboard.of(Forecasted)[-1].closed_at == NOON + MINUTE


def test_only_what_has_closed_is_forecast_again(house: House) -> None:
    house.ingest()
    before = house.dashboard.of(Forecast)[-1]

    house.close_minute(0)

    after = house.dashboard.of(Forecast)[-1]
    assert [seen.shape for seen in house.model.seen] == [(6, CONTEXT), (1, CONTEXT)]
    assert np.array_equal(after.quantiles[1:], before.quantiles[1:])
    assert not np.array_equal(after.quantiles[0], before.quantiles[0])


def test_what_is_told_is_kept_to_be_judged(house: House) -> None:
    house.ingest()

    (forecast,), (kept,) = (
        house.dashboard.of(Forecast),
        house.said.between(Timeframe.M5, NOON, NOON),
    )
    assert (kept.at, kept.model, kept.base) == (NOON, "00", forecast.closes[2, -1])
    assert np.abs(kept.quantiles / forecast.quantiles[2] - 1).max() < 1e-5


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (lambda said: said * np.nan, "not a positive number"),
        (lambda said: -said, "not a positive number"),
        (lambda said: said[..., ::-1], "out of order"),
        (lambda said: said[:, 1:], "of 6 series"),
    ],
    ids=["no number", "negative", "unsorted", "too few"],
)
def test_nonsense_of_a_model_reaches_nobody(
    house: House, spoilt: Callable[[Floats], Floats], words: str
) -> None:
    house.model = Foolish(spoilt)
    house.start()

    with pytest.raises(ForecastInvalid, match=words):
        house.ingest()

    assert not house.risk.told
    assert not house.dashboard.of(Forecast)


def test_signal_of_a_late_forecast_is_told_when_it_is_made(house: House) -> None:
    house.store.put(a_history(NOON))

    house.tell(HistoryReady(Nanos(NOON + 7), TIMEFRAMES))

    times = [fact.at for fact in house.dashboard.told if isinstance(fact, Forecasted | Signalled)]
    assert times == [NOON + 7, NOON + 7]


def test_told_arrays_cannot_be_changed(house: House) -> None:
    house.ingest()

    (forecast,) = house.dashboard.of(Forecast)
    with pytest.raises(ValueError, match="read-only"):
        forecast.quantiles[0] = 0


def test_restarted_forecaster_reads_its_input_from_the_store(house: House) -> None:
    house.ingest()
    house.close_minute(0)
    before = house.dashboard.of(Forecast)[-1]

    house.start()
    house.close_minute(0)

    assert np.array_equal(house.dashboard.of(Forecast)[-1].closes, before.closes)


def test_repaired_hole_is_read_from_the_store(house: House) -> None:
    house.ingest()
    house.store.put(candles(3))

    house.close_minute(3)

    expected = [float(x.close) for x in house.store.newest(Timeframe.M1, CONTEXT)]
    assert house.model.seen[-1][0].tolist() == expected


def test_short_hole_of_the_exchange_is_bridged_for_the_model(house: House) -> None:
    house.ingest()
    late = a_candle(open_time=NOON + 3 * MINUTE, close="104")
    house.store.put([late])

    house.tell(CandlesClosed(late.close_time, (late,)))

    assert len(house.model.seen) == 2
    assert house.model.seen[-1][0, -1] == 104
    assert len(house.store.newest(Timeframe.M1, 2000)) == 1001


def test_long_hole_stops_forecasts_until_two_hundred_points_stand_again(house: House) -> None:
    house.ingest()
    first = 30
    for number in range(first, first + CONTEXT):
        house.close_minute(number)

        whole = number == first + CONTEXT - 1
        assert len(house.model.seen) == (2 if whole else 1)

    (note,) = house.dashboard.of(Noted)
    assert "1m has 1 of 200" in note.text


def test_longer_candles_join_the_input_as_they_close(house: House) -> None:
    house.ingest()
    minutes = candles(60)
    house.store.put(minutes)
    house.store.put(x for timeframe in TIMEFRAMES[1:] for x in aggregate(minutes, timeframe))
    closed = [house.store.newest(timeframe, 1)[0] for timeframe in TIMEFRAMES]

    house.tell(CandlesClosed(Nanos(NOON + 60 * MINUTE), tuple(closed)))

    assert house.model.seen[-1][:, -1].tolist() == [float(x.close) for x in closed]


def test_minute_is_forecast_once_however_often_its_history_is_told(house: House) -> None:
    house.ingest()

    house.tell(HistoryReady(Nanos(NOON + 1), TIMEFRAMES))

    assert len(house.risk.of(Signal)) == 1


def test_outcomes_widen_an_interval_that_was_too_narrow_and_a_restart_keeps_it(
    house: House,
) -> None:
    house.ingest()
    before = house.dashboard.of(Forecast)[0].quantiles[0, 0]
    for number in range(8):
        wild = a_candle(open_time=NOON + number * MINUTE, close=str(100 + 20 * (number % 2)))
        house.store.put([wild])
        house.tell(CandlesClosed(wild.close_time, (wild,)))
    house.actor.release()

    house.start()
    house.close_minute(8)

    forecast = house.dashboard.of(Forecast)[0]
    last = forecast.closes[0, -1]
    assert forecast.quantiles[0, 0, -1] / last > before[-1] / before[6]
    assert forecast.quantiles[0, 0, 6] == last
    kept = house.experience.get("00")
    assert kept is not None
    assert kept.counts[0, 0] == 8
    assert house.experience.get("other model") is None


def test_a_slow_forecast_is_followed_by_that_of_the_newest_minute(house: House) -> None:
    house.ingest()
    minutes = candles(3)
    house.store.put(minutes)

    house.tell(*(CandlesClosed(minute.close_time, (minute,)) for minute in minutes))

    closed = [forecasted.closed_at for forecasted in house.dashboard.of(Forecasted)]
    assert closed == [NOON, NOON + 3 * MINUTE]
    assert house.model.seen[-1][0, -3:].tolist() == [float(x.close) for x in minutes]


def test_garbage_is_swept_when_a_forecast_is_done(house: House) -> None:
    house.ingest()
    house.close_minute(0)

    assert house.swept == 2


def test_a_new_model_learns_from_the_history_once_and_says_how_well_its_intervals_hold(
    house: House,
) -> None:
    house.model.sha = "new"
    house.start()
    house.ingest()

    kept = house.experience.get("new")
    assert kept is not None
    assert (kept.counts > 50).all()
    assert (kept.factors[..., :3] != 0).all()
    assert "intervals held" in house.dashboard.of(Noted)[0].text
    rehearsed = len(house.model.seen)
    assert rehearsed == len(TIMEFRAMES) + 1

    house.start()
    house.tell(HistoryReady(NOON, TIMEFRAMES))

    assert len(house.model.seen) == rehearsed + 1
    assert house.dashboard.of(Noted) == []


def test_a_new_model_without_a_history_begins_without_it(house: House) -> None:
    house.model.sha = "new"
    house.start()

    house.tell(HistoryReady(NOON, TIMEFRAMES))

    assert "without a history" in house.dashboard.of(Noted)[0].text
