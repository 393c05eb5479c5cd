"""What a config may hold, less what the policy and the backends say for themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .strict import Strict


class UiFields(Strict):
    """How a run is shown, and whether it is recorded.

    Args:
        display_type: `rich_terminal`: the live view; `terminal`: a line an event, coloured;
            `simple`: plain text.
        logging_enabled: Whether what happens is written to the state directory.
        log_runs: How many runs' logs are kept; null for all.
        log_mb: How many megabytes of logs are kept; null for any number.
    """

    display_type: Literal["rich_terminal", "terminal", "simple"] = "rich_terminal"
    logging_enabled: bool = True
    log_runs: Annotated[int, Field(ge=1)] | None = 1000
    log_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = 1024


class AgentFields(Strict):
    """An agent; what its backend may hold is the provider's to say.

    Args:
        id: Its name: a letter, then letters, digits, `_` and `-`; `agent_1`, ... if left out.
        system_message: Its role, in words of your own.
        preset: A role that is written already: `research`, `computational`, `analytical`, or
            `{expert: DOMAIN}`.
        backend: Who answers: `provider:model`, or a mapping with `type`, `model` and more.
        fallback: Who is asked where the backend's provider fails.
        tools: `calculator`, `module:function`, `mcp:SERVER` or `mcp:SERVER/TOOL`.
        tool_timeout_s: Seconds that one call of a tool may take.
        budget: What this agent may use of a run.
        max_tool_chars: Characters of a tool's result that the model is shown.
    """

    id: str = ""
    system_message: str = ""
    preset: str | dict[str, Any] | None = None
    backend: dict[str, Any] | str = Field(default_factory=dict)
    fallback: dict[str, Any] | str = Field(default_factory=dict)
    tools: list[str] = Field(default_factory=list)
    tool_timeout_s: Annotated[float, Field(gt=0)] = 60.0
    budget: dict[str, Any] = Field(default_factory=dict)
    max_tool_chars: Annotated[int, Field(gt=0)] = 100_000


class ConfigFields(Strict):
    """The top level; `agents`, `policy` and `ui` are checked each on their own.

    Args:
        graph: How the agents work together: a prebuilt graph, or `module:name` for one of your own.
        agent: The one agent of a config; or `agents`.
        agents: The agents, in order; or `agent`.
        backend_params: What every backend has that does not say otherwise.
        mcp_servers: Servers of tools, by the names that agents' `tools` know them by.
        policy: How they coordinate, vote and settle.
        ui: How a run is shown, and whether it is recorded.
    """

    graph: Any = "team"
    agent: dict[str, Any] = Field(default_factory=dict)
    agents: list[dict[str, Any]] = Field(default_factory=list)
    backend_params: dict[str, Any] = Field(default_factory=dict)
    mcp_servers: dict[str, Any] = Field(default_factory=dict)
    policy: dict[str, Any] = Field(default_factory=dict)
    ui: dict[str, Any] = Field(default_factory=dict)
