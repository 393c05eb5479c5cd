"""What a config may hold, less what the policy and the backends say for themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .problems import did_you_mean, quoted

GRAPHS = ("team",)
PLANNED_GRAPHS = ("single", "debate", "mixture", "council", "self_consistency")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class UiFields(_Strict):
    """How a run is shown."""

    display_type: Literal["rich_terminal", "terminal", "simple"] = "rich_terminal"
    logging_enabled: bool = True


class AgentFields(_Strict):
    """An agent; what its backend may hold is the provider's to say."""

    id: str = ""
    system_message: str = ""
    backend: dict[str, Any] | str = Field(default_factory=dict)
    fallback: dict[str, Any] | str = Field(default_factory=dict)
    tools: list[str] = Field(default_factory=list)
    tool_timeout_s: Annotated[float, Field(gt=0)] = 60.0


class ConfigFields(_Strict):
    """The top level; `agents`, `policy` and `ui` are checked each on their own."""

    graph: str = "team"
    agent: dict[str, Any] = Field(default_factory=dict)
    agents: list[dict[str, Any]] = Field(default_factory=list)
    backend_params: dict[str, Any] = Field(default_factory=dict)
    mcp_servers: dict[str, Any] = Field(default_factory=dict)
    policy: dict[str, Any] = Field(default_factory=dict)
    ui: dict[str, Any] = Field(default_factory=dict)

    @field_validator("graph")
    @classmethod
    def _graph_is_built(cls, graph: str) -> str:
        if graph in GRAPHS:
            return graph
        if graph in PLANNED_GRAPHS or ":" in graph:
            raise ValueError(f"{quoted(graph)} is not supported yet; supported: {GRAPHS[0]}")
        near = did_you_mean(graph, (*GRAPHS, *PLANNED_GRAPHS))
        raise ValueError(f"there is no graph {quoted(graph)}{near}")

    @field_validator("mcp_servers")
    @classmethod
    def _no_servers(cls, servers: dict[str, Any]) -> dict[str, Any]:
        if servers:
            raise ValueError("MCP servers are not supported yet; leave it out, or empty")
        return servers
