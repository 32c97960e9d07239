"""Takes the pictures of the six views that docs/screens.md shows, from a demo in tmux.

    python -m tests.actors.dashboard.capture FOLDER [--speed X]

It waits for an open position after some trades, and writes VIEW-SIZE.txt, and VIEW.svg at 120x40.
"""

import argparse
import re
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from actors.dashboard.desk import PAGES
from tests.actors.dashboard.tmux import Tmux

SIZES = ((80, 24), (120, 40), (200, 60))

TITLES = {
    "overview": "Active Position",
    "forecast": "p up weight",
    "market": "─ Pressure",
    "trading": "─ Orders",
    "risk": "─ Drawdown guard",
    "system": "─ Process",
}
"""What is to be seen on each view and on no other."""

HELD = re.compile(r"Active Position: (LONG|SHORT)")
TRADED = re.compile(r"Total Trades: (\d+)")
TRADES = 4
SECONDS_MAX = 900.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.actors.dashboard.capture", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speed", default="60")
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place:
        home = Path(place) / "home"
        market = ("--demo", "--speed", options.speed, "--seed", options.seed)
        command = (sys.executable, "-m", "actors.guardian", *market, "--home", str(home))
        terminal = Tmux(("env", "COLORTERM=truecolor", *command), Path(place), (120, 40))
        try:
            take(terminal, options.folder, home / "reports")
        finally:
            terminal.type("q", "q")
            terminal.sees("ended with 0")
            terminal.close()


def take(terminal: Tmux, folder: Path, reports: Path) -> None:
    """All pictures, one after the other."""
    terminal.until(lambda: settled(terminal.shown), SECONDS_MAX)
    for columns, rows in SIZES:
        terminal.resize(columns, rows)
        for key, view in PAGES.items():
            terminal.type(key)
            terminal.until(partial(drawn, terminal, view, rows))
            (folder / f"{view}-{columns}x{rows}.txt").write_text(terminal.shown)
            if columns == SIZES[1][0]:
                terminal.type("s")
                terminal.sees("kept as")
                newest = max(reports.glob(f"screen-{view}-*.svg"))
                (folder / f"{view}.svg").write_bytes(newest.read_bytes())


def settled(shown: str) -> bool:
    """Whether there is something to show: a position, and trades before it."""
    traded = TRADED.search(shown)
    return bool(HELD.search(shown)) and traded is not None and int(traded[1]) >= TRADES


def drawn(terminal: Tmux, view: str, rows: int) -> bool:
    """Whether this view is drawn in this size."""
    shown = terminal.shown
    lines = shown.splitlines()
    return TITLES[view] in shown and len(lines) == rows and " 6 system" in lines[-1]


if __name__ == "__main__":
    main()
