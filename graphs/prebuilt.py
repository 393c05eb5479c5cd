"""The prebuilt graphs by name, and a graph with scripts in its agents' place, to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from ..backends.base import LLMBackend
from ..backends.errors import MassgraphError, UserError
from ..backends.words import did_you_mean
from ..nodes.member import Member
from ..nodes.policy import Policy
from .checks import check_graph
from .composition import CoordinationGraph, GraphFactory
from .coordination import coordination
from .council import council
from .debate import debate
from .mixture import mixture
from .nobody import Nobody
from .self_consistency import self_consistency
from .single import single

PREBUILT: Mapping[str, Callable[..., CoordinationGraph]] = {
    "team": coordination,
    "single": single,
    "debate": debate,
    "mixture": mixture,
    "council": council,
    "self_consistency": self_consistency,
}
"""The graphs that a config can name."""


def graph_factory(graph: str | GraphFactory, name: str | None = None) -> GraphFactory:
    """Return what makes a graph.

    Args:
        graph: A prebuilt graph's name, or what makes one: (members, policy) -> graph.
        name: Another name for a prebuilt graph.

    Raises:
        UserError: When there is no such graph.
    """
    if not isinstance(graph, str):
        if not callable(graph):
            raise UserError(
                f"{_shown(graph)} is no graph: name one ({', '.join(PREBUILT)}), or give a "
                "function (members, policy) that returns one. A compiled graph goes to "
                "Team.from_graph."
            )
        return graph
    if graph not in PREBUILT:
        raise UserError(f"There is no graph {graph!r}{did_you_mean(graph, list(PREBUILT))}.")
    return PREBUILT[graph] if name is None else partial(PREBUILT[graph], name=name)


def check_factory(factory: GraphFactory, ids: Sequence[str], policy: Policy) -> CoordinationGraph:
    """Make a graph of scripted agents with these ids, for its errors and its drawing.

    Raises:
        UserError: When the ids, the policy or the wiring do not fit.
    """
    graph = made(factory, [Member(agent, nobody()) for agent in ids], policy)
    check_graph(graph)
    return graph


def nobody() -> LLMBackend:
    """Return a backend for graphs that are looked at, and not run."""
    return Nobody()


def made(factory: GraphFactory, members: Sequence[Member], policy: Policy) -> CoordinationGraph:
    """Return the graph that a factory makes.

    Raises:
        UserError: When it makes none.
    """
    name = getattr(factory, "__name__", type(factory).__name__)
    try:
        graph = cast("object", factory(members, policy))
    except MassgraphError:
        raise
    except Exception as exc:  # it is a person's own code that runs here
        said = f"The graph factory {name!r} failed: {type(exc).__name__}: {exc}"
        raise UserError(said) from exc
    if not isinstance(graph, CoordinationGraph):
        raise UserError(
            f"The graph factory {name!r} returned "
            f"{type(graph).__name__}, not a CoordinationGraph: return it before it is compiled."
        )
    return graph


def _shown(given: object) -> str:
    """Return a value as a message names it: what is plain, as it is."""
    return repr(given) if isinstance(given, int | float | None) else f"A {type(given).__name__}"
