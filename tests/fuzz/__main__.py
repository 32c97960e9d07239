"""Fuzzing: `python -m tests.fuzz [--minutes M] [--seed N] [TARGET...]`, one target after the other.

Exit status: 0 where nothing broke, 1 where something did; the inputs that broke it are in
tests/fuzz/corpus then, to be mended and committed.
"""

import argparse
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = (
    *("stream", "bodies", "framing", "archive", "recording"),
    *("restore", "ledger", "commands", "model"),
)


def main() -> int:
    """Run what is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="for each target")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), metavar="N")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in NAMES]:
        parser.error(f"no target is called {unknown[0]}")
    if options.here:
        from tests.fuzz.hunt import Hunt  # noqa: PLC0415 - each hunt in a process of its own

        Hunt(options.targets[0], options.minutes * 60, options.seed).run()
    statuses = [_hunted(name, options) for name in options.targets or NAMES]
    return int(any(statuses))


def _hunted(name: str, options: argparse.Namespace) -> int:
    """Hunt in a process of its own, which may die of what it finds."""
    words = (name, "--here", "--minutes", str(options.minutes), "--seed", str(options.seed))
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words], cwd=ROOT, check=False, stderr=subprocess.PIPE
    )
    if done.returncode not in {0, 1}:
        sys.stdout.write(f"{name}: died with status {done.returncode}, seed {options.seed}\n")
        sys.stdout.write(done.stderr.decode("utf-8", "replace")[-3000:] + "\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
