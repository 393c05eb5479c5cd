"""Gates: nodes that stop a run until a person says how to go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from langgraph.types import interrupt

from .functions import function_of, owner_of

LIBRARIES = frozenset(
    {*sys.stdlib_module_names, "langgraph", "langchain", "langchain_core", __name__.split(".")[0]}
)
"""Packages in whose functions no gate is looked for."""


def gates(graph: Pregel[Any, Any, Any, Any]) -> list[str]:
    """Return the nodes of a graph, and of graphs inside it, at which it waits for a person.

    Found are nodes whose code names LangGraph's `interrupt`, itself or in functions that it names,
    and those that the graph was compiled to stop at.
    """
    stops = [*_listed(graph.interrupt_before_nodes), *_listed(graph.interrupt_after_nodes)]
    found = [name for name in graph.nodes if name in stops or "*" in stops]
    builder = graph.builder if isinstance(graph, CompiledStateGraph) else None
    for name, node in (builder.nodes if builder else {}).items():
        if _names_interrupt(function_of(node.runnable), owner_of(node.runnable), set()):
            found.append(name)
    for name, inner in graph.get_subgraphs():
        found += [f"{name}.{gate}" for gate in gates(inner)] if isinstance(inner, Pregel) else []
    return list(dict.fromkeys(name for name in found if name != "__start__"))


def _listed(nodes: Any) -> list[str]:
    return [nodes] if isinstance(nodes, str) else list(nodes or ())


def _names_interrupt(
    function: FunctionType | None, owner: type | None, seen: set[FunctionType]
) -> bool:
    """Tell whether a function, or one that it names, names `interrupt`."""
    if function is None or function in seen:
        return False
    seen.add(function)
    names = set(_names(function.__code__))
    if {"interrupt", "langgraph.types"} <= names:  # imported inside
        return True
    for value in _named(function, owner, names):
        if value is interrupt:
            return True
        inner = function_of(value) if callable(value) and not isinstance(value, type) else None
        if inner is not None and _is_own(inner):
            within = owner if inner in vars(owner or object).values() else owner_of(value)
            if _names_interrupt(inner, within, seen):
                return True
    return False


def _is_own(function: FunctionType) -> bool:
    return str(function.__module__).split(".")[0] not in LIBRARIES


def _named(function: FunctionType, owner: type | None, names: set[str]) -> Iterator[object]:
    """Return what the names of a code stand for, as far as that is known before it runs."""
    values = [function.__globals__[name] for name in names if name in function.__globals__]
    values += [cell.cell_contents for cell in function.__closure__ or () if _is_set(cell)]
    yield from values
    for value in values:
        if isinstance(value, ModuleType):
            yield from (vars(value)[name] for name in names if name in vars(value))
    for kind in owner.__mro__ if owner is not None else ():
        yield from (vars(kind)[name] for name in names if name in vars(kind))


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
