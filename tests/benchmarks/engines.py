"""What one forecast costs by each engine: latency, throughput, error, memory, time to start.

Each engine is a process of its own; they take turns, one forecast each, so that whatever else the
machine does falls on all alike; the processor's time hardly asks what else it does. All forecast
the same five steps from the same 200 points. Published sizes have random weights in their shapes:
speed does not ask what they know.

    .venv/bin/python tests/benchmarks/engines.py [--sizes embedded tiny …] [--seconds S]
        [--peers SITE-PACKAGES]    where onnx, onnxscript, onnxruntime and openvino are installed
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Self

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from actors.forecast.blas import settle_blas  # noqa: E402 - before numpy

settle_blas()

import numpy as np  # noqa: E402

from actors.forecast.sources import EMBEDDED  # noqa: E402
from domain.horizons import CONTEXT, STEPS  # noqa: E402

SIZES = ("embedded", "tiny", "mini", "small", "base")
ENGINES = ("stock", "medium", "int8", "exact", "onnxruntime", "openvino")
BATCHES = (6, 256)
ROUNDS_MIN = 3
COLUMNS = [step - 1 for step in STEPS]

Engine = Callable[[Any], Any]


def main() -> int:
    """Print the table, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", nargs="+", default=SIZES, choices=SIZES)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=20, help="for each batch of all engines")
    parser.add_argument("--peers", type=Path, help="site-packages with the other runtimes")
    parser.add_argument("--engine", choices=ENGINES, help="be this engine (internal)")
    parser.add_argument("--folder", type=Path, help="of the checkpoint (internal)")
    options = parser.parse_args()
    if options.peers:
        sys.path.append(str(options.peers))
    if options.engine:
        return work(options.engine, options.folder, options.threads[0])
    print(machine(), flush=True)
    print("| size | threads | engine | 6 x 200 median [ms] | speed-up | processor [ms] | batch of 256 [windows/s] | speed-up | error | memory [MB] | start [s] |")  # fmt: skip # noqa: E501
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as place:
        for size in options.sizes:
            folder = checkpoint(size, Path(place) / size, export=options.peers is not None)
            for threads in options.threads:
                compare(size, folder, threads, options)
    return 0


def machine() -> str:
    """The processor and the versions that the figures belong to."""
    name, info = platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if "model name" in line), name)
    found = [f"{package} {version(package)}" for package in ("numpy", "torch", "transformers")]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{name}, {os.cpu_count()} cores, load {load}; Python {platform.python_version()}, "
        f"{', '.join(found)}, chronos-forecasting {version('chronos-forecasting')}\n"
    )


def checkpoint(size: str, folder: Path, *, export: bool) -> Path:
    """A folder with a checkpoint of this size, and the same network for the other runtimes."""
    from tests.actors.forecast import shapes  # noqa: PLC0415 - imports torch

    if size == "embedded":
        folder.mkdir()
        for file in ("config.json", "model.safetensors"):
            (folder / file).write_bytes((EMBEDDED / file).read_bytes())
    else:
        shapes.saved(folder, size)
    if export:
        exported = subprocess.run(
            [sys.executable, "-c", EXPORT, str(ROOT), str(folder), sys.path[-1]],
            capture_output=True,
            text=True,
            check=False,
        )
        if exported.returncode:
            print(f"no ONNX of {size}: {exported.stderr.splitlines()[-1]}")
    return folder


EXPORT = """
import sys
root, folder, peers = sys.argv[1:]
sys.path.insert(0, root)
sys.path.append(peers)
import pathlib, torch
from actors.forecast.stock import load
class Quantiles(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
    def forward(self, context):
        return self.model(context=context).quantile_preds
model = load(pathlib.Path(folder))
for part in (model, model.encoder, model.decoder):
    part.config._attn_implementation = "eager"
shapes = {"context": {0: torch.export.Dim("series", min=2, max=1024)}}
torch.onnx.export(Quantiles(model), (torch.randn(6, 200),), folder + "/model.onnx",
                  input_names=["context"], dynamo=True, opset_version=18, dynamic_shapes=shapes)
"""


def compare(size: str, folder: Path, threads: int, options: argparse.Namespace) -> None:
    """Print a row for each engine."""
    workers = [Worker(engine, folder, threads, options.peers) for engine in ENGINES]
    running = [worker for worker in workers if not worker.reason]
    for batch in BATCHES:
        began = perf_counter()
        while perf_counter() - began < options.seconds or len(running[0].times[batch]) < ROUNDS_MIN:
            for worker in running:
                worker.once(batch)
    stock = running[0]
    for worker in workers:
        print(f"| {size} | {threads} | {worker.row(stock)} |", flush=True)
        worker.process.communicate()


