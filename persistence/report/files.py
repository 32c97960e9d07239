"""Writes the report: the page, and beside it the same in files that programs read."""

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from domain.errors import SettingsInvalid
from domain.horizons import INTERVALS, LEVELS
from domain.performance import drawdowns
from domain.trades import Trade
from persistence.document import moment
from persistence.report.curve import Curve, curve
from persistence.report.measures import measured, metrics
from persistence.report.operations import Operations
from persistence.report.outlook import Outlook
from persistence.report.page import Report, label, page
from persistence.report.skill import skills
from persistence.report.source import Source, exported

COLUMNS = (
    *("opened", "closed", "side", "quantity", "entry", "exit"),
    *("gross", "fees", "funding", "slippage", "pnl", "reason"),
)
"""Of `trades.csv`: times in UTC, money in USDT; `slippage` is empty where it is not known."""


def write(source: Source, folder: Path) -> str:
    """Write the report and return a sentence that sums it up.

    Raises:
        SettingsInvalid: the folder cannot be written.
    """
    report = reported(source)
    files = {
        "report.html": page(report).encode(),
        "metrics.json": _metrics(report),
        "trades.csv": _trades(report.run.trades),
        "equity.parquet": _equity(report.curve),
        "ledger.jsonl": exported(source.kept),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _replace(folder / name, content)
    except OSError as error:
        raise SettingsInvalid(f"{folder} cannot be written ({error.strerror})") from error
    return _sentence(report, folder)


def reported(source: Source) -> Report:
    """Everything that the files tell."""
    line = curve(source)
    return Report(
        source=source,
        curve=line,
        run=measured(source, line),
        skills=skills(source.log, source.prices),
        operations=None if source.log is None else source.log.operations,
    )


def _replace(path: Path, content: bytes) -> None:
    """Whoever reads meanwhile sees the old file or the new one."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    temporary.replace(path)


def _metrics(report: Report) -> bytes:
    run = report.run
    head = {
        "label": label(report.source.kept.mode),
        "from": moment(run.first),
        "to": moment(run.last),
        "equity_basis": report.curve.basis,
    }
    told = head | metrics(run) | _operated(report.operations) | _foretold(report.source.outlooks)
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


def _equity(line: Curve) -> bytes:
    table = pa.table(
        {
            "at": pa.array(line.at, pa.timestamp("ns", tz="UTC")),
            "wallet": line.wallet,
            "equity": line.equity,
            "drawdown": drawdowns(line.equity),
        }
    )
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue())


def _sentence(report: Report, folder: Path) -> str:
    trading, ratios = report.run.trading, report.run.ratios
    doubt = "" if trading.significant else "; too few to be significant"
    count = f"{trading.trades} closed trade{'' if trading.trades == 1 else 's'}"
    return (
        f"{folder / 'report.html'}: {label(report.source.kept.mode)}, {count}{doubt}, "
        f"PnL {ratios.pnl:+.2f} USDT after all costs"
    )
