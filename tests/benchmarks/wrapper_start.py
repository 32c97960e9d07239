"""What a wrapper costs once the environment is complete: `bin/pt-state` against its own Python.

    .venv/bin/python tests/benchmarks/wrapper_start.py

Both sides run the smallest program there is, so that the difference is the wrapper alone.
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 100


def main() -> None:
    """Print the medians and where they were measured."""
    with tempfile.TemporaryDirectory() as folder:
        root = an_installation_in(Path(folder))
        python = root / ".venv" / "bin" / "python"
        environment = os.environ | {"PYTHONPATH": str(root)}
        through, direct = [], []
        for _ in range(ROUNDS):
            through.append(seconds([root / "bin" / "pt-state"], environment))
            direct.append(seconds([python, "-P", "-m", "persistence"], environment))
    overhead_ms = 1000 * (statistics.median(through) - statistics.median(direct))
    print(f"wrapper {overhead_ms:.1f} ms, median of {ROUNDS}; limit 50 ms")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")


def an_installation_in(root: Path) -> Path:
    """A copy of bin/ with a complete environment and a program that does nothing."""
    shutil.copytree(ROOT / "bin", root / "bin")
    shutil.copy(ROOT / "requirements.txt", root)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    setup = root / "bin" / "setup"
    stamp = (root / "requirements.txt").read_bytes() + (setup / "constraints.txt").read_bytes()
    (root / ".venv" / "complete-run").write_bytes(stamp)
    (root / "persistence").mkdir()
    (root / "persistence" / "__main__.py").touch()
    return root


def seconds(command: Sequence[Path | str], environment: dict[str, str]) -> float:
    """How long one run takes."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, env=environment)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