class Worker:
    """One engine in a process of its own."""

    def __init__(self, engine: str, folder: Path, threads: int, peers: Path | None) -> None:
        """Start it and wait for its first forecast."""
        self.engine = engine
        self.times: dict[int, list[float]] = {batch: [] for batch in BATCHES}
        self.busy: dict[int, list[float]] = {batch: [] for batch in BATCHES}
        command = [sys.executable, __file__, "--engine", engine, "--folder", str(folder)]
        command += ["--threads", str(threads), *(["--peers", str(peers)] if peers else [])]
        began = perf_counter()
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        first = self._answer()
        self.start_s = perf_counter() - began
        self.reason = first.get("reason", "")
        self.quantiles = np.array(first.get("quantiles", ()))

    def once(self, batch: int) -> None:
        """One forecast of so many series."""
        if self.process.stdin:
            self.process.stdin.write(f"{batch}\n")
            self.process.stdin.flush()
        answer = self._answer()
        self.times[batch].append(answer["seconds"])
        self.busy[batch].append(answer["processor_s"])
        self.memory_mb = answer["memory_mb"]

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        answer: dict[str, Any] = json.loads(line) if line else {"reason": "it died"}
        return answer

    def row(self, stock: Self) -> str:
        """The figures of this engine."""
        if self.reason:
            return f"{self.engine} | skipped: {self.reason} | | | | | | |"
        (few, many), (few_stock, many_stock) = (
            [float(np.median(worker.times[batch])) for batch in BATCHES] for worker in (self, stock)
        )
        busy = 1e3 * float(np.mean(self.busy[BATCHES[0]]))
        error = np.abs(self.quantiles - stock.quantiles).max() / np.abs(stock.quantiles).max()
        return (
            f"{self.engine} | {1e3 * few:.2f} | {few_stock / few:.2f} | {busy:.2f} "
            f"| {BATCHES[1] / many:.0f} | {many_stock / many:.2f} | {error:.1e} "
            f"| {self.memory_mb:.0f} | {self.start_s:.2f}"
        )


def work(engine: str, folder: Path, threads: int) -> int:
    """Forecast as often as asked on standard input."""
    failures = (AttributeError, ImportError, NotImplementedError, OSError, RuntimeError)
    try:
        run = BUILDERS[engine](folder, threads)
        quantiles = run(moves(BATCHES[0])).tolist()
    except failures as error:
        text = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        print(json.dumps({"reason": text}), flush=True)
        return 0
    print(json.dumps({"quantiles": quantiles}), flush=True)
    for line in sys.stdin:
        given = moves(int(line))
        began, busy = perf_counter(), process_time()
        run(given)
        spent = {"seconds": perf_counter() - began, "processor_s": process_time() - busy}
        print(json.dumps(spent | {"memory_mb": memory_mb()}), flush=True)
    return 0


def moves(count: int) -> Any:
    """Random walks that end at zero, as the forecast feeds them."""
    walks = np.random.default_rng(0).normal(size=(count, CONTEXT)).cumsum(axis=1)
    return walks - walks[:, -1:]


def memory_mb() -> float:
    """Peak memory of this process [MB]."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def stock(folder: Path, threads: int, precision: str = "highest") -> Engine:
    """chronos-forecasting's own model class."""
    from actors.forecast.stock import ChronosBolt  # noqa: PLC0415

    engine = ChronosBolt(folder, "stock")
    import torch  # noqa: PLC0415

    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)
    return engine.ahead


def int8(folder: Path, threads: int) -> Engine:
    """The stock model with its linear layers in eight bits."""
    from actors.forecast.stock import ChronosBolt  # noqa: PLC0415

    engine = ChronosBolt(folder, "int8", eight_bits=True)
    import torch  # noqa: PLC0415

    torch.set_num_threads(threads)
    return engine.ahead


def exact(folder: Path, threads: int) -> Engine:
    """Ours."""
    from actors.forecast.exact import ExactBolt  # noqa: PLC0415

    return ExactBolt(folder, "exact", threads).ahead


def onnxruntime(folder: Path, threads: int) -> Engine:
    """Microsoft's runtime on the exported network."""
    import onnxruntime as runtime  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: PLC0415

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = runtime.InferenceSession(folder / "model.onnx", options)
    return lambda given: ordered(session.run(None, {"context": given.astype(np.float32)})[0])


def openvino(folder: Path, threads: int) -> Engine:
    """Intel's runtime on the exported network."""
    import openvino as runtime  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: PLC0415

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    model = runtime.compile_model(folder / "model.onnx", "CPU", settings)
    return lambda given: ordered(model(given.astype(np.float32))[0])


def ordered(paths: Any) -> Any:
    """The wanted steps of (series, levels, steps), sorted, as the engines give them."""
    return np.sort(paths[:, :, COLUMNS].swapaxes(1, 2), axis=-1)


BUILDERS: dict[str, Callable[[Path, int], Engine]] = {
    "stock": stock,
    "medium": lambda folder, threads: stock(folder, threads, "medium"),
    "int8": int8,
    "exact": exact,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
}


if __name__ == "__main__":
    sys.exit(main())
