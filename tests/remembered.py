"""Which types a checkpoint may hold, read once of each type.

With strict checkpoints LangGraph walks through all types that a graph's state is made of, again
for each graph that it compiles: that is a fifth of what short runs take. Types do not change, and
what a graph allows is what its types allow, one by one: nothing else is remembered.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from langgraph._internal import _serde

Allowed = set[tuple[str, ...]]

_read = _serde.collect_allowlist_from_schemas


@cache
def _known(held: Any) -> Allowed:
    return _read(schemas=[held])


def _of_type(held: Any) -> Allowed:
    try:
        return _known(held)
    except TypeError:  # it has no hash
        return _read(schemas=[held])


def allowed(
    *, schemas: Sequence[Any] | None = None, channels: Mapping[str, Any] | None = None
) -> Allowed:
    """Return what LangGraph's `collect_allowlist_from_schemas` does."""
    kept = [(channel.ValueType, channel.UpdateType) for channel in (channels or {}).values()]
    held = [*(schemas or ()), *(one for pair in kept for one in pair)]
    return Allowed().union(*map(_of_type, held))


@contextmanager
def types_read_once() -> Generator[None]:
    """Let LangGraph remember what each type allows, while the block runs."""
    with patch.object(_serde, "collect_allowlist_from_schemas", allowed):
        yield
