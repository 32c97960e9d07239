import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter

import pytest

from actors.forecast.engine import CORE, fingerprint
from actors.forecast.engines import choose
from actors.forecast.sources import EMBEDDED, PINS, PINS_FILE, Pin, locate
from actors.forecast.stock import ChronosBolt
from actors.forecast.verification import RECORDS, Verification, identity
from domain.errors import SettingsInvalid
from tests.actors.forecast import made, shapes

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Hub:
    """A loopback server with the hub's file routes and one model."""

    url: str
    asked: list[str]


@pytest.fixture(scope="module")
def nine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.checkpoint(tmp_path_factory.mktemp("nine"), levels=CORE)


def answering(nine: Path, asked: list[str], promised: str) -> type[BaseHTTPRequestHandler]:
    """The published model's files, at `main` and at one commit; `promised` is their hash."""

    class Routes(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            _, owner, name, *rest = self.path.split("/")
            file = nine / rest[-1]
            known = (owner, name, rest[:2]) == ("amazon", "chronos-bolt-small", ["resolve", "main"])
            if not known and rest[:2] != ["resolve", COMMIT]:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            told = promised or f"{file.stat().st_size:040x}"
            self.send_header("ETag", f'"{told}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(file.stat().st_size))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(file.read_bytes())

        def do_GET(self) -> None:
            self.do_HEAD()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Routes


@pytest.fixture
def hub(
    nine: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Hub]:
    asked: list[str] = []
    # Its weights are not the published ones.
    monkeypatch.delitem(PINS, "amazon/chronos-bolt-small")
    routes = answering(nine, asked, getattr(request, "param", ""))
    with ThreadingHTTPServer(("127.0.0.1", 0), routes) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", url)
        yield Hub(url, asked)
        server.shutdown()
        thread.join()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)


def test_embedded_asks_nobody(hub: Hub, tmp_path: Path) -> None:
    located = locate("embedded", tmp_path / "models")

    assert (located.folder, located.label, located.notes) == (EMBEDDED, "embedded", ())
    assert hub.asked == []
    assert not (tmp_path / "models").exists()


def test_auto_takes_the_published_model_where_the_hub_answers(hub: Hub, tmp_path: Path) -> None:
    located = locate("auto", tmp_path)

    assert located.label == "amazon/chronos-bolt-small"
    assert located.notes == ("using amazon/chronos-bolt-small",)
    assert ChronosBolt(located.folder, located.label).forecast(made.paths(1)).shape == (1, 5, 13)
    assert len(hub.asked) >= 2


def test_what_was_downloaded_once_is_not_asked_for_again(hub: Hub, tmp_path: Path) -> None:
    first = locate("amazon/chronos-bolt-small", tmp_path)
    hub.asked.clear()

    again = locate("amazon/chronos-bolt-small", tmp_path)

    assert again.folder == first.folder
    assert hub.asked == []


@pytest.mark.usefixtures("nowhere")
def test_auto_without_a_hub_takes_the_embedded_model_soon_and_says_so(tmp_path: Path) -> None:
    began = perf_counter()

    located = locate("auto", tmp_path)

    assert perf_counter() - began < 10
    assert (located.folder, located.label) == (EMBEDDED, "embedded")
    assert "using embedded" in located.notes[0]


@pytest.mark.parametrize("name", ["chronos-bolt-medium", "amazon/chronos-bolt-medium"])
@pytest.mark.usefixtures("nowhere")
def test_the_model_that_was_never_published_is_answered_with_another(
    name: str, tmp_path: Path
) -> None:
    located = locate(name, tmp_path)

    assert located.label == "embedded"
    assert located.notes[0] == f"{name} was never published"
    assert "using embedded" in located.notes[1]


@pytest.mark.usefixtures("hub")
def test_the_model_that_was_never_published_is_small_where_that_can_be_had(
    tmp_path: Path,
) -> None:
    located = locate("amazon/chronos-bolt-medium", tmp_path)

    assert located.label == "amazon/chronos-bolt-small"
    assert len(located.notes) == 2


@pytest.mark.usefixtures("nowhere")
def test_a_hub_model_that_cannot_be_had_names_itself_and_the_way_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SettingsInvalid, match=r"some/model.*--model embedded"):
        locate("some/model", tmp_path)

    # The log has the error whole, down to the socket that was refused.
    assert "Traceback" in caplog.text
    assert "Connection refused" in caplog.text


@pytest.mark.usefixtures("hub")
def test_a_hub_model_that_does_not_exist_names_itself_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"some/model.*--model embedded"):
        locate("some/model", tmp_path)


