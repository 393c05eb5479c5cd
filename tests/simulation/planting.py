"""How a bug is planted in the engine: a function is replaced wherever it was imported."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

Patches = list[Any]
"""What `unittest.mock.patch` returns."""


def everywhere(function: Any, instead: Any) -> Patches:
    """Return what replaces a function in all modules of the engine that have it."""
    return [
        patch.object(module, name, instead)
        for path, module in list(sys.modules.items())
        if path.startswith("massgraph.") and not path.startswith("massgraph.verify")
        for name, value in list(vars(module).items())
        if value is function
    ]


def changed(factory: Any, change: Callable[[Any, dict[str, Any]], dict[str, Any]]) -> Patches:
    """Return what changes the updates of a node of the machine: (state, update) -> update."""

    @functools.wraps(factory)
    def make(*args: Any, **named: Any) -> Any:
        node = factory(*args, **named)

        @functools.wraps(node)
        async def changing(state: Any, runtime: Any) -> Any:
            return change(state, await node(state, runtime=runtime))

        return changing

    return everywhere(factory, make)


def under(function: Any, place: int, **keys: Callable[[Any], Any]) -> Patches:
    """Return what calls a function with another policy than it was given.

    Args:
        function: It takes a policy.
        place: The policy's place among its arguments.
        **keys: What becomes of a key's value.
    """

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        policy = args[place]
        other = {key: change(getattr(policy, key)) for key, change in keys.items()}
        return function(*args[:place], policy.model_copy(update=other), *args[place + 1 :], **named)

    return everywhere(function, call)


@contextmanager
def planted(patches: Patches) -> Generator[None]:
    """Let a bug be there while the block runs."""
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield
