"""Every check, in the order of how fast it fails: a line for each, all of the one that fails.

The last line is pytest's own summary.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / ".venv" / "bin"

CORE_COVERAGE_PERCENT_MIN = 95
"""Of domain/ and persistence/; pyproject.toml has the figure for the whole."""

SIMULATED_SECONDS = 60
"""How long the simulation lives lives that nobody has lived before, by a fresh seed [s]."""

UNJUDGED_COVERAGE = ("--cov", "--cov-report=", "--cov-fail-under=0")
"""Pytest collects the figures, the steps after it judge them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One check.

    Attributes:
        name: what a person calls it.
        arguments: for the environment's Python.
        waits: whether it is not worth its time once an earlier check has failed.
        environment: variables of its own.
    """

    name: str
    arguments: tuple[str, ...]
    waits: bool = False
    environment: dict[str, str] = field(default_factory=dict)


STEPS = (
    Step("format", ("-m", "ruff", "format", "--check", ".")),
    Step("lint", ("-m", "ruff", "check", ".")),
    Step("types", ("-m", "mypy")),
    Step("imports", (str(SCRIPTS / "lint-imports"),)),
    Step("dead-code", ("-m", "vulture")),
    Step("dependencies", ("-m", "deptry", ".")),
    Step(
        "spelling",
        (
            *("-m", "codespell_lib", "actors", "domain", "persistence", "tests", "bin"),
            *("docs", "README.md", "CHANGELOG.md"),
        ),
    ),
    Step(
        "tests",
        ("-m", "pytest", "-ra", "-n", "2", "--dist", "worksteal", *UNJUDGED_COVERAGE),
        waits=True,
        environment={"OMP_NUM_THREADS": "1"},  # two processes do not fight over two cores
    ),
    Step("coverage", ("-m", "coverage", "report"), waits=True),
    Step(
        "core-coverage",
        (
            *("-m", "coverage", "report", "--include=domain/*,persistence/*"),
            f"--fail-under={CORE_COVERAGE_PERCENT_MIN}",
        ),
        waits=True,
    ),
    Step(
        "simulation",
        ("-m", "tests.simulation", "--seconds", str(SIMULATED_SECONDS)),
        waits=True,
        environment={"OMP_NUM_THREADS": "1"},
    ),
)


class Parser(argparse.ArgumentParser):
    """Answers a bad argument with one line."""

    def error(self, message: str) -> NoReturn:
        """Say it, and leave."""
        self.exit(2, f"bin/check: {message}; see bin/check --help\n")


def main() -> int:
    """Run what is asked for; a slow check only if all before it went well."""
    names = [step.name for step in STEPS]
    parser = Parser(prog="bin/check", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"only these: {', '.join(names)}")
    wanted = parser.parse_args().steps or names
    if unknown := [name for name in wanted if name not in names]:
        parser.error(f"no step is called {unknown[0]}")
    begun = time.monotonic()
    outputs: dict[str, str | None] = {}
    for step in STEPS:
        if step.name in wanted and not (step.waits and None in outputs.values()):
            outputs[step.name] = run(step)
    if failed := [name for name, output in outputs.items() if output is None]:
        print(f"FAILED: {', '.join(failed)}")
        return 1
    print(f"{'all':<14} ok {time.monotonic() - begun:6.1f} s")
    for line in (outputs.get("simulation") or "").splitlines()[:2]:
        print(line)
    print(notable(outputs.get("tests") or ""))
    return 0


def run(step: Step) -> str | None:
    """What the check printed, None if it failed; then a person has seen it already."""
    begun = time.monotonic()
    print(f"{step.name:<14} ", end="", flush=True)
    done = subprocess.run(
        [sys.executable, *step.arguments],
        check=False,
        cwd=ROOT,
        env=os.environ | step.environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seconds = time.monotonic() - begun
    if done.returncode == 0:
        print(f"ok {seconds:6.1f} s", flush=True)
        return done.stdout
    print(f"FAILED {seconds:.1f} s\n\n{done.stdout}", flush=True)
    return None


def notable(output: str) -> str:
    """What pytest left out and why, and its last line."""
    lines = output.rstrip().splitlines()
    skipped = [line for line in lines if line.startswith("SKIPPED")]
    return "\n".join((*skipped, *lines[-1:]))


if __name__ == "__main__":
    sys.exit(main())
