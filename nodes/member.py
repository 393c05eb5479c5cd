"""A member of a team, as the nodes see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from ..backends.base import LLMBackend, ToolSchema
from ..backends.errors import UserError
from .budget import NO_BUDGET, Budget, BudgetFields
from .ledger import Account, Ledger
from .policy import PolicyFields
from .state import TeamState, Usage, add_usage, no_usage
from .toolbox import Toolbox
from .turn import TurnInput

TOOL_TIMEOUT_S = 60.0
"""How long one call of an agent's own tool may take, unless its agent says otherwise."""
MAX_TOOL_CHARS = 100_000
"""Characters of a tool's result that a model is shown, unless its agent says otherwise."""

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Member:
    """An agent with its backend built.

    Args:
        id: The agent's id, also the name of its node.
        backend: What answers for it.
        system_message: Its role, in the words of whoever made the team.
        tools: Its own tools.
        tool_timeout_s: Seconds that one call of a tool may take.
        toolboxes: Where more tools come from, once they are open.
        max_tool_chars: Characters of a tool's result that are kept.
        budget: What its calls may use in a run.
    """

    id: str
    backend: LLMBackend
    system_message: str = ""
    tools: tuple[BaseTool, ...] = ()
    tool_timeout_s: float = TOOL_TIMEOUT_S
    toolboxes: tuple[Toolbox, ...] = ()
    max_tool_chars: int = MAX_TOOL_CHARS
    budget: BudgetFields = NO_BUDGET
    _schemas: list[tuple[ToolSchema, ...]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    async def opened(self) -> Member:
        """Return the member with all its tools, opened if they are not.

        Raises:
            UserError: When a toolbox cannot be opened, or two tools have one name.
        """
        if not self.toolboxes:
            return self
        tools = await opened_tools(self.id, self.tools, self.toolboxes)
        return replace(self, tools=tools, toolboxes=())

    @property
    def inner(self) -> object:
        """The graph that its backend runs, where it runs one."""
        return getattr(self.backend, "graph", None)

    def tool(self, name: str) -> BaseTool | None:
        """Return the agent's own tool of that name."""
        return next((tool for tool in self.tools if tool.name == name), None)

    def tool_schemas(self) -> tuple[ToolSchema, ...]:
        """Return its own tools as a model sees them; kept, for each takes 2 ms to convert."""
        if not self._schemas:
            self._schemas.append(tuple(tool_schema(tool) for tool in self.tools))
        return self._schemas[0]


def tool_schema(tool: BaseTool) -> ToolSchema:
    """Return a LangChain tool as a model sees it."""
    function = convert_to_openai_tool(tool)["function"]
    return ToolSchema(
        name=function["name"],
        description=function.get("description", ""),
        parameters=function.get("parameters", {"type": "object", "properties": {}}),
    )


def account_of(
    ledger: Ledger,
    member: Member,
    policy: PolicyFields,
    state: TeamState | TurnInput,
    spent: Usage,
) -> Account:
    """Return who pays for a member's next call.

    Args:
        ledger: The run's.
        member: Whose call it is.
        policy: What all may use together.
        state: What each agent has used.
        spent: What the member has used since that was written.
    """
    used = dict(state.get("usage", {}))
    used[member.id] = add_usage(used.get(member.id, no_usage()), spent)
    return Account(ledger, member.id, Budget.of_run(policy), member.budget, used)


async def opened_tools(
    agent: str, tools: Sequence[BaseTool], toolboxes: Sequence[Toolbox]
) -> tuple[BaseTool, ...]:
    """Return an agent's tools and those of its toolboxes, opened if they are not.

    Raises:
        UserError: When a toolbox cannot be opened, or the name of a tool in it does not do.
    """
    found = list(tools)
    for box in toolboxes:
        try:
            opened = await box.tools()
        except UserError as exc:
            raise UserError(f"Agent {agent!r}: {exc}") from exc
        for tool in opened:
            problem = name_problem(tool.name, [other.name for other in found])
            if problem:
                raise UserError(
                    f"Agent {agent!r}: the tool {tool.name!r} of {box.name} {problem}.",
                    hint="Leave it out: name the tools that are wanted in the server's tools.",
                )
            found.append(tool)
    return tuple(found)


def time_limit(tool: BaseTool, member: Member) -> float:
    """Return the seconds that a call may take: the tool's own limit, or else its agent's."""
    own = (tool.metadata or {}).get("timeout_s")
    return float(own) if isinstance(own, int | float) else member.tool_timeout_s


def name_problem(name: str, taken: Sequence[str]) -> str | None:
    """Return what is wrong with a tool's name, if anything is."""
    if name in ("new_answer", "vote"):
        return "has the name of an action"
    if name in taken:
        return "is there twice"
    if not _TOOL_NAME.fullmatch(name):
        return "needs a name of letters, digits, '_' and '-', 64 at most"
    return None
