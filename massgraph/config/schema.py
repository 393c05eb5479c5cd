"""What a config may hold, less what the policy and the backends say for themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .strict import Strict


class UiFields(Strict):
    """How a run is shown."""

    display_type: Literal["rich_terminal", "terminal", "simple"] = "rich_terminal"
    logging_enabled: bool = True


class AgentFields(Strict):
    """An agent; what its backend may hold is the provider's to say."""

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
    """The top level; `agents`, `policy` and `ui` are checked each on their own."""

    graph: Any = "team"
    agent: dict[str, Any] = Field(default_factory=dict)
    agents: list[dict[str, Any]] = Field(default_factory=list)
    backend_params: dict[str, Any] = Field(default_factory=dict)
    mcp_servers: dict[str, Any] = Field(default_factory=dict)
    policy: dict[str, Any] = Field(default_factory=dict)
    ui: dict[str, Any] = Field(default_factory=dict)
