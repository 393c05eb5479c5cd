"""From a config to a team: every problem of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..agent import Agent
from ..backends.errors import MissingError, UserError
from ..backends.registry import described
from ..graphs.names import check_names, id_problem
from ..nodes.budget import BudgetFields
from ..nodes.output import OutputType
from ..nodes.policy import Policy, PolicyFields
from ..presets import Preset
from .backends import BackendReader
from .checking import check
from .document import Document, Keys, read_document
from .env import read_env_file
from .files import locate
from .graphs import GraphChoice, read_graph
from .overrides import Override
from .problems import ConfigError, Problem, listed, quoted
from .roles import read_preset
from .schema import AgentFields, ConfigFields, UiFields
from .servers import read_servers
from .tools import ToolReader

if TYPE_CHECKING:
    from ..team import Team


@dataclass(frozen=True, slots=True)
class TeamConfig:
    """A team as a config describes it.

    Args:
        source: The file, or what else it comes from.
        graph: The graph in which they coordinate.
        agents: The agents, in order.
        policy: How they coordinate.
        display_type: How a run is shown.
        logging_enabled: Whether it is logged.
        warnings: What was noticed and is no mistake.
    """

    source: str
    graph: GraphChoice
    agents: list[Agent]
    policy: Policy
    display_type: Literal["rich_terminal", "terminal", "simple"] = "rich_terminal"
    logging_enabled: bool = True
    warnings: list[Problem] = field(default_factory=list)

    def team(self) -> Team:
        """Return the team.

        Raises:
            UserError: When the graph does not fit it after all.
        """
        from ..team import Team

        if self.graph.whole is not None:
            return Team.from_graph(self.graph.whole)
        return Team(self.agents, self.policy, graph=self.graph.make())

    def check_ready(self) -> None:
        """Check that everything is in place on this machine.

        Raises:
            ConfigError: With everything that is missing: keys, extras, files.
        """
        missing = [warning for warning in self.warnings if warning.missing]
        if missing:
            raise ConfigError(missing)


def load_config(path: str | Path, overrides: Iterable[str | Override] = ()) -> TeamConfig:
    """Return the team that a config file describes.

    Reads `.env` of the working directory first; it never overrides the environment.

    Args:
        path: A YAML or JSON file, or the name of a config that comes with massgraph.
        overrides: Values over those of the file, as `key.path=value`.

    Raises:
        ConfigError: With every problem. What is missing on this machine (a key, an extra) is a
            warning of the result.
    """
    return load_document(read_document(locate(path)), overrides)


def load_document(document: Document, overrides: Iterable[str | Override] = ()) -> TeamConfig:
    """Return the team that a document describes; see `load_config`."""
    warnings = read_env_file()
    for override in overrides:
        parsed = Override.parse(override) if isinstance(override, str) else override
        parsed.apply(document)
    return _Loader(document, warnings).load()


class _Loader:
    """Turns one document into a team, and notes what is wrong with it."""

    def __init__(self, document: Document, warnings: list[Problem]) -> None:
        self._document = document
        self._warnings = warnings

    def load(self) -> TeamConfig:
        given: Any = self._document.value
        value: dict[str, Any] = given if isinstance(given, dict) else {}
        if isinstance(given, dict):
            policy = self._policy(value.get("policy", {}))
            ui = self._ui(value.get("ui", {}))
            check(ConfigFields, value, self._document, ())
            graph = read_graph(value.get("graph", "team"), self._document)
            whole = graph is not None and graph.whole is not None
            agents = self._brought(value) if whole else self._agents(value)
            ids = {agent.id for agent in agents if agent is not None}
            if policy is not None and graph is not None and len(ids) == len(agents) and not whole:
                self._weights(policy, ids)
                self._presenter(policy, ids, graph.name)
                self._fits(graph, [agent.id for agent in agents if agent is not None], policy)
        else:
            policy, ui, graph, agents = None, None, None, []
            said = "the file is empty" if given is None else "a config is a mapping"
            self._document.problem((), said)
        if self._document.problems or policy is None or ui is None or graph is None:
            raise ConfigError(self._document.problems, self._warnings)
        return TeamConfig(
            source=self._document.source,
            graph=graph,
            agents=[agent for agent in agents if agent is not None],
            policy=policy,
            display_type=ui.display_type,
            logging_enabled=ui.logging_enabled,
            warnings=listed(self._warnings),
        )

    def _brought(self, value: Mapping[str, Any]) -> list[Agent | None]:
        """Note what a graph that brings its own agents leaves nothing to say about."""
        for key in ("agent", "agents", "policy", "backend_params", "mcp_servers"):
            if value.get(key):
                said = f"the graph {quoted(str(value['graph']))} is whole as it is: take {key} out"
                self._document.problem((key,), said, key=True)
        return []

    def _fits(self, graph: GraphChoice, ids: list[str], policy: Policy) -> None:
        """Note what is wrong with a graph of these agents; the team's own is quick to check."""
        if self._document.problems:
            return
        try:
            if graph.name == "team":
                check_names(ids, policy)
            else:
                from ..graphs.prebuilt import check_factory

                check_factory(graph.make(), ids, policy)
        except UserError as exc:
            self._document.problem(("graph",) if graph.name != "team" else ("agents",), str(exc))

    def _policy(self, given: Any) -> Policy | None:
        if not isinstance(given, dict):
            return None  # the check of the top level says so
        if check(PolicyFields, given, self._document, ("policy",)) is None:
            return None
        try:
            OutputType.of(given.get("output_type"))
        except MissingError as exc:
            where = self._document.place(("policy", "output_type"))
            self._warnings.append(Problem(where, str(exc), missing=True))
        return Policy(**given)

    def _ui(self, given: Any) -> UiFields | None:
        if not isinstance(given, dict):
            return None
        return check(UiFields, given, self._document, ("ui",))

    def _weights(self, policy: Policy, ids: set[str]) -> None:
        for name in policy.weights:
            if name not in ids:
                message = f"weights names {quoted(name)}, who is not in the team"
                self._document.problem(("policy", "weights", name), message, key=True)

    def _presenter(self, policy: Policy, ids: set[str], graph: str) -> None:
        keys = ("policy", "presenter")
        if policy.presenter is not None and policy.presenter not in ids:
            message = f"presenter names {quoted(policy.presenter)}, who is not in the team"
            self._document.problem(keys, message)
        elif graph == "team" and policy.presenter_problem:  # other graphs have a use for it
            self._document.problem(keys, policy.presenter_problem)

    def _agents(self, value: Mapping[str, Any]) -> list[Agent | None]:
        """Return the agents, with None for each that is wrong."""
        given = self._given(value)
        defaults = value.get("backend_params")
        defaults = defaults if isinstance(defaults, dict) else {}
        backends = BackendReader(self._document, defaults, self._warnings)
        servers = read_servers(value.get("mcp_servers"), self._document, self._warnings)
        tools = ToolReader(self._document, servers, self._warnings)
        for keys, agent in given:
            self._write_out(agent, keys)
        agents = [
            self._agent(agent, keys, number, backends, tools)
            for number, (keys, agent) in enumerate(given, 1)
        ]
        tools.unused_servers()
        self._unique([(keys, agent.get("id")) for keys, agent in given])
        named = [agent.get("backend", {}) for _, agent in given]
        named += [agent["fallback"] for _, agent in given if agent.get("fallback")]
        backends.unused_defaults([one for one in named if isinstance(one, dict)])
        return agents

    def _given(self, value: Mapping[str, Any]) -> list[tuple[Keys, dict[str, Any]]]:
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

    def _agent(
        self,
        given: dict[str, Any],
        keys: Keys,
        number: int,
        backends: BackendReader,
        tool_reader: ToolReader,
    ) -> Agent | None:
        fields = check(AgentFields, given, self._document, keys)
        name = given.get("id", f"agent_{number}")
        problem = id_problem(name) if isinstance(name, str) else None
        if problem:
            self._document.problem((*keys, "id"), problem)
        role = read_preset(given.get("preset"), self._document, (*keys, "preset"))
        backend = self._backend(given, "backend", keys, backends, role)
        behind = "fallback" in given
        fallback = self._backend(given, "fallback", keys, backends, role) if behind else None
        said = fields.budget if fields is not None else {}
        budget = check(BudgetFields, said, self._document, (*keys, "budget"))
        tools = tool_reader.read(given.get("tools"), (*keys, "tools"))
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
        backends: BackendReader,
        role: Preset,
    ) -> Any:
        said = given.get(key, {})
        if not isinstance(said, dict):
            return None
        if not said and (key == "fallback" or not backends.defaults):
            what = "is empty" if key in given else "is missing"
            self._document.problem((*keys, key), f"{key!r} {what}: give it a type")
            return None
        if key == "fallback" and backends.are_same(given.get("backend"), said):
            self._document.problem((*keys, key), "the fallback is the backend itself")
            return None
        return backends.read(said, (*keys, key), role.tools)

    def _unique(self, ids: list[tuple[Keys, Any]]) -> None:
        seen: set[str] = set()
        for keys, name in ids:
            if isinstance(name, str):
                if name.lower() in seen:
                    message = f"two agents are called {quoted(name)}; ids differ by more than case"
                    self._document.problem((*keys, "id"), message)
                seen.add(name.lower())
