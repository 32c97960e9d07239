"""What no code of ours may do: what the threat model promises of it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path.relative_to(ROOT)
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
"""How the names of what opens a socket to listen on end; what inherits from one counts, too."""

LOOPBACK = {"127.0.0.1", "LOOPBACK", "HOST"}
"""Where one may listen; the names are constants of this value."""


def test_nothing_that_is_read_is_run() -> None:
    modules = {
        f"{path}: {name}"
        for path in SOURCES
        for name in _imported(_tree(path))
        if name.partition(".")[0] in UNSAFE_MODULES and str(path) != TRUSTS_ITS_CLUSTER
    }

    assert modules == set()
    assert [_where(path, call) for path, name, call in _every() if name in UNSAFE_CALLS] == []


def test_arrays_are_read_without_objects_in_them() -> None:
    loads = [(path, call) for path, name, call in _every() if name in {"np.load", "numpy.load"}]

    assert loads
    assert [_where(*x) for x in loads if not _says(x[1], "allow_pickle", wanted=False)] == []


def test_models_are_read_as_safetensors_and_bring_no_code() -> None:
    loads = [(path, call) for path, name, call in _every() if name.endswith(".from_pretrained")]

    assert loads
    assert [_where(*x) for x in loads if not _says(x[1], "use_safetensors", wanted=True)] == []
    assert [_where(*x) for x in loads if not _says(x[1], "local_files_only", wanted=True)] == []


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("shell", True), ("trust_remote_code", True), ("verify", False), ("check_hostname", False)],
)
def test_no_shell_no_foreign_code_and_no_certificate_left_unchecked(
    word: str, *, wanted: bool
) -> None:
    assert [_where(x, call) for x, _, call in _every() if _says(call, word, wanted=wanted)] == []


def test_who_listens_listens_on_loopback() -> None:
    listening = [(x, call) for x, name, call in _every() if name.endswith(LISTENERS) and call.args]
    listening += [
        (path, call)
        for path in SOURCES
        for kind in ast.walk(_tree(path))
        if isinstance(kind, ast.ClassDef)
        and any(ast.unparse(base).endswith(LISTENERS) for base in kind.bases)
        for name, call in _calls(kind)
        if name == "super().__init__"
    ]
    named = [
        ast.unparse(node.value)
        for path in SOURCES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in LOOPBACK
    ]

    assert len(listening) >= 2
    assert [
        _where(path, call)
        for path, call in listening
        if not any(name in ast.unparse(call.args[0]) for name in LOOPBACK)
    ] == []
    assert set(named) <= {"'127.0.0.1'"}


def test_the_rules_find_what_they_forbid() -> None:
    tree = ast.parse(
        "import pickle.x\nfrom yaml import load\nnp.load('x')\na.b.HTTPServer(('', 1))\n"
    )

    assert {name.partition(".")[0] for name in _imported(tree)} == {"pickle", "yaml"}
    assert [called for called, _ in _calls(tree)] == ["np.load", "a.b.HTTPServer"]
    assert not any(_says(call, "allow_pickle", wanted=False) for _, call in _calls(tree))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


@cache
def _every() -> list[tuple[Path, str, ast.Call]]:
    """Each call of ours: the file, the name that is called, the call."""
    return [(path, name, call) for path in SOURCES for name, call in _calls(_tree(path))]


def _where(path: Path, call: ast.Call) -> str:
    return f"{path}:{call.lineno}: {ast.unparse(call)}"


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
