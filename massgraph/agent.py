"""Agent: who is in a team, before anything is built."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from .backends.base import LLMBackend
from .backends.errors import MissingError, UserError
from .backends.fallback import FallbackBackend
from .backends.later import Later
from .backing import Backing, built, checked, drawn
from .nodes.toolbox import Toolbox

if TYPE_CHECKING:
    from langchain_core import tools as lc

    from .nodes import budget as nodes_budget
    from .nodes import member as nodes_member
else:
    lc = Later("langchain_core.tools")
    nodes_budget = Later(".nodes.budget", __package__)
    nodes_member = Later(".nodes.member", __package__)


@dataclass(frozen=True)
class Agent:
    """One agent of a team.

    Args:
        id: A letter first, then letters, digits, `_` or `-`, 64 characters at most.
        backend: `provider:model` (or a model's name, where that tells the provider), or a config's
            `backend:` mapping, or a backend of one's own, or a LangChain chat model, or a compiled
            graph, or a whole team. The first two are checked here, and built when a run first
            needs them.
        system_message: The agent's role.
        tools: LangChain tools, functions, plain or async, with type hints and a docstring, MCP
            servers (`massgraph.tools.McpServer`), and names: `calculator`, `python`, or
            `module:function`.
        tool_timeout_s: Seconds that one call of a tool may take, unless the tool says otherwise.
        max_tool_chars: Characters of a tool's result that the model is shown; the middle of a
            longer one is left out.
        budget: What its calls may use in a run: a Budget, or a mapping of its keys.
        fallback: Who is asked where the backend's provider fails, in the same forms as `backend`.

    Raises:
        UserError: When a backend names no provider, an option of it is wrong, or the fallback is
            the backend itself.
    """

    id: str
    backend: Backing = field(repr=False)  # a mapping may hold a key
    system_message: str = ""
    tools: Sequence[lc.BaseTool | Callable[..., Any] | Toolbox | str] = field(default=())
    tool_timeout_s: float = 60.0
    fallback: Backing | None = field(default=None, repr=False)
    max_tool_chars: int = 100_000
    budget: nodes_budget.Budget | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        with _told_of(self.id):
            known = [
                checked(self.backend, self.id),
                checked(self.fallback, fallback_seat(self.id)),
            ]
            if known[0] == known[1] or self.backend is self.fallback:
                raise UserError("the fallback is the backend itself.", hint="Name another one.")
            _check_seconds("tool_timeout_s", self.tool_timeout_s)
            _check_count("max_tool_chars", self.max_tool_chars)
            _ = self._budget

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
            toolboxes=self.toolboxes(),
            max_tool_chars=self.max_tool_chars,
            budget=self._budget,
        )

    @classmethod
    def of(cls, member: nodes_member.Member) -> Self:
        """Return the agent of a member whose backend and tools are built."""
        return cls(
            id=member.id,
            backend=member.backend,
            system_message=member.system_message,
            tools=(*member.tools, *member.toolboxes),
            tool_timeout_s=member.tool_timeout_s,
            max_tool_chars=member.max_tool_chars,
            budget=member.budget.model_dump(),
        )

    @property
    def _budget(self) -> nodes_budget.Budget:
        from .nodes.budget import Budget

        return Budget.of(self.budget)

    def drawn(self) -> nodes_member.Member:
        """Return the agent for a graph that is looked at, and not run: nothing is built."""
        from .nodes.member import Member

        return Member(self.id, drawn(self.backend))

    def build_backend(self) -> LLMBackend:
        """Return the agent's backend, built if it is only named, with its fallback behind it.

        Raises:
            UserError: When a key, an extra or a file is missing.
        """
        with _told_of(self.id):
            backend = built(self.backend, self.id)
            if self.fallback is None:
                return backend
            return FallbackBackend(backend, built(self.fallback, fallback_seat(self.id)))

    def build_tools(self) -> tuple[lc.BaseTool, ...]:
        """Return the agent's tools, each as a LangChain tool, less those of its toolboxes.

        Raises:
            UserError: When one is no tool, its name does not do, or an extra is missing.
        """
        given = [tool for tool in self.tools if not isinstance(tool, Toolbox)]
        if not given:
            return ()
        from .nodes.member import name_problem
        from .tools.named import built_tool

        built: list[lc.BaseTool] = []
        for tool in given:
            with _told_of(self.id):
                made = built_tool(tool)
                problem = name_problem(made.name, [other.name for other in built])
                if problem:
                    raise UserError(f"the tool {made.name!r} {problem}.")
            built.append(made)
        return tuple(built)

    def toolboxes(self) -> tuple[Toolbox, ...]:
        """Return where more of the agent's tools come from, once they are open."""
        return tuple(tool for tool in self.tools if isinstance(tool, Toolbox))


def fallback_seat(agent: str) -> str:
    """Return what an agent's fallback is called where it is recorded."""
    return f"{agent}.fallback"


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


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{name} must be a whole number.")
    if value < 1:
        raise UserError(f"{name} must be more than 0.")
