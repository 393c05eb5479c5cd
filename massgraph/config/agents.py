"""The agents of a config: who they are, what they run on, and which tools they have."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from ..agent import Agent, fallback_seat
from ..backends.errors import MissingError, UserError
from ..backends.spec import described
from ..graphs.names import id_problem
from ..nodes.budget import BudgetFields
from ..presets import Preset
from .backends import BackendReader
from .checking import check
from .document import Document, Keys
from .problems import Problem, quoted
from .roles import read_preset
from .schema import AgentFields
from .servers import read_servers
from .tools import ToolReader


class AgentReader:
    """Reads the agents of one document.

    Args:
        document: Takes the problems.
        warnings: Takes what is missing on this machine.
        value: The document's top level.
    """

    def __init__(
        self, document: Document, warnings: list[Problem], value: Mapping[str, Any]
    ) -> None:
        self._document = document
        self._value = value
        defaults = value.get("backend_params")
        self._backends = BackendReader(
            document, defaults if isinstance(defaults, dict) else {}, warnings
        )
        given = value.get("mcp_servers", {})
        servers = read_servers(given, document, warnings)
        self._tools = ToolReader(document, servers, warnings, broken=not isinstance(given, dict))

    def read(self) -> list[Agent | None]:
        """Return the agents, with None for each that is wrong."""
        given = self._given()
        for keys, agent in given:
            self._write_out(agent, keys)
        agents = [self._agent(agent, keys, n) for n, (keys, agent) in enumerate(given, 1)]
        self._tools.unused_servers()
        self._unique([(keys, agent.get("id")) for keys, agent in given])
        named = [agent.get("backend", {}) for _, agent in given]
        named += [agent["fallback"] for _, agent in given if agent.get("fallback")]
        self._backends.unused_defaults([one for one in named if isinstance(one, dict)])
        return agents

    def _given(self) -> list[tuple[Keys, dict[str, Any]]]:
        value = self._value
        one, many = value.get("agent"), value.get("agents")
        if "agent" in value and "agents" in value:
            self._document.problem(("agent",), "give 'agent' or 'agents', not both", key=True)
        elif "agent" in value:
            return [(("agent",), one)] if isinstance(one, dict) else []
        elif many == [] or "agents" not in value:
            self._document.problem(("agents",), "a team needs at least one agent under 'agents'")
        if not isinstance(many, list):
            return []
        return [(("agents", n), agent) for n, agent in enumerate(many) if isinstance(agent, dict)]

    def _write_out(self, agent: dict[str, Any], keys: Keys) -> None:
        """Make a mapping of each backend that is written as `provider:model`."""
        for key in ("backend", "fallback"):
            if isinstance(agent.get(key), str):
                try:
                    agent[key] = described(agent[key])
                except UserError as exc:
                    self._document.problem((*keys, key), str(exc))

    def _agent(self, given: dict[str, Any], keys: Keys, number: int) -> Agent | None:
        fields = check(AgentFields, given, self._document, keys)
        name = given.get("id", f"agent_{number}")
        problem = id_problem(name) if isinstance(name, str) else None
        if problem:
            self._document.problem((*keys, "id"), problem)
        role = read_preset(given.get("preset"), self._document, (*keys, "preset"))
        seat = name if isinstance(name, str) else ""
        backend = self._backend(given, "backend", keys, role, seat)
        behind = "fallback" in given
        other = fallback_seat(seat)
        fallback = self._backend(given, "fallback", keys, role, other) if behind else None
        said = fields.budget if fields is not None else {}
        budget = check(BudgetFields, said, self._document, (*keys, "budget"))
        tools = self._tools.read(given.get("tools"), (*keys, "tools"))
        if fields is None or budget is None or backend is None or problem:
            return None
        if behind and fallback is None:
            return None
        try:
            agent = Agent(
                id=name,
                backend=backend,
                system_message=role.told(fields.system_message),
                tools=tools,
                tool_timeout_s=fields.tool_timeout_s,
                max_tool_chars=fields.max_tool_chars,
                budget=budget.model_dump(),
                fallback=fallback,
            )
            with suppress(MissingError):  # noted already, at the tool's name
                agent.build_tools()
        except UserError as exc:
            self._document.problem((*keys, "tools"), str(exc))
            return None
        return agent

    def _backend(
        self,
        given: dict[str, Any],
        key: Literal["backend", "fallback"],
        keys: Keys,
        role: Preset,
        seat: str,
    ) -> Any:
        said = given.get(key, {})
        if not isinstance(said, dict):
            return None
        if not said and (key == "fallback" or not self._backends.defaults):
            what = "is empty" if key in given else "is missing"
            self._document.problem((*keys, key), f"{key!r} {what}: give it a type")
            return None
        if key == "fallback" and self._backends.are_same(given.get("backend"), said):
            self._document.problem((*keys, key), "the fallback is the backend itself")
            return None
        return self._backends.read(said, (*keys, key), role.tools, seat)

    def _unique(self, ids: list[tuple[Keys, Any]]) -> None:
        seen: set[str] = set()
        for keys, name in ids:
            if isinstance(name, str):
                if name.lower() in seen:
                    message = f"two agents are called {quoted(name)}; ids differ by more than case"
                    self._document.problem((*keys, "id"), message)
                seen.add(name.lower())
