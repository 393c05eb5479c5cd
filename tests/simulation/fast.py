"""What LangGraph reads of classes and functions while it builds a graph, read once.

Building takes most of a short run's time, and most of that goes into reading type hints and byte
code, which do not change: these are remembered. What is built stays what it was.
"""

from __future__ import annotations

import dis
import inspect
import typing
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from types import CodeType, FunctionType, MethodType, SimpleNamespace
from typing import Any
from unittest.mock import patch

HINTS = ("langgraph.graph.state", "langgraph.graph._branch", "langgraph._internal._fields")
"""Where LangGraph reads type hints."""


def _written(function: Any) -> Hashable:
    """Return what a function is told apart by; None where its hints are more than words.

    Two functions of one place have the same code, and equal code stands in several places.
    """
    code, hints = getattr(function, "__code__", None), getattr(function, "__annotations__", {})
    if code is None or not all(isinstance(hint, str) for hint in hints.values()):
        return None
    return code, code.co_filename, function.__module__


def _remembered_hints() -> Callable[..., dict[str, Any]]:
    known: dict[tuple[Hashable, bool], dict[str, Any]] = {}

    def get_type_hints(thing: Any, *, include_extras: bool = False) -> dict[str, Any]:
        told = getattr(thing, "__wrapped__", thing)
        of = thing if isinstance(thing, type) else _written(told)
        if of is None:
            return typing.get_type_hints(thing, include_extras=include_extras)
        key = (of, include_extras)
        if key not in known:
            known[key] = typing.get_type_hints(thing, include_extras=include_extras)
        return dict(known[key])

    return get_type_hints


def _remembered_instructions() -> Callable[[CodeType], list[dis.Instruction]]:
    known: dict[CodeType, list[dis.Instruction]] = {}

    def get_instructions(code: CodeType) -> list[dis.Instruction]:
        if code not in known:
            known[code] = list(dis.get_instructions(code))
        return known[code]

    return get_instructions


def _remembered_signatures() -> Callable[..., inspect.Signature]:
    known: dict[Hashable, inspect.Signature] = {}

    def signature(function: Any) -> inspect.Signature:
        plain = isinstance(function, FunctionType) and not vars(function)
        of = _written(function) if plain else None
        if isinstance(function, MethodType):
            of = function.__func__  # a class's: as long-lived as what is remembered
        elif of is None or function.__defaults__ or function.__kwdefaults__:
            return inspect.signature(function)
        if of not in known:
            known[of] = inspect.signature(function)
        return known[of]

    return signature


_HINTS, _INSTRUCTIONS = _remembered_hints(), _remembered_instructions()
_INSPECT = SimpleNamespace(**{**vars(inspect), "signature": _remembered_signatures()})


@contextmanager
def quick_building() -> Generator[None]:
    """Let LangGraph remember what it has read, while the block runs."""
    patches: list[Any] = [patch(f"{module}.get_type_hints", _HINTS) for module in HINTS]
    reader = SimpleNamespace(get_instructions=_INSTRUCTIONS)
    patches.append(patch("langgraph.pregel._utils.dis", reader))
    patches.append(patch("langgraph._internal._runnable.inspect", _INSPECT))
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()
