"""Where a training rests: tensors as safetensors, all else as JSON beside them; never a pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from domain.errors import SettingsInvalid

Tree = dict[str, Any]
"""Names to tensors, to what JSON knows, or to more of the same; no name has a slash in it."""

REST = "rest"
"""Key of the file's metadata under which everything but the tensors is."""


def write(file: Path, state: Tree) -> None:
    """Replace the file as a whole; tensors that share memory come back apart."""
    tensors: dict[str, torch.Tensor] = {}
    rest = _parted(state, "", tensors)
    fresh = file.with_name(file.name + ".tmp")
    save_file(tensors, fresh, metadata={REST: json.dumps(rest)})
    fresh.replace(file)


def read(file: Path, device: torch.device) -> Tree:
    """What was written; numbers that were keys are text now.

    Raises:
        SettingsInvalid: it is damaged, or none of ours.
    """
    try:
        with safe_open(file, "pt", device=str(device)) as held:
            state: Tree = json.loads(held.metadata()[REST])
            for name in held.keys():  # noqa: SIM118 - it is no mapping
                *path, last = name.split("/")
                place = state
                for step in path:
                    place = place[step]
                place[last] = held.get_tensor(name)
    except (KeyError, OSError, SafetensorError, TypeError, ValueError) as error:
        raise SettingsInvalid(f"cannot resume from {file}: it is damaged") from error
    return state


def _parted(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """The value without its tensors; they go under their whole names."""
    if isinstance(value, torch.Tensor):
        tensors[name] = value.detach().clone().contiguous()
        return None
    if isinstance(value, dict):
        within = f"{name}/" if name else ""
        return {str(key): _parted(x, f"{within}{key}", tensors) for key, x in value.items()}
    return value
