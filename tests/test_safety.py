"""What no code of ours may do: what the threat model promises of it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for top in ("actors", "bin", "domain", "persistence")
    for path in (ROOT / top).rglob("*.py")
)

UNSAFE_MODULES = {
    *("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"),
    *("yaml", "ruamel", "code", "codeop", "xmlrpc", "telnetlib", "ftplib"),
}
"""Reading with these runs what was written, or sends it in the clear."""

TRUSTS_ITS_CLUSTER = "actors/backtest/cluster.py"
"""Dask sends functions and results as pickles; only who was given a scheduler's address does."""

UNSAFE_CALLS = {
    *("eval", "exec", "compile", "__import__", "input"),
    *("os.system", "os.popen", "tempfile.mktemp", "ssl._create_unverified_context"),
    *("torch.load", "torch.save", "torch.hub.load", "pd.read_pickle", "pandas.read_pickle"),
}

LISTENERS = ("bind", "create_server", "start_server", "HTTPServer", "TCPServer", "UDPServer")
"""How the names of what opens a socket to listen on end."""

LOOPBACK = {"127.0.0.1", "LOOPBACK", "HOST"}
"""Where one may listen; the names are constants of this value."""

a_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))


@a_source
def test_nothing_that_is_read_is_run(path: Path) -> None:
    tree = _tree(path)

    modules = {name.partition(".")[0] for name in _imported(tree)}
    trusted = {"pickle"} if path.relative_to(ROOT).as_posix() == TRUSTS_ITS_CLUSTER else set()
    assert modules & UNSAFE_MODULES <= trusted
    assert [called for called, _ in _calls(tree) if called in UNSAFE_CALLS] == []


@a_source
def test_arrays_are_read_without_objects_in_them(path: Path) -> None:
    loads = [call for called, call in _calls(_tree(path)) if called in {"np.load", "numpy.load"}]

    assert [
        ast.unparse(call) for call in loads if not _says(call, "allow_pickle", wanted=False)
    ] == []


@a_source
def test_models_are_read_as_safetensors_and_bring_no_code(path: Path) -> None:
    for called, call in _calls(_tree(path)):
        assert not _says(call, "trust_remote_code", wanted=True)
        if called.endswith(".from_pretrained"):
            assert _says(call, "use_safetensors", wanted=True), ast.unparse(call)
            assert _says(call, "local_files_only", wanted=True), ast.unparse(call)


@a_source
def test_no_shell_is_started_and_no_certificate_left_unchecked(path: Path) -> None:
    for _, call in _calls(_tree(path)):
        assert not _says(call, "shell", wanted=True), ast.unparse(call)
        assert not _says(call, "verify", wanted=False), ast.unparse(call)
        assert not _says(call, "check_hostname", wanted=False), ast.unparse(call)


@a_source
def test_who_listens_listens_on_loopback(path: Path) -> None:
    tree = _tree(path)
    for called, call in _calls(tree):
        if called.endswith(LISTENERS) and call.args:
            said = ast.unparse(call.args[0])
            assert any(name in said for name in LOOPBACK), f"{path.name}: {ast.unparse(call)}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in LOOPBACK:
            assert ast.unparse(node.value) == "'127.0.0.1'"


def test_the_rules_find_what_they_forbid() -> None:
    tree = ast.parse(
        "import pickle.x\nfrom yaml import load\nnp.load('x')\na.b.HTTPServer(('', 1))\n"
    )

    assert {name.partition(".")[0] for name in _imported(tree)} == {"pickle", "yaml"}
    assert [called for called, _ in _calls(tree)] == ["np.load", "a.b.HTTPServer"]
    assert not any(_says(call, "allow_pickle", wanted=False) for _, call in _calls(tree))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Each call with the name that is called, in the order of the text."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found.sort(key=lambda call: (call.lineno, call.col_offset))
    return [(ast.unparse(call.func), call) for call in found]


def _says(call: ast.Call, name: str, *, wanted: bool) -> bool:
    return any(
        keyword.arg == name
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is wanted
        for keyword in call.keywords
    )
