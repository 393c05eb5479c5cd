"""The `graph:` of a config: a prebuilt one with its options, or one of the user's own modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from ..backends.errors import UserError
from ..graphs.names import GRAPHS
from ..nodes.imported import imported
from .checking import check
from .document import Document
from .problems import did_you_mean, quoted
from .strict import Strict

if TYPE_CHECKING:
    from ..graphs.composition import GraphFactory
    from ..graphs.nested import AnyGraph

KEYS = ("graph",)
MOST = 100
"""Layers, or samples: each sample is an agent of the graph, and a typing error is soon made."""
Count = Annotated[int, Field(ge=1, le=MOST)]


class _Plain(Strict):
    """A graph without options of its own.

    Args:
        type: The graph's name.
    """

    type: str


class _Mixture(_Plain):
    """Layers of proposers.

    Args:
        layers: How many layers there are.
    """

    layers: Count = 2


class _SelfConsistency(_Plain):
    """One agent that answers several times.

    Args:
        samples: How many answers there are.
        key: A function `module:function` from an answer to what must be the same in two of them.
    """

    samples: Count = 5
    key: str = ""


_OPTIONS: Mapping[str, type[BaseModel]] = {
    "mixture": _Mixture,
    "self_consistency": _SelfConsistency,
}


@dataclass(frozen=True, slots=True)
class GraphChoice:
    """Which graph a config means.

    Args:
        name: What it is called.
        options: Options of a prebuilt graph.
        factory: What makes one of the user's own; None for a prebuilt one.
        whole: A graph that brings its own agents.
    """

    name: str = "team"
    options: Mapping[str, Any] = field(default_factory=dict)
    factory: GraphFactory | None = None
    whole: AnyGraph | None = None

    @property
    def has_these_agents(self) -> bool:
        """Whether its agents are those of the config, by their ids."""
        return self.factory is None and self.name != "self_consistency"

    def make(self) -> GraphFactory:
        """Return what makes the graph of agents and a policy."""
        if self.factory is not None:
            return self.factory
        from ..graphs.prebuilt import PREBUILT

        return partial(PREBUILT[self.name], **self.options)


def read_graph(given: Any, document: Document) -> GraphChoice | None:
    """Return the graph that is meant, or None when something is wrong, which is noted."""
    name = given.get("type") if isinstance(given, dict) else given
    if not isinstance(name, str):
        said = "graph needs a type" if isinstance(given, dict) else "graph must be a name"
        document.problem(KEYS, f"{said}: {' | '.join(GRAPHS)} | module:name")
        return None
    if ":" in name and not isinstance(given, dict):
        return _own(name, document)
    if ":" in name:
        said = f"a graph of your own has no options here: write graph: {name}"
        document.problem((*KEYS, "type"), said)
        return None
    if name not in GRAPHS:
        near = did_you_mean(name, GRAPHS)
        document.problem(KEYS, f"there is no graph {quoted(name)}{near}")
        return None
    if not isinstance(given, dict):
        return GraphChoice(name)
    return _with_options(name, given, document)


def _with_options(name: str, given: dict[str, Any], document: Document) -> GraphChoice | None:
    if check(_OPTIONS.get(name, _Plain), given, document, KEYS) is None:
        return None
    options = {key: value for key, value in given.items() if key != "type"}
    if "key" in options:
        try:
            options["key"] = _key(options["key"])
        except UserError as exc:
            document.problem((*KEYS, "key"), str(exc))
            return None
    return GraphChoice(name, options)


def _key(name: str) -> Any:
    """Return the function that tells what two answers must share."""
    found = imported(name)
    try:
        inspect.signature(found).bind("")
    except TypeError as exc:
        raise UserError(f"{name!r} is no function of one text: {exc}") from exc
    except ValueError:  # functions of C extensions need not tell
        pass
    return found


def _own(name: str, document: Document) -> GraphChoice | None:
    """Return a graph of the user's own: made of agents and a policy, or whole as it is."""
    try:
        found = imported(name)
        needed = _needed(found)
        if needed is not None and needed >= 2:
            return GraphChoice(name, factory=found)
        return GraphChoice(name, whole=_whole(found() if needed == 0 else found, name))
    except UserError as exc:
        document.problem(KEYS, str(exc))
    except Exception as exc:  # it is the user's own code that runs here
        document.problem(KEYS, f"{name!r} makes no graph: {type(exc).__name__}: {exc}")
    return None


def _needed(found: Any) -> int | None:
    """Return how many arguments a function needs; None for what is no function."""
    if not inspect.isroutine(found):
        return None
    parameters = inspect.signature(found).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters)


def _whole(found: Any, name: str) -> AnyGraph:
    from langgraph.pregel import Pregel

    compiles: Callable[[], Any] | None = getattr(found, "compile", None)
    graph = compiles() if compiles is not None and not isinstance(found, Pregel) else found
    if isinstance(graph, Pregel):
        return graph
    raise UserError(
        f"{name!r} is no graph: give a compiled graph, a team, or a function "
        "(members, policy) that returns a CoordinationGraph."
    )
