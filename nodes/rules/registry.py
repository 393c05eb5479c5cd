"""Where rules are found: built in, registered by decorator, installed, or in a module."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, cast, overload

from ...backends.errors import UserError
from ...backends.words import did_you_mean, quoted
from ..imported import imported
from .borda import borda
from .election import R, Rule, by_ranking
from .instant_runoff import instant_runoff
from .single_choice import majority, plurality, supermajority, unanimity

GROUP = "massgraph.rules"
"""The entry point group of rules that a package brings."""
TAKES = "ballots, candidates, electorate, options"

_rules: dict[str, Rule] = {
    "plurality": plurality,
    "majority": majority,
    "supermajority": supermajority,
    "unanimity": unanimity,
    "borda": borda,
    "ranked": instant_runoff,
}
RULES: Mapping[str, Rule] = MappingProxyType(_rules)
"""The rules that a policy can name, less those that packages bring."""


@overload
def rule(function: R, /) -> R: ...
@overload
def rule(name: str | None = None, /, *, ranked: bool = False) -> Callable[[R], R]: ...
def rule(name: Any = None, /, *, ranked: bool = False) -> Any:
    """Register a function as a rule that a policy can name; it is returned as it is.

        @rule
        def everybody(ballots, candidates, electorate, options): ...

        @rule("condorcet", ranked=True)
        def beats_all(ballots, candidates, electorate, options): ...

    Args:
        name: The rule's name; left out, the function's.
        ranked: Whether its ballots are rankings.

    Raises:
        UserError: When the name is taken or none, or the function takes other arguments.
    """
    if name is not None and not isinstance(name, str):
        return _register(name, None, ranked=False)

    def register(function: R) -> R:
        return cast("R", _register(function, name, ranked=ranked))

    return register


def _register(function: Any, name: str | None, *, ranked: bool) -> Any:
    named = getattr(function, "__name__", "") if name is None else name
    if not named or ":" in named or named != named.strip():
        raise UserError(f"{named!r} is no name for a rule; give it one: @rule('name').")
    problem = rule_problem(function)
    if problem:
        raise UserError(f"The rule {named!r} {problem}.")
    known = _rules.get(named)
    if known is not None and _place(known) != _place(function):
        raise UserError(f"There is a rule {named!r} already; give yours another name.")
    _rules[named] = by_ranking(function) if ranked else function
    return function


def _place(function: Any) -> object:
    """Return what tells a definition from others: a module that is loaded again has the same."""
    place = (getattr(function, "__module__", None), getattr(function, "__qualname__", None))
    return place if all(place) else id(function)


def rule_problem(function: object) -> str | None:
    """Return why something is no rule, or None: one is called with four arguments."""
    if not callable(function):
        return "is not a function"
    if inspect.iscoroutinefunction(function):
        return "is an async function; a rule is a plain one"
    try:
        taken = inspect.signature(function)
    except ValueError:  # functions of C extensions need not tell
        return None
    try:
        taken.bind(None, None, None, None)
    except TypeError:
        return f"takes {taken}; a rule takes ({TAKES})"
    return None


def find_rule(named: str | Rule) -> Rule:
    """Return the rule of a name, of `module:function`, or the function itself.

    Raises:
        UserError: When there is none, or what was found is no rule.
    """
    if not isinstance(named, str):
        return named
    return _rules.get(named) or _found(named)


def is_ranked(named: str | Rule) -> bool:
    """Return whether the ballots of a rule are rankings."""
    return bool(getattr(find_rule(named), "ranked", False))


def rule_name(named: str | Rule) -> str:
    """Return a rule's name: the one that it is known by, or its function's."""
    if isinstance(named, str):
        return named
    registered = (name for name, function in _rules.items() if function is named)
    return next(registered, None) or getattr(named, "__name__", None) or type(named).__name__


@cache
def _found(name: str) -> Rule:
    """Return a rule that a module or a package brings."""
    function = imported(name) if ":" in name else _load(_entry_point(name))
    problem = rule_problem(function)
    if problem:
        raise UserError(f"The rule {name!r} {problem}.")
    return cast("Rule", function)


def _entry_point(name: str) -> EntryPoint:
    brought = entry_points(group=GROUP)
    found = {point.value: point for point in brought.select(name=name)}
    if len(found) > 1:
        raise UserError(f"The rule {name!r} is brought more than once: {', '.join(sorted(found))}.")
    if not found:
        known = [*dict.fromkeys([*_rules, *sorted(brought.names)])]
        near = did_you_mean(name, known)
        also = f" known: {', '.join(known)}" if "mean" in near else ""
        raise UserError(f"unknown rule {quoted(name)}{near}{also}")
    return next(iter(found.values()))


def _load(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as exc:
        why = f"{type(exc).__name__}: {exc}"
        raise UserError(f"The rule {point.name!r} ({point.value}) cannot be loaded: {why}") from exc
