"""A folder with a model that somebody else made."""

import json
from functools import cache
from pathlib import Path

import numpy as np

from actors.forecast.exact import ExactBolt
from actors.forecast.sources import EMBEDDED
from domain.errors import SettingsInvalid
from tests.fuzz.target import Target, chosen, told_in_one_line

CLOSES = 60_000 + np.cumsum(np.random.default_rng(0).normal(0, 10, (1, 200)), axis=1)


def check_model(data: bytes, folder: Path) -> None:
    """A `config.json`, a header of weights, or a file of weights."""
    way, content = chosen(data, 3)
    config, weights = folder / "config.json", folder / "model.safetensors"
    config.write_bytes(content if way == 0 else _config())
    if way == 2:
        weights.write_bytes(content)
    else:
        header = content if way == 1 else _header()
        weights.write_bytes(len(header).to_bytes(8, "little") + header + _numbers())
    try:
        model = ExactBolt(folder, "fuzzed", threads=1)
        prices = model.forecast(CLOSES)
    except SettingsInvalid as error:
        told_in_one_line(error)
        return
    assert prices.shape == (1, 5, 13)


@cache
def _config() -> bytes:
    return (EMBEDDED / "config.json").read_bytes()


@cache
def _parts() -> tuple[bytes, bytes]:
    whole = (EMBEDDED / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")
    return whole[8:end], whole[end:]


def _header() -> bytes:
    return _parts()[0]


def _numbers() -> bytes:
    return _parts()[1]


def model_seeds() -> list[bytes]:
    """The embedded model's configuration and header, and the smallest file of weights."""
    entry = {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}
    header = json.dumps({"shared.weight": entry}).encode()
    small = len(header).to_bytes(8, "little") + header + bytes(8)
    return [b"\x00" + _config(), b"\x01" + _header(), b"\x02" + small]


MODEL = Target("model", check_model, model_seeds, head=1)
