import pytest

from actors.validation.endurance import downtime, judged
from actors.validation.program import Heard
from actors.validation.record import Record
from actors.validation.verdict import Result
from tests.actors.validation.made import a_record, a_sample, failed, results, said

HOUR = 3600


def minutes(first: int, last: int) -> list[Heard]:
    return [said(at, "account") for at in range(first, last, 60)]


def a_run(
    *more: Heard, processor: float = 0.01, mib: tuple[int, ...] = (100,) * 12, status: int = 0
) -> Record:
    """An hour from `ready` on, with a look every five minutes."""
    told = [said(5, "starting"), said(10, "ready"), *minutes(60, HOUR + 61), *more]
    told.sort(key=lambda heard: heard.at)
    samples = [
        a_sample(at, processor=at * processor, mib=size)
        for at, size in zip(range(300, HOUR + 300, 300), mib, strict=True)
    ]
    return a_record(*told, samples=samples, status=status)


def test_hour_without_trouble_passes() -> None:
    criteria = judged(a_run(), 1.0, live=True)

    assert failed(criteria) == []
    assert results(criteria) == {Result.PASS}


def test_hour_is_not_48_and_a_bad_end_is_none() -> None:
    assert failed(judged(a_run(), 48, live=True)) == ["48 h of market time on end"]
    assert failed(judged(a_run(status=5), 1, live=True)) == ["1 h of market time on end"]


def test_lost_feed_counts_as_down_until_it_is_back_and_as_a_reconnection() -> None:
    short = a_run(said(600, "feed_lost", reason="cut"), said(630, "feed_restored", seconds=30))
    long = a_run(said(600, "feed_lost", reason="cut"), said(640, "feed_restored", seconds=40))

    assert downtime(short.heard) == 30
    assert failed(judged(short, 1, live=True)) == []
    assert failed(judged(long, 1, live=True)) == ["less than 1 % down"]


def test_death_counts_from_the_last_word_to_ready_again() -> None:
    run = a_run(said(620, "starting"), said(625, "note"), said(630, "ready"))

    assert downtime(run.heard) == 30


def test_silence_counts_as_down_and_an_actor_while_it_is_away() -> None:
    silent = a_record(said(0, "ready"), said(60, "account"), said(200, "account"))
    restarted = a_run(said(601, "actor_restarted", seconds=2.5))

    assert downtime(silent.heard) == 140
    assert downtime(restarted.heard) == 2.5


def test_what_comes_before_ready_and_after_the_wish_to_stop_is_no_downtime() -> None:
    run = a_record(
        *(said(0, "starting"), said(300, "ready"), said(310, "account")),
        *(said(320, "stopping"), said(321, "feed_lost"), said(340, "stopped")),
    )

    assert downtime(run.heard) == 0


def test_program_that_was_never_ready_was_down_all_the_time() -> None:
    criteria = judged(a_record(said(0, "starting"), status=3), 1, live=True)

    assert {"1 h of market time on end", "less than 1 % down"} <= set(failed(criteria))


def test_memory_that_grows_or_is_too_much_fails() -> None:
    growing = tuple(range(100, 220, 10))

    assert failed(judged(a_run(mib=growing), 1, live=True)) == ["memory stable"]
    assert failed(judged(a_run(mib=(4096,) * 12), 1, live=True)) == ["memory below 4 GB"]


def test_memory_is_not_called_stable_after_a_few_looks_nor_without_any() -> None:
    short = a_record(said(0, "ready"), said(60, "account"), samples=[a_sample(60)])
    blind = a_record(said(0, "ready"), said(60, "account"))

    assert [x.result for x in judged(short, 0, live=True) if "memory" in x.demanded] == [
        Result.PASS,
        Result.NONE,
    ]
    assert [x.result for x in judged(blind, 0, live=True) if "memory" in x.demanded] == [
        Result.NONE,
        Result.NONE,
    ]


@pytest.mark.parametrize(("share", "wrong"), [(0.69, False), (0.75, True)])
def test_processor_is_judged_against_market_time(share: float, *, wrong: bool) -> None:
    criteria = judged(a_run(processor=share), 1, live=True)

    assert bool(failed(criteria)) is wrong


def test_compressed_hour_is_judged_by_its_market_time() -> None:
    told = [said(0, "ready", heard_at=1), said(HOUR, "account", heard_at=7)]

    criteria = judged(a_record(*told, samples=[a_sample(7, processor=7)]), 1, live=False)

    processor = next(x for x in criteria if "processor" in x.demanded)
    assert processor.result is Result.PASS
    assert processor.figures["share"] == pytest.approx(7 / HOUR)
    assert processor.figures["share_by_the_clock"] == pytest.approx(1.0)
    assert "514 times compressed" in processor.found


def test_eleven_reconnections_in_an_hour_fail_and_the_demo_has_none_to_count() -> None:
    drops = [
        event
        for at in range(100, 3100, 300)
        for event in (said(at, "feed_lost", reason="cut"), said(at + 1, "feed_restored", seconds=1))
    ]
    run = a_run(*drops)

    assert failed(judged(run, 1, live=True)) == []
    assert failed(judged(a_run(*drops, *drops[:2]), 1, live=True)) == [
        "fewer than 10 reconnections an hour"
    ]
    assert judged(run, 1, live=False)[-1].result is Result.NONE
