"""Writes the report: the page, and beside it the same in files that programs read."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from domain.errors import SettingsInvalid
from domain.horizons import INTERVALS, LEVELS
from domain.moments import moment
from domain.performance import Times, drawdowns
from domain.trades import Trade
from domain.units import Floats
from persistence.experiments import Trials
from persistence.report.content import Report, label
from persistence.report.curve import Curve, curve
from persistence.report.measures import Search, measured, metrics, searched
from persistence.report.operations import Operations
from persistence.report.outlook import Outlook
from persistence.report.skill import skills
from persistence.report.source import Source, exported

COLUMNS = (
    *("opened", "closed", "side", "quantity", "entry", "exit"),
    *("gross", "fees", "funding", "slippage", "pnl", "reason"),
)
"""Of `trades.csv`: times in UTC, money in USDT; `slippage` is empty where it is not known."""


def write(source: Source, folder: Path, trials: Trials | None = None) -> str:
    """Write the report and return a sentence that sums it up.

    Args:
        source: what is reported on.
        folder: where to.
        trials: all variants that were tried, this one too; None where nobody kept count.

    Raises:
        SettingsInvalid: the folder cannot be written.
    """
    return written(reported(source, trials), folder)


def reported(source: Source, trials: Trials | None = None) -> Report:
    """Everything that the files tell; arguments as `write` has them."""
    line = curve(source)
    run = measured(source, line)
    return Report(
        source=source,
        curve=line,
        run=run,
        skills=skills(source.log, source.prices),
        operations=None if source.log is None else source.log.operations,
        search=None if trials is None else searched(run.days.returns, trials),
    )


def written(report: Report, folder: Path) -> str:
    """As `write`, of a report that is at hand."""
    files: dict[str, Callable[[BinaryIO], object]] = {
        "metrics.json": lambda file: file.write(_metrics(report)),
        "trades.csv": lambda file: file.write(_trades(report.run.trades)),
        "equity.parquet": lambda file: _equity(report.curve, file),
        "ledger.jsonl": lambda file: file.writelines(exported(report.source.kept)),
        "report.html": lambda file: file.write(_page(report)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, fill in files.items():
            _replace(folder / name, fill)
    except OSError as error:
        raise SettingsInvalid(f"{folder} cannot be written ({error.strerror})") from error
    return _sentence(report, folder)


def _page(report: Report) -> bytes:
    # The charts' library takes 48 MB and a second. What comes before it needs as much, and is done.
    from persistence.report.page import page  # noqa: PLC0415

    return page(report).encode()


def _replace(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Whoever reads meanwhile sees the old file or the new one."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        fill(file)
    temporary.replace(path)


def _metrics(report: Report) -> bytes:
    run = report.run
    head = {
        "label": label(report.source.kept.mode),
        "from": moment(run.first),
        "to": moment(run.last),
        "equity_basis": report.curve.basis,
    }
    told = head | metrics(run) | _searched(report.search)
    told |= _operated(report.operations) | _foretold(report.source.outlooks)
    return (json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _foretold(outlooks: tuple[Outlook, ...]) -> dict[str, Any]:
    """How the forecasts fared, by timeframe; those of which nothing is known are not there."""
    names = [f"inside_{coverage:.0%}".rstrip("%") for coverage, _, _ in INTERVALS]
    found = {}
    for outlook in outlooks:
        told = asdict(outlook)
        for name in ("timeframe", "inside"):
            del told[name]
        told["below"] = dict(zip(map(str, LEVELS), outlook.below, strict=True))
        found[str(outlook.timeframe)] = dict(zip(names, outlook.inside, strict=True)) | told
    return {"forecasts": found}


def _searched(search: Search | None) -> dict[str, Any]:
    """What the experiment log knows; null where none was given."""
    if search is None:
        return {"trials": None, "deflated_sharpe": None}
    return {"trials": search.trials, "deflated_sharpe": search.deflated}


def _operated(told: Operations | None) -> dict[str, Any]:
    """What only the log knows; null where there is none."""
    names = ("latency_ms", "refusals", "uptime", "starts", "crashes", "actor_restarts")
    if told is None:
        return dict.fromkeys(names)
    latency = told.latency
    values = (
        latency and {"median": latency.median, "p95": latency.p95, "max": latency.longest},
        {code: count for (code, _), count in told.refusals.items()},
        told.uptime,
        told.runs,
        told.crashes,
        sum(told.restarts.values()),
    )
    return dict(zip(names, values, strict=True))


def _trades(trades: tuple[Trade, ...]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for trade in trades:
        rows.writerow([_cell(trade, name) for name in COLUMNS])
    return text.getvalue().encode()


def _cell(trade: Trade, name: str) -> str:
    value = getattr(trade, name)
    if name in {"opened", "closed"}:
        return moment(value)
    if name in {"side", "reason"}:
        return str(value)
    # 28 digits of an average price are no truth; a hundred-millionth is the ledger's own grain.
    return "" if value is None else f"{round(value, 8).normalize():f}"


def _equity(line: Curve, file: BinaryIO) -> None:
    moments = pa.timestamp("ns", tz="UTC")
    columns = {
        "at": _column(line.at, moments),
        "wallet": _column(line.wallet, pa.float64()),
        "equity": _column(line.equity, pa.float64()),
        "drawdown": _column(drawdowns(line.equity), pa.float64()),
    }
    # For a table that is written once Arrow's own allocator keeps three times the system's memory.
    before, pool = pa.default_memory_pool(), pa.system_memory_pool()
    pool.release_unused()
    pa.set_memory_pool(pool)
    try:
        parquet.write_table(pa.table(columns), file)
    finally:
        pa.set_memory_pool(before)
        pool.release_unused()


def _column(values: Times | Floats, kind: pa.DataType) -> pa.Array:
    """The values where they lie; `pa.array` would load pandas, 46 MB, to see that they are none."""
    held = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(kind, len(values), [None, held])


def _sentence(report: Report, folder: Path) -> str:
    trading, ratios = report.run.trading, report.run.ratios
    doubt = "" if trading.significant else "; too few to be significant"
    count = f"{trading.trades} closed trade{'' if trading.trades == 1 else 's'}"
    return (
        f"{folder / 'report.html'}: {label(report.source.kept.mode)}, {count}{doubt}, "
        f"PnL {ratios.pnl:+.2f} USDT after all costs"
    )
