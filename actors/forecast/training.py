"""The training itself: draws windows, improves the network, keeps the best, can be resumed."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from actors.forecast import exam, network, objective, resting, synthetic
from actors.forecast.exam import Paper
from actors.forecast.windows import HORIZON, Mixture
from actors.forecast.yardstick import FLOOR
from domain.errors import SettingsInvalid
from domain.horizons import CONTEXT
from domain.units import Floats

SYNTHETIC = 0.05
"""Share of made-up series in a batch."""

MEMORY = 0.999
"""Decay of the running average of the weights; the average is what is judged and kept."""

PEAK, PEAK_AGAIN, END = 1.5e-3, 3e-4, 2e-5
"""Highest learning rate of the cosine, that of a network which was trained before, and the last."""

WARM = 300
"""Steps until the highest learning rate."""

PATIENCE = 24
"""Examinations in a row without a better grade that end a training."""

BATCH = 256
"""Windows in a step."""

BETWEEN = 200
"""Steps from one line of progress, and one resting point, to the next."""

STRETCHES = 5
"""Lines of progress from one examination to the next."""

RESUME = "resume.safetensors"
"""File in the output folder from which the same command goes on."""

FORMER = "resume.pt"
"""What it was called while it was a pickle."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long to train and how often to look."""

    seconds: float
    """Training time, examinations included [s]."""
    steps: int
    """Steps at most."""
    seed: int = 0
    """Of the windows that are drawn."""
    peak: float = PEAK
    """Highest learning rate."""
    half: bool = True
    """Compute the transformer in bfloat16: faster, and too coarse for the last of the learning."""


class Training:
    """One network on its way, with everything that is needed to go on later."""

    def __init__(
        self, model: ChronosBoltModelForForecasting, schedule: Schedule, out: Path, settings: str
    ) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.to(self._device)
        average = get_ema_multi_avg_fn(MEMORY)
        self._average = AveragedModel(self._model, multi_avg_fn=average)
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(),
            lr=schedule.peak,
            betas=(0.9, 0.98),
            weight_decay=0.01,
            fused=True,
        )
        self._schedule = schedule
        self._out = out
        self._settings = settings
        self._rng = np.random.default_rng(schedule.seed)
        self._step = 0
        self._examined = 0
        self._seconds = 0.0
        self._best = math.inf
        self._stale = 0

    def run(self, mixture: Mixture, papers: tuple[Paper, ...], say: Callable[[str], None]) -> float:
        """Train until time, steps or patience are used up; returns the best grade.

        The best weights so far are always in the output folder, and beside them what is needed
        to resume from the last line of progress.
        """
        self._model.train()
        while not self._finished():
            for _ in range(STRETCHES):
                if self._progress() < 1:
                    say(self._stretch(mixture))
            say(self._examine(papers))
        return self._best

    def resume(self) -> bool:
        """Go on from the output folder; False where nothing was begun there.

        Raises:
            SettingsInvalid: what was begun there has other settings, or cannot be read.
        """
        file = self._out / RESUME
        if not file.exists() and (self._out / FORMER).exists():
            raise SettingsInvalid(
                f"{self._out} holds a training of an earlier version; take another --out"
            )
        if not file.exists():
            return False
        state = resting.read(file, self._device)
        if state["settings"] != self._settings:
            raise SettingsInvalid(f"{self._out} holds a training with other settings")
        self._model.load_state_dict(state["model"])
        self._average.load_state_dict(state["average"])
        held = state["optimizer"]["state"]
        state["optimizer"]["state"] = {int(number): one for number, one in held.items()}
        self._optimizer.load_state_dict(state["optimizer"])
        self._rng.bit_generator.state = json.loads(state["draws"])
        self._step, self._examined = state["step"], state["examined"]
        self._stale = state["stale"]
        self._seconds, self._best = state["seconds"], state["best"]
        return True

    def _store(self) -> None:
        """Write down everything that `resume` needs, all or nothing."""
        state = {
            "settings": self._settings,
            "model": self._model.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "draws": json.dumps(self._rng.bit_generator.state),
            "step": self._step,
            "examined": self._examined,
            "stale": self._stale,
            "seconds": self._seconds,
            "best": self._best,
        }
        resting.write(self._out / RESUME, state)

    def _progress(self, running: float = 0.0) -> float:
        """Share of the training that is done."""
        by_time = (self._seconds + running) / self._schedule.seconds
        return max(by_time, self._step / self._schedule.steps)

    def _finished(self) -> bool:
        """Whether nothing is left to do: what was learnt last has been examined, too."""
        enough = self._progress() >= 1 or self._stale >= PATIENCE
        return enough and self._examined == self._step

    def _draw(self, mixture: Mixture) -> tuple[torch.Tensor, torch.Tensor]:
        """One batch: prices relative to the context's last close, minus one; what is usual."""
        made = int(self._rng.binomial(BATCH, SYNTHETIC))
        real = mixture.draw(BATCH - made, self._rng)
        fake = synthetic.log_prices(made, CONTEXT + HORIZON, self._rng)
        logs = np.concatenate([np.log(real.closes), fake])
        usual = np.concatenate([real.usual, np.diff(fake[:, :CONTEXT]).std(axis=1) + FLOOR])
        prices, scale = (
            torch.tensor(values, dtype=torch.float32, device=self._device)
            for values in (relative(logs, self._rng), usual)
        )
        return prices, scale

    def _improve(self, prices: torch.Tensor, usual: torch.Tensor) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._step, self._progress(), self._schedule.peak)
        half = self._schedule.half
        scaled = network.raw_quantiles(self._model, prices[:, :CONTEXT], half=half)
        loss = objective.loss(*scaled, prices, usual)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._average.update_parameters(self._model)
        self._step += 1
        return loss.item()

    def _stretch(self, mixture: Mixture) -> str:
        """Some steps, then a resting point; returns a line of progress."""
        began, losses = perf_counter(), []
        for _ in range(BETWEEN):
            losses.append(self._improve(*self._draw(mixture)))
            if self._progress(perf_counter() - began) >= 1:
                break
        took = perf_counter() - began
        self._seconds += took
        self._store()
        done = self._progress()
        left = max(0.0, self._seconds * (1 - done) / done) / 60
        return (
            f"step {self._step}  {done:.0%}  loss {np.mean(losses):.4f}  "
            f"{len(losses) * BATCH / took:.0f} windows/s  {left:.0f} min left"
        )

    def _examine(self, papers: tuple[Paper, ...]) -> str:
        """Grade the averaged weights, save them where they are the best; returns a line."""
        began = perf_counter()
        grade = exam.grade(self._average.module, papers)
        self._examined = self._step
        self._stale += 1
        if grade < self._best:
            self._best, self._stale = grade, 0
            network.save(self._average.module, self._out)
        self._seconds += perf_counter() - began
        self._store()
        return f"examined: {grade:.4f} of rw-ewma's loss, best {self._best:.4f}"


def learning_rate(step: int, progress: float, peak: float) -> float:
    """Linear from zero for `WARM` steps, then half a cosine of the whole training."""
    cosine = END + (peak - END) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
    return cosine * min(1.0, (step + 1) / WARM)


def relative(logs: Floats, rng: np.random.Generator) -> Floats:
    """Log prices (n, ...) to prices relative to the context's last close, minus one.

    Half the windows are mirrored (price to one over price), so that no trend of the past years
    becomes a belief about the median.
    """
    mirror = rng.choice([-1.0, 1.0], (len(logs), 1))
    return np.asarray(np.expm1(mirror * (logs - logs[:, CONTEXT - 1 : CONTEXT])))
