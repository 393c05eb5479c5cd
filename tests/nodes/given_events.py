"""Hypothesis makes any event, of any class, with any values that its types allow."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from typing_extensions import is_typeddict

from massgraph.nodes.events import Event

CLASSES = get_args(Event)

_characters = st.characters(exclude_categories=())
TEXT = st.text(
    _characters | st.sampled_from('\x00\x1b\x7f\x85\u2028\u202e\ud800\udfff\n\r"\\')
).map(
    # Two halves that stand side by side are one character, here as in JSON.
    lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
)
"""Any text, halves of characters and all."""
_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(0, 2**70),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
}
JSON = st.recursive(
    st.one_of(*_SCALARS.values()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def events(*classes: type[Any]) -> st.SearchStrategy[Event]:
    """Return any event of these classes, or of all of them."""
    return st.one_of([_event(cls) for cls in classes or CLASSES])


def _event(cls: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    values = {
        field.name: st.just(field.default) if field.name == "v" else _of(hints[field.name])
        for field in dataclasses.fields(cls)
        if field.init
    }
    return st.builds(cls, **values)


def _of(hint: Any) -> st.SearchStrategy[Any]:
    """Return the values of a type."""
    if hint is Any:
        return JSON
    if hint in _SCALARS:
        return _SCALARS[hint]
    if is_typeddict(hint):
        hints = get_type_hints(hint, include_extras=True)
        there = {key: _of(one) for key, one in hints.items() if get_origin(one) is not NotRequired}
        maybe = {key: _of(get_args(hints[key])[0]) for key in hints.keys() - there.keys()}
        return st.fixed_dictionaries(there, optional=maybe)
    arguments = get_args(hint)
    match get_origin(hint):
        case kind if kind is Literal:
            return st.sampled_from(arguments)
        case kind if kind in {Union, types.UnionType}:
            return st.one_of([_of(one) for one in arguments])
        case kind if kind is list:
            return st.lists(_of(arguments[0]), max_size=2)
        case kind if kind is dict:
            return st.dictionaries(_of(arguments[0]), _of(arguments[1]), max_size=2)
        case _:
            raise TypeError(f"Say how to make a {hint}.")
