"""Test 4, endurance: hours on end, hardly ever down, and no more memory than at the beginning."""

from collections.abc import Iterator
from itertools import pairwise

from actors.validation.program import Heard
from actors.validation.record import Record, middle
from actors.validation.verdict import Bench, Criterion

BENCH = Bench("4 endurance")

DOWN_MAX = 0.01
"""Mission, "Test de resistencia" [share]."""

MEMORY_MAX = 4 * 2**30
"""Likewise [bytes]."""

PROCESSOR_MAX = 0.7
"""Likewise, of one core."""

RECONNECTIONS_MAX = 10.0
"""Likewise, an hour."""

GROWTH_MAX = 0.1
GROWTH_FREE = 16 * 2**20
"""Memory is stable that grows by no more than this share, or by so few bytes, in half the time."""

SILENCE_SECONDS_MAX = 90.0
"""Something is told each minute; who says nothing for so long is down."""

SAMPLES_MIN = 8
"""Fewer have no second half to be compared with the first."""

UNREADABLE = "this system has no /proc to read it from"

MIB = 2**20


def judged(record: Record, hours: float, *, live: bool) -> list[Criterion]:
    """The criteria of this test.

    Args:
        record: the run.
        hours: of market time that it had to last.
        live: whether the market ran at its own pace, over a network.
    """
    return [
        _length(record, hours),
        _down(record),
        *_memory(record),
        _processor(record),
        _reconnections(record, live=live),
    ]


def downtime(heard: tuple[Heard, ...]) -> float:
    """How long nothing could be traded, from the first `ready` to the wish to stop [s].

    Down is who has lost the feed, who died (from its last word to `ready` again), and who says
    nothing; and an actor while it is restarted.
    """
    down, up, begun = 0.0, False, False
    for before, after in pairwise(heard):
        if before.name == "stopping":
            break
        begun = begun or before.name == "ready"
        up = (up or before.name in {"ready", "feed_restored"}) and before.name != "feed_lost"
        apart = after.at - before.at
        if begun and (not up or after.name == "starting" or apart > SILENCE_SECONDS_MAX):
            down += apart
        if after.name == "starting":
            up = False
        if begun and after.name == "actor_restarted":
            down += float(after.event["seconds"])
    return down


def _length(record: Record, hours: float) -> Criterion:
    lasted = record.seconds / 3600
    ended = "in order" if record.status == 0 else f"with status {record.status}"
    taken = record.heard[-1].at - record.begun if record.heard else 0.0
    forecasts = len(record.of_name("forecast"))
    return BENCH.judge(
        f"{hours:g} h of market time on end",
        f"{lasted:.2f} h in {taken:.0f} s, {record.crashes} crashes, {forecasts} forecasts, "
        f"ended {ended}",
        good=lasted >= hours and record.status == 0,
        hours=lasted,
        seconds=taken,
        forecasts=forecasts,
        crashes=record.crashes,
        status=record.status,
    )


def _down(record: Record) -> Criterion:
    ready = record.ready
    whole = record.heard[-1].at - ready.at if ready is not None else 0.0
    down = downtime(record.heard)
    share = down / whole if whole else 1.0
    return BENCH.judge(
        "less than 1 % down",
        f"{share:.2%}: {down:.1f} of {whole:.0f} s by the clock",
        good=share < DOWN_MAX,
        share=share,
        seconds=down,
    )


def _memory(record: Record) -> Iterator[Criterion]:
    demanded = "memory below 4 GB", "memory stable"
    if not record.samples:
        yield from (
            BENCH.leave(one, "this system has no /proc to read it from") for one in demanded
        )
        return
    peak = max(max(one.peak, one.resident) for one in record.samples)
    yield BENCH.judge(
        demanded[0], f"at most {peak / MIB:.0f} MiB", good=peak < MEMORY_MAX, mib=peak / MIB
    )
    yield _growth(record, demanded[1])


def _growth(record: Record, demanded: str) -> Criterion:
    """The second quarter of the time against the last: the first one is the start."""
    ready = record.ready
    sizes = [one.private for one in record.samples if ready is not None and one.at >= ready.at]
    if len(sizes) < SAMPLES_MIN:
        return BENCH.leave(demanded, f"only {len(sizes)} looks at it: too short a run to say")
    quarter = len(sizes) // 4
    before, after = middle(sizes[quarter : 2 * quarter]), middle(sizes[-quarter:])
    grown = after - before
    return BENCH.judge(
        demanded,
        f"{before / MIB:.0f} MiB in the second quarter, {after / MIB:.0f} MiB in the last",
        good=grown <= max(GROWTH_MAX * before, GROWTH_FREE),
        mib_before=before / MIB,
        mib_after=after / MIB,
    )


def _processor(record: Record) -> Criterion:
    demanded = "processor below 70 % of a core on average"
    if not record.samples:
        return BENCH.leave(demanded, UNREADABLE)
    last = record.samples[-1]
    clock = last.processor / max(last.at - record.begun, 1e-9)
    market = last.processor / record.seconds if record.seconds else 1.0
    pace = record.seconds / max(last.at - record.begun, 1e-9)
    return BENCH.judge(
        demanded,
        f"{market:.1%} of market time ({clock:.0%} by the clock, {pace:.0f} times compressed)",
        good=market < PROCESSOR_MAX,
        share=market,
        share_by_the_clock=clock,
    )


def _reconnections(record: Record, *, live: bool) -> Criterion:
    demanded = "fewer than 10 reconnections an hour"
    if not live:
        return BENCH.leave(demanded, "the demo has no connection that could break")
    count = len(record.of_name("feed_lost"))
    hourly = count / (record.seconds / 3600) if record.seconds else 0.0
    return BENCH.judge(
        demanded,
        f"{count} in all, {hourly:.1f} an hour",
        good=hourly < RECONNECTIONS_MAX and record.seconds > 0,
        reconnections=count,
        hourly=hourly,
    )
