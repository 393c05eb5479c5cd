"""What may stand behind an agent: a model by name or description, a backend, a graph, a team."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ForwardRef, Protocol, TypeGuard, runtime_checkable

from .backends.base import LLMBackend
from .backends.chat_model import check_chat_model
from .backends.errors import UserError
from .backends.later import Later
from .backends.registry import backend_from_config, backend_of_model, check_backend
from .backends.spec import seated

if TYPE_CHECKING:
    from langchain_core import language_models as lc_models
    from langgraph import pregel

    ChatModel = lc_models.BaseChatModel
    Graph = pregel.Pregel[Any, Any, Any, Any]
else:
    lc_models = Later("langchain_core.language_models")
    pregel = Later("langgraph.pregel")
    # The union below is made at import, which must not import what it names.
    ChatModel = ForwardRef("lc_models.BaseChatModel", module=__name__)
    Graph = ForwardRef("pregel.Pregel[Any, Any, Any, Any]", module=__name__)


@runtime_checkable
class Compiles(Protocol):
    """A team, or a graph that is not compiled yet."""

    def compile(self) -> pregel.Pregel[Any, Any, Any, Any]:
        """Return the compiled graph."""
        ...


Backing = str | Mapping[str, Any] | LLMBackend | ChatModel | Graph | Compiles
"""`provider:model`, a config's `backend:`, a backend, a chat model, a compiled graph, a team."""


def checked(named: Backing | None, seat: str = "") -> object:
    """Return what tells a backing from another one.

    Args:
        named: The backing.
        seat: The agent's id, or what else it is called where it is recorded.

    Raises:
        UserError: When it is none, as far as that can be told before it is built.
    """
    if isinstance(named, str | Mapping):
        return check_backend(seated(named, seat))
    if named is None or isinstance(named, LLMBackend | Compiles):
        return object()
    if _is_graph(named):
        built(named)
    else:
        check_chat_model(named)
    return object()


def built(named: Backing, seat: str = "") -> LLMBackend:
    """Return the backend, built if it is only named.

    Args:
        named: The backing.
        seat: The agent's id, or what else it is called where it is recorded.

    Raises:
        UserError: When a key, an extra or a file is missing, or a graph can't be an agent's.
    """
    if isinstance(named, LLMBackend):
        return named
    if isinstance(named, str | Mapping):
        return backend_from_config(seated(named, seat))
    inner = _compiled(named) if isinstance(named, Compiles) else named
    if not _is_graph(inner):
        return backend_of_model(inner)
    from .graphs.nested import GraphBackend

    return GraphBackend(inner)


def _compiled(named: Compiles) -> pregel.Pregel[Any, Any, Any, Any]:
    try:
        return named.compile()
    except ValueError as exc:  # what LangGraph says of a graph of one's own
        raise UserError(f"the graph can't be compiled: {exc}") from exc


def drawn(named: Backing) -> LLMBackend:
    """Return a backend for a graph that is looked at, and not run: what opens in it, opens."""
    from .graphs.nested import GraphBackend
    from .graphs.prebuilt import nobody

    look = getattr(named, "drawn", None)
    if isinstance(named, Compiles) and look is not None:
        return GraphBackend(look())
    return built(named) if isinstance(named, GraphBackend) or _is_graph(named) else nobody()


async def prepared(backends: Collection[LLMBackend]) -> None:
    """Prepare all backends at once.

    Raises:
        UserError: With what is missing of all of them.
    """
    ends = await asyncio.gather(
        *(backend.prepare() for backend in backends), return_exceptions=True
    )
    wrong = [end for end in ends if isinstance(end, BaseException)]
    if len(wrong) > 1 and all(isinstance(end, UserError) for end in wrong):
        raise UserError("; ".join(sorted({str(end) for end in wrong}))) from wrong[0]
    if wrong:
        raise wrong[0]


def _is_graph(named: object) -> TypeGuard[pregel.Pregel[Any, Any, Any, Any]]:
    return hasattr(named, "get_subgraphs")
