"""Who shares the work of a run, by what the command line says."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from actors.backtest.work import Here, Processes, Workforce
from domain.errors import SettingsInvalid

REQUIREMENTS = Path(__file__).parents[2] / "requirements-dask.txt"
"""What a cluster needs beside all else."""


@contextmanager
def hired(workers: int, dask: str, stream: TextIO) -> Iterator[Workforce]:
    """Whoever shares the work; they are let go at the end.

    Args:
        workers: processes on this machine; with one all is done by the process itself.
        dask: address of a Dask scheduler whose workers do it instead, '' for none; the processes
            then do what these leave undone.
        stream: where the user is told when somebody has died.

    Raises:
        SettingsInvalid: the cluster cannot be used.
    """

    def say(line: str) -> None:
        stream.write(f"{line}\n")

    local: Workforce = Here() if workers == 1 else Processes(workers, say)
    if not dask:
        yield local
        return
    try:
        from actors.backtest.cluster import connected  # noqa: PLC0415 - only where it is there
    except ModuleNotFoundError as error:
        way = f"{sys.executable} -m pip install -r {REQUIREMENTS}"
        raise SettingsInvalid(f"--dask needs {error.name}, see `{way}`") from error
    with connected(dask, local, say) as cluster:
        yield cluster
