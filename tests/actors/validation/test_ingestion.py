from dataclasses import replace

from actors.validation.ingestion import judged
from actors.validation.record import Record
from domain.horizons import Timeframe
from domain.market import Candle
from domain.units import Nanos
from tests.actors.validation.made import a_day, a_record, failed, said
from tests.builders import price, quantity

GAPS = "no gaps in time"
PRICES = "prices above 0, less than 10 % from candle to candle"
VOLUMES = "volumes above 0"


def a_start(*, seconds: float = 2.0, candles: int = 6000) -> Record:
    return a_record(said(0, "starting"), said(seconds, "ingested", candles=candles, repaired=0))


def with_candle(number: int, change: Candle) -> dict[Timeframe, list[Candle]]:
    day = a_day()
    day[Timeframe.M5][number] = change
    return day


def test_six_thousand_whole_candles_in_time_pass() -> None:
    criteria = judged(a_start(), a_day())

    assert len(criteria) == 5
    assert failed(criteria) == []


def test_one_candle_too_few_or_three_minutes_fail() -> None:
    day = a_day()
    day[Timeframe.H1].pop(0)

    assert failed(judged(a_start(), day)) == ["6000 candles, 1000 a timeframe"]
    assert failed(judged(a_start(candles=5999), a_day())) == ["6000 candles, 1000 a timeframe"]
    assert failed(judged(a_start(seconds=180), a_day())) == ["in less than 180 s"]


def test_hole_is_found_and_named() -> None:
    day = a_day()
    del day[Timeframe.M5][500]
    day[Timeframe.M5].insert(0, replace(day[Timeframe.M5][0], open_time=Nanos(-Timeframe.M5.span)))

    criteria = judged(a_start(), day)

    assert failed(criteria) == [GAPS]
    assert next(x.found for x in criteria if x.demanded == GAPS) == "1 in 5m"


def test_impossible_price_a_jump_and_no_volume_are_found() -> None:
    candle = a_day()[Timeframe.M5][500]
    nothing, jump = replace(candle, low=price(0)), replace(candle, close=price("115"))
    silent = replace(candle, volume=quantity("0"))

    assert failed(judged(a_start(), with_candle(500, nothing))) == [PRICES]
    assert failed(judged(a_start(), with_candle(500, jump))) == [PRICES]
    assert failed(judged(a_start(), with_candle(500, silent))) == [VOLUMES]


def test_program_that_never_ingested_fails_everywhere_and_its_words_are_told() -> None:
    criteria = judged(a_record(words="Binance cannot be reached", status=3), {})

    assert len(failed(criteria)) == len(criteria)
    assert any("Binance cannot be reached" in x.found for x in criteria)