def test_a_hub_that_is_switched_off_is_not_asked(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(SettingsInvalid, match="switched off"):
        locate("amazon/chronos-bolt-tiny", tmp_path)

    assert hub.asked == []


def test_a_folder_is_taken_as_it_is(nine: Path, tmp_path: Path) -> None:
    located = locate(str(nine), tmp_path)

    assert (located.folder, located.label) == (nine, nine.name)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_names_it(missing: str, tmp_path: Path) -> None:
    for file in {"config.json", "model.safetensors", "pytorch_model.bin"} - {missing}:
        (tmp_path / file).write_bytes(b"{}")

    with pytest.raises(SettingsInvalid, match=missing):
        locate(str(tmp_path), tmp_path / "models")


@pytest.mark.parametrize("name", ["/no/such/folder", "./model", "folder"])
def test_a_folder_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no model folder"):
        locate(name, tmp_path)


@pytest.mark.usefixtures("hub")
def test_what_was_downloaded_first_is_written_down(nine: Path, tmp_path: Path) -> None:
    locate("amazon/chronos-bolt-small", tmp_path)

    pins = json.loads((tmp_path / PINS_FILE).read_text())
    assert pins == {"amazon/chronos-bolt-small": {"revision": COMMIT, "sha256": fingerprint(nine)}}


@pytest.mark.usefixtures("hub")
def test_a_model_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    located = locate("amazon/chronos-bolt-small", tmp_path)
    weights = located.folder / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.unlink()
    weights.write_bytes(changed)

    with pytest.raises(SettingsInvalid, match=r"chronos-bolt-small.*not those that were pinned"):
        locate("amazon/chronos-bolt-small", tmp_path)
    assert "using embedded" in locate("auto", tmp_path).notes[0]


def test_a_pinned_model_is_fetched_at_its_revision_again(hub: Hub, tmp_path: Path) -> None:
    first = locate("amazon/chronos-bolt-small", tmp_path)
    shutil.rmtree(first.folder.parents[1])
    hub.asked.clear()

    again = locate("amazon/chronos-bolt-small", tmp_path)

    assert again.folder == first.folder
    assert all(COMMIT in path for path in hub.asked)


@pytest.mark.usefixtures("hub")
def test_another_model_under_a_known_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pin = Pin(COMMIT, "75" * 32)
    monkeypatch.setitem(PINS, "amazon/chronos-bolt-small", pin)

    with pytest.raises(SettingsInvalid, match="instead of 757575757575"):
        locate("amazon/chronos-bolt-small", tmp_path)


@pytest.mark.parametrize("name", PINS)
@pytest.mark.usefixtures("nowhere")
def test_weights_that_are_not_the_published_ones_are_refused_under_their_names(
    name: str, nine: Path, tmp_path: Path
) -> None:
    snapshot = tmp_path / f"models--{name.replace('/', '--')}" / "snapshots" / PINS[name].revision
    shutil.copytree(nine, snapshot)

    with pytest.raises(SettingsInvalid, match=f"instead of {PINS[name].sha256[:12]}"):
        locate(name, tmp_path)


def test_all_published_sizes_are_pinned() -> None:
    assert set(PINS) == {f"amazon/chronos-bolt-{size}" for size in shapes.PUBLISHED}
    assert all(re.fullmatch(r"[0-9a-f]{40}", pin.revision) for pin in PINS.values())
    assert all(re.fullmatch(r"[0-9a-f]{64}", pin.sha256) for pin in PINS.values())


@pytest.mark.parametrize("hub", ["75" * 32], indirect=True)
@pytest.mark.usefixtures("hub")
def test_weights_that_are_not_what_the_hub_promised_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"not what the hub promised.* instead of 757575"):
        locate("amazon/chronos-bolt-small", tmp_path)


@pytest.mark.usefixtures("hub")
def test_pins_that_cannot_be_read_let_no_model_in(tmp_path: Path) -> None:
    (tmp_path / PINS_FILE).write_text("[1]")

    with pytest.raises(SettingsInvalid, match="cannot be read"):
        locate("amazon/chronos-bolt-small", tmp_path)


@pytest.mark.usefixtures("hub")
def test_auto_takes_the_embedded_model_where_the_published_one_cannot_be_trusted(
    tmp_path: Path,
) -> None:
    located = locate("amazon/chronos-bolt-small", tmp_path)
    record = Verification(identity(located.folder), 1.0, "chronos-forecasting 2")
    (tmp_path / RECORDS).write_text(json.dumps({record.checkpoint: asdict(record)}))

    choice = choose("auto", "exact", tmp_path)

    assert choice.located.label == "embedded"
    assert "not used" in choice.located.notes[0]
    with pytest.raises(SettingsInvalid, match="not used"):
        choose("amazon/chronos-bolt-small", "exact", tmp_path)
