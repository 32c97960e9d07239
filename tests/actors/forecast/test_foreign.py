"""Checkpoints that somebody else made: refused in one line, whatever is wrong with them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from actors.forecast.exact import ExactBolt
from actors.forecast.shape import SIZE_MAX, Shape
from actors.forecast.sources import EMBEDDED, locate
from domain.errors import SettingsInvalid

CONFIG: dict[str, Any] = json.loads((EMBEDDED / "config.json").read_text())
BOLT: dict[str, Any] = CONFIG["chronos_config"]


@pytest.mark.parametrize(
    "changes",
    [
        {"num_layers": 10**9},
        {"num_layers": 1.5},
        {"num_layers": True},
        {"num_heads": "8"},
        {"num_heads": 0},
        {"relative_attention_num_buckets": 0},
        {"relative_attention_num_buckets": 10**12},
        {"layer_norm_epsilon": float("nan")},
        {"layer_norm_epsilon": -1},
        {"decoder_start_token_id": -1},
        {"chronos_config": {**BOLT, "prediction_length": {}}},
        {"chronos_config": {**BOLT, "context_length": 10**12}},
        {"chronos_config": {**BOLT, "input_patch_size": 0}},
        {"chronos_config": {**BOLT, "input_patch_stride": 10**6}},
        {"chronos_config": {**BOLT, "quantiles": [0.5, 0.1]}},
        {"chronos_config": {**BOLT, "quantiles": [float("inf")]}},
        {"chronos_config": {**BOLT, "quantiles": "0.5"}},
        {"chronos_config": []},
    ],
    ids=str,
)
def test_a_size_that_no_network_has_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | changes))

    with pytest.raises(SettingsInvalid, match="does not describe"):
        Shape.read(tmp_path / "config.json")


@pytest.mark.parametrize("text", ["[" * 100_000, " " * (SIZE_MAX + 1), "{", "\x00", "[]"])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)

    with pytest.raises(SettingsInvalid, match="does not describe"):
        Shape.read(tmp_path / "config.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"input_patch_size": 13, "input_patch_stride": 13},
        {"input_patch_size": 32, "input_patch_stride": 8},
        {"quantiles": [*BOLT["quantiles"], 0.999]},
    ],
    ids=str,
)
def test_sizes_that_are_not_the_weights_are_found_when_it_is_loaded(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"chronos_config": BOLT | changes}))
    shutil.copyfile(EMBEDDED / "model.safetensors", tmp_path / "model.safetensors")

    with pytest.raises(SettingsInvalid, match=r"do not fit together|lacks weights"):
        ExactBolt(tmp_path, "odd")


@pytest.mark.parametrize(
    "header", [b"[" * 100_000, b"{}", b'{"a":1}', b'{"a":{"data_offsets":[]}}']
)
def test_a_header_that_is_none_is_refused(tmp_path: Path, header: bytes) -> None:
    shutil.copyfile(EMBEDDED / "config.json", tmp_path / "config.json")
    whole = len(header).to_bytes(8, "little") + header
    (tmp_path / "model.safetensors").write_bytes(whole)

    with pytest.raises(SettingsInvalid, match=r"does not hold weights|lacks weights"):
        ExactBolt(tmp_path, "headless")


@pytest.mark.parametrize(
    "pickle", ["pytorch_model.bin", "model.pt", "weights.pth", "model.pkl", "model.ckpt"]
)
def test_a_folder_with_a_pickle_in_place_of_safetensors_is_refused(
    tmp_path: Path, pickle: str
) -> None:
    shutil.copyfile(EMBEDDED / "config.json", tmp_path / "config.json")
    (tmp_path / pickle).write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")

    with pytest.raises(SettingsInvalid, match=f"{pickle} is a pickle") as refused:
        locate(str(tmp_path), tmp_path / "models")

    assert str(refused.value).isprintable()
