"""Agent: who is in a team, before anything is built."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .backends.base import LLMBackend
from .backends.chat_model import check_chat_model
from .backends.errors import MissingError, UserError
from .backends.fallback import FallbackBackend
from .backends.later import Later
from .backends.registry import (
    backend_from_config,
    backend_of_model,
    build_backend,
    check_backend,
)

if TYPE_CHECKING:
    from langchain_core import language_models as lc_models
    from langchain_core import tools as lc

    from .nodes import member as nodes_member
else:
    lc = Later("langchain_core.tools")
    lc_models = Later("langchain_core.language_models")
    nodes_member = Later(".nodes.member", __package__)

TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Agent:
    """One agent of a team.

    Args:
        id: A letter first, then letters, digits, `_` or `-`, 64 characters at most.
        backend: `provider:model` (or a model's name, where that tells the provider), or a config's
            `backend:` mapping, or a backend of one's own, or a LangChain chat model.
            The first two are checked here, and built when a run first needs them.
        system_message: The agent's role.
        tools: LangChain tools, or functions, plain or async, with type hints and a docstring.
        tool_timeout_s: Seconds that one call of a tool may take.
        fallback: Who is asked where the backend's provider fails, in the same forms as `backend`.

    Raises:
        UserError: When a backend names no provider, an option of it is wrong, or the fallback is
            the backend itself.
    """

    id: str
    backend: str | Mapping[str, Any] | LLMBackend | lc_models.BaseChatModel = field(
        repr=False  # a mapping may hold a key
    )
    system_message: str = ""
    tools: Sequence[lc.BaseTool | Callable[..., Any]] = field(default=())
    tool_timeout_s: float = 60.0
    fallback: str | Mapping[str, Any] | LLMBackend | lc_models.BaseChatModel | None = field(
        default=None, repr=False
    )

    def __post_init__(self) -> None:
        with _told_of(self.id):
            checked = [_checked(named) for named in (self.backend, self.fallback)]
            if checked[0] == checked[1] or self.backend is self.fallback:
                raise UserError("the fallback is the backend itself.", hint="Name another one.")
            _check_seconds("tool_timeout_s", self.tool_timeout_s)

    def member(self, backend: LLMBackend | None = None) -> nodes_member.Member:
        """Return the agent with its backend and its tools built.

        Args:
            backend: The backend, where it is built already.

        Raises:
            UserError: When a key, an extra or a file is missing, or a tool is none.
        """
        from .nodes.member import Member

        return Member(
            id=self.id,
            backend=backend or self.build_backend(),
            system_message=self.system_message,
            tools=self.build_tools(),
            tool_timeout_s=self.tool_timeout_s,
        )

    def build_backend(self) -> LLMBackend:
        """Return the agent's backend, built if it is only named, with its fallback behind it.

        Raises:
            UserError: When a key, an extra or a file is missing.
        """
        with _told_of(self.id):
            backend = _built(self.backend)
            if self.fallback is None:
                return backend
            return FallbackBackend(backend, _built(self.fallback))

    def build_tools(self) -> tuple[lc.BaseTool, ...]:
        """Return the agent's tools, each as a LangChain tool.

        Raises:
            UserError: When one is no tool, or its name does not do.
        """
        if not self.tools:
            return ()
        from langchain_core.tools import BaseTool

        built: list[BaseTool] = []
        for tool in self.tools:
            try:
                made = tool if isinstance(tool, BaseTool) else _tool_of(tool)
            except (TypeError, ValueError) as exc:
                raise UserError(f"Agent {self.id!r}: {tool!r} is no tool: {exc}") from exc
            problem = _name_problem(made.name, [other.name for other in built])
            if problem:
                raise UserError(f"Agent {self.id!r}: the tool {made.name!r} {problem}.")
            built.append(made)
        return tuple(built)


@contextmanager
def _told_of(agent: str) -> Generator[None]:
    """Say of which agent a mistake is."""
    try:
        yield
    except UserError as exc:
        kind = MissingError if isinstance(exc, MissingError) else UserError
        raise kind(f"Agent {agent!r}: {exc}") from exc


def _check_seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{name} must be a number.")
    if not value > 0:
        raise UserError(f"{name} must be more than 0.")


def _checked(
    named: str | Mapping[str, Any] | LLMBackend | lc_models.BaseChatModel | None,
) -> object:
    """Return what tells a backend from another one."""
    if isinstance(named, str | Mapping):
        return check_backend(named)
    if named is not None and not isinstance(named, LLMBackend):
        check_chat_model(named)
    return object()


def _built(
    backend: str | Mapping[str, Any] | LLMBackend | lc_models.BaseChatModel,
) -> LLMBackend:
    match backend:
        case LLMBackend():
            return backend
        case str():
            return build_backend(backend)
        case Mapping():
            return backend_from_config(backend)
        case _:
            return backend_of_model(backend)


def _tool_of(function: Callable[..., Any]) -> lc.BaseTool:
    from langchain_core.tools import StructuredTool

    if not callable(function):
        raise TypeError("it cannot be called")
    if inspect.iscoroutinefunction(function):
        return StructuredTool.from_function(coroutine=function)
    return StructuredTool.from_function(function)


def _name_problem(name: str, taken: Sequence[str]) -> str | None:
    if name in ("new_answer", "vote"):
        return "has the name of an action"
    if name in taken:
        return "is there twice"
    if not TOOL_NAME.fullmatch(name):
        return "needs a name of letters, digits, '_' and '-', 64 at most"
    return None
