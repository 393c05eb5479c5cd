"""Gates: nodes that stop a run until a person says how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from langgraph.types import interrupt


def gates(graph: Pregel[Any, Any, Any, Any]) -> list[str]:
    """Return the nodes of a graph, and of graphs inside it, at which it waits for a person.

    Found are nodes whose code names LangGraph's `interrupt`, and those that the graph was compiled
    to stop at; a call that is hidden in a function of a function is not.
    """
    stops = [*_listed(graph.interrupt_before_nodes), *_listed(graph.interrupt_after_nodes)]
    found = [name for name in graph.nodes if name in stops or "*" in stops]
    builder = graph.builder if isinstance(graph, CompiledStateGraph) else None
    for name, node in (builder.nodes if builder else {}).items():
        runnable: Any = node.runnable
        function = getattr(runnable, "afunc", None) or getattr(runnable, "func", None)
        if function is not None and _names_interrupt(function):
            found.append(name)
    for name, inner in graph.get_subgraphs():
        found += [f"{name}.{gate}" for gate in gates(inner)] if isinstance(inner, Pregel) else []
    return list(dict.fromkeys(name for name in found if name != "__start__"))


def _listed(nodes: Any) -> list[str]:
    return [nodes] if isinstance(nodes, str) else list(nodes or ())


def _names_interrupt(function: Any) -> bool:
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    values = getattr(function, "__globals__", {})
    cells = getattr(function, "__closure__", None) or ()
    kept = [cell.cell_contents for cell in cells if _is_set(cell)]
    return any(values.get(name) is interrupt for name in _names(code)) or interrupt in kept


def _names(code: CodeType) -> Iterator[str]:
    """Return the names that a code uses, in functions inside it, too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_set(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
