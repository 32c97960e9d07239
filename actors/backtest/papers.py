"""What a backtest writes beside its report: how sure its terms are, and how it came to them."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from actors.backtest.sketch import NEVER, Fold, Outline, Sketched, grid, sketched
from domain.errors import SettingsInvalid
from domain.moments import moment
from domain.terms import TERMS

COLUMNS = ("entry", "promise", "leave", "trades", "win_rate", "mean_bps", "t")
"""Of `sensitivity.csv`; `t` is the mean over its standard error."""

DIGITS = 4


def outlined(folder: Path, outline: Outline) -> None:
    """Write what neighbouring terms would have brought in the period, in outline.

    Raises:
        SettingsInvalid: the folder cannot be written.
    """
    every = [terms for terms in grid() if terms != TERMS]
    rows = (_row(sketched(outline, terms)) for terms in (TERMS, *every))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((COLUMNS, *rows))
    _write(folder / "sensitivity.csv", text.getvalue())


def forwarded(folder: Path, found: Sequence[Fold]) -> None:
    """Write on which terms each stretch of a walk forward trades, and why.

    Raises:
        SettingsInvalid: the folder cannot be written.
    """
    told = [
        {
            "learnt_from": moment(fold.learnt_from),
            "from": moment(fold.begin),
            "to": moment(fold.end),
            "trades": fold.fit.terms != NEVER,
            "fit": dict(zip(COLUMNS, _row(fold.fit), strict=True)),
        }
        for fold in found
    ]
    _write(folder / "walk-forward.json", json.dumps(told, indent=2) + "\n")


def _row(one: Sketched) -> Iterable[float | int | None]:
    terms = one.terms
    figures = (one.win_rate, one.mean_bps, one.t)
    rounded = (None if figure is None else round(figure, DIGITS) for figure in figures)
    return terms.entry, terms.promise, terms.leave, one.trades, *rounded


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written ({error.strerror})") from error
