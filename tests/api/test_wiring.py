"""The architecture, where a test can see it: one place for all edges of a graph."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("massgraph", "nodes", "backends", "graphs")
WIRING = {
    "add_node",
    "add_edge",
    "add_conditional_edges",
    "add_sequence",
    "set_entry_point",
    "set_finish_point",
    "set_conditional_entry_point",
}


def sources(folder: str) -> list[Path]:
    """Return the modules of a folder, without those behind the links beside it."""
    links = [path for path in (ROOT / "massgraph").iterdir() if path.is_symlink()]
    found = (ROOT / folder).rglob("*.py")
    return sorted(p for p in found if not any(link in p.parents for link in links))


def calls_of(path: Path) -> set[str]:
    """Return the names of all methods that a module calls."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_only_graphs_are_wired(folder: str) -> None:
    """A reader finds every edge in `graphs`, and nowhere else."""
    wiring = {path.name for path in sources(folder) if calls_of(path) & WIRING}
    assert bool(wiring) == (folder == "graphs")


@pytest.mark.parametrize("path", sources("graphs"), ids=lambda path: path.name)
def test_nodes_first_and_then_edges(path: Path) -> None:
    """Within a function all nodes are added before the first edge, so that both read as a table."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        calls = [
            (node.lineno, node.func.attr)
            for node in ast.walk(function)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in WIRING
        ]
        kinds = [name == "add_node" for _, name in sorted(calls)]
        assert kinds == sorted(kinds, reverse=True)


@pytest.mark.parametrize("folder", ["nodes", "graphs"])
def test_no_node_decides_where_to_go(folder: str) -> None:
    """Nodes return state, edges decide: nothing returns LangGraph's `Command`."""
    for path in sources(folder):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            alias.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names
        }
        assert not names & {"Command", "Send"}, path
