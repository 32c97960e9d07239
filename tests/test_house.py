"""The house rules that no linter knows."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from actors import messages
from domain.version import VERSION

ROOT = Path(__file__).parent.parent
TOPS = ("actors", "bin", "domain", "persistence", "tests")
SOURCES = sorted(path for top in TOPS for path in (ROOT / top).rglob("*.py"))
DOCUMENTS = sorted(
    (*ROOT.glob("*.md"), *(path for top in ("docs", *TOPS) for path in (ROOT / top).rglob("*.md")))
)
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 40
INBOXES = [union for name, union in vars(messages).items() if name.endswith("Inbox")]

MAY_CATCH_ANYTHING = {
    "actors/actor.py": "an actor's death is told before it lets go, and is the worse of two errors",
    "actors/dashboard/screen.py": "what its thread fails of, the actor dies of",
    "actors/dashboard/telemetry/sender.py": "whatever an endpoint does, the trader trades on",
    "actors/forecast/sources.py": "the hub's client raises kinds of three packages",
    "actors/supervisor/actor.py": "whatever an actor cannot be constructed for is its death",
    "tests/fuzz/hunt.py": "whatever an input breaks is what we look for",
    "tests/simulation/inboxes.py": "whatever an actor fails of is its death",
    "tests/simulation/life.py": "whatever a life fails of is told with its seed",
}
"""File by file why. A handler that raises the same again needs no leave."""

UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X")

a_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
a_document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


@a_source
def test_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES_MAX


@a_source
def test_every_function_fits_on_a_screen(path: Path) -> None:
    too_long = [
        f"{node.name}: {_code_lines(node)} lines"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _code_lines(node) > FUNCTION_LINES_MAX
    ]

    assert too_long == []


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the function without its docstring."""
    lines = (node.end_lineno or 0) - node.lineno + 1
    if ast.get_docstring(node) is None:
        return lines
    docstring = node.body[0]
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)


@a_source
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text()

    assert [word for word in UNFINISHED if re.search(rf"\b{word}\b", text)] == []


@a_source
def test_no_error_is_caught_that_is_not_named(path: Path) -> None:
    nameless = [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler | ast.Call) and _catches_anything(node)
    ]
    has_leave = str(path.relative_to(ROOT)) in MAY_CATCH_ANYTHING

    assert bool(nameless) == has_leave, nameless or "it has leave to, and does not"


def _catches_anything(node: ast.ExceptHandler | ast.Call) -> bool:
    """Whether this is a handler of all errors that does not raise the same again, or their end."""
    match node:
        case ast.ExceptHandler(body=[*_, ast.Raise(exc=None)]):
            return False
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=ast.expr() as named):
            return _names_everything(named)
        case ast.Call(func=ast.Name(id="suppress"), args=named):
            return any(map(_names_everything, named))
        case _:
            return False


def _names_everything(kinds: ast.expr) -> bool:
    named = {node.id for node in ast.walk(kinds) if isinstance(node, ast.Name)}
    return bool(named & {"Exception", "BaseException"})


def _everything_sent() -> set[Any]:
    """Each type that can be in an inbox, and each type found inside one of those."""
    found: set[Any] = set()
    waiting = [kind for union in INBOXES for kind in get_args(union) or (union,)]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting.extend(_inside(kind))
    return found


def _inside(kind: Any) -> Iterable[Any]:
    """The types of its fields, or its arguments. An array is set read-only by who makes it."""
    if get_origin(kind) is np.ndarray:
        return ()
    return get_type_hints(kind).values() if is_dataclass(kind) else get_args(kind)


def test_there_are_inboxes() -> None:
    assert INBOXES


@pytest.mark.parametrize("kind", sorted(_everything_sent(), key=str), ids=str)
def test_nothing_that_is_sent_can_change_afterwards(kind: Any) -> None:
    assert get_origin(kind) not in {list, dict, set}
    assert kind not in {list, dict, set, bytearray, Any}
    if is_dataclass(kind):
        assert vars(kind)["__dataclass_params__"].frozen


def _readme() -> str:
    return (ROOT / "README.md").read_text()


@a_document
def test_every_path_in_a_document_exists(path: Path) -> None:
    tops = r"(?:\.ci|actors|bin|docs|domain|persistence|tests)/[\w./*-]*|[\w-]+\.(?:txt|toml|md)"
    named = re.findall(rf"`({tops})[\s`]", path.read_text())

    assert [
        name
        for name in named
        if not any(ROOT.glob(name.rstrip("/"))) and not (path.parent / name).exists()
    ] == []


@a_document
def test_every_link_in_a_document_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", path.read_text())
    ours = [target for target in targets if not target.startswith("https://")]

    assert [target for target in ours if not _exists(path, target)] == []


def _exists(document: Path, target: str) -> bool:
    """Whether a link leads to a file, and to a heading of it where it names one."""
    name, _, heading = target.partition("#")
    file = document.parent / name if name else document
    if not heading:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return heading in {re.sub(r"[^\w -]", "", x.lower()).replace(" ", "-") for x in headings}


@a_document
def test_every_program_in_a_document_can_be_run(path: Path) -> None:
    named = re.findall(rf"python -m\s+((?:{'|'.join(TOPS)})[\w.]*)", path.read_text())
    files = [ROOT / name.replace(".", "/") for name in named]

    assert [
        file
        for file in files
        if not file.with_suffix(".py").is_file() and not (file / "__main__.py").is_file()
    ] == []


def test_the_documents_and_what_they_name_are_found() -> None:
    assert {"README.md", "CHANGELOG.md", "architecture.md"} <= {path.name for path in DOCUMENTS}
    assert "`domain/ledger.py`" in _readme()
    assert _exists(ROOT / "README.md", "docs/architecture.md#the-layers")
    assert not _exists(ROOT / "README.md", "docs/architecture.md#no-such-heading")
    assert not _exists(ROOT / "README.md", "docs/no-such-file.md")


def test_the_changelog_has_this_version() -> None:
    versions = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}$", _changelog(), re.MULTILINE)

    assert versions[0] == VERSION
    assert versions == sorted(versions, key=lambda x: [*map(int, x.split("."))], reverse=True)


def _changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text()


def test_every_command_in_the_readme_can_be_run() -> None:
    named = {name for name, _ in _commands(_readme())}

    assert {"plasmatrader", "pt-state", "check"} <= named
    assert [name for name in sorted(named) if not os.access(ROOT / "bin" / name, os.X_OK)] == []


def test_every_option_in_the_readme_is_in_the_help_of_its_command() -> None:
    unknown = [
        f"bin/{name} {option}"
        for name, rest in _commands(_readme())
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest)
        if not re.search(rf"{option}(?![\w-])", _help(name))
    ]

    assert unknown == []


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of ours that a text names, with all that follows until the next one."""
    parts = re.split(r"(?<![\w./-])bin/([a-z-]+)(?![\w/-])", text)
    return zip(parts[1::2], parts[2::2], strict=True)


@cache
def _help(name: str) -> str:
    """What a command says about itself and about each of its subcommands."""
    program = re.findall(r'^start \w+ (.*) "\$@"$', (ROOT / "bin" / name).read_text(), re.MULTILINE)
    arguments = [word.strip('"').replace("$setup", "bin/setup") for word in program[0].split()]
    whole = _said(*arguments, "--help")
    subcommands = re.search(r"^  \{([\w,-]+)\}", whole, re.MULTILINE)
    if subcommands is None:
        return whole
    return whole + "".join(_said(*arguments, word, "--help") for word in subcommands[1].split(","))


def _said(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, check=True, cwd=ROOT, text=True
    )
    return done.stdout
