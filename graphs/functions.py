"""The function behind a node or a router, and what it says it returns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import FunctionType, MethodType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def function_of(runnable: Any) -> FunctionType | None:
    """Return the function that is run in the end.

    Args:
        runnable: A function, a partial, a method, an object that can be called, or what LangGraph
            makes of one of these.
    """
    found = getattr(runnable, "func", None) or getattr(runnable, "afunc", None) or runnable
    while isinstance(found, partial | MethodType):
        found = found.func if isinstance(found, partial) else found.__func__
    if not isinstance(found, FunctionType):
        found = vars(type(found)).get("__call__")
    return found if isinstance(found, FunctionType) else None


def owner_of(runnable: Any) -> type | None:
    """Return the class whose method, or whose object, is run in the end."""
    found = getattr(runnable, "func", None) or getattr(runnable, "afunc", None) or runnable
    while isinstance(found, partial):
        found = found.func
    if isinstance(found, FunctionType):
        return None
    return type(found.__self__ if isinstance(found, MethodType) else found)


def returned(runnable: Any) -> Any:
    """Return what a function says it returns; None where it says nothing that can be read."""
    try:
        return get_type_hints(function_of(runnable)).get("return")
    except Exception:  # names that only a type checker knows
        return None


def labels_of(hint: Any) -> set[Any] | None:
    """Return the labels that a type allows, None where it does not name them all."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    if get_origin(hint) not in (Union, UnionType) and not is_many(hint):
        return None
    labels: set[Any] = set()
    for part in get_args(hint):
        found = labels_of(part)
        if found is None:
            return None
        labels |= found
    return labels or None


def is_many(hint: Any) -> bool:
    """Return whether a type is one of several labels at once."""
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Sequence)
