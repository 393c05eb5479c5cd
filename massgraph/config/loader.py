"""From a config to a team: every problem of it at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..agent import Agent
from ..backends.errors import MissingError, UserError
from ..graphs.names import check_names
from ..nodes.output import OutputType
from ..nodes.policy import Policy, PolicyFields
from .agents import AgentReader
from .checking import check
from .document import Document, Keys, read_document
from .env import read_env_file
from .files import locate
from .graphs import GraphChoice, read_graph
from .overrides import Override
from .problems import ConfigError, Problem, listed, quoted
from .schema import ConfigFields, UiFields
from .stored import stored_config

if TYPE_CHECKING:
    from ..observing import Observer
    from ..record.records import Records
    from ..store.base import Storage
    from ..team import Team

T = TypeVar("T", bound="Team")


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
        log_runs: How many runs' logs are kept; None for all.
        log_mb: How many megabytes of logs are kept; None for any number.
        warnings: What was noticed and is no mistake.
        stored: The config as it is stored with threads: JSON, without keys.
        observers: Who is told every event of its runs; no config names any.
    """

    source: str
    graph: GraphChoice
    agents: list[Agent]
    policy: Policy
    display_type: Literal["rich_terminal", "terminal", "simple"] = "rich_terminal"
    logging_enabled: bool = True
    log_runs: int | None = None
    log_mb: float | None = None
    warnings: list[Problem] = field(default_factory=list)
    stored: str | None = field(default=None, repr=False)
    observers: list[Observer] = field(default_factory=list, repr=False)

    def team(self, *, db: str | Storage | None = None, records: Path | None = None) -> Team:
        """Return the team.

        Args:
            db: Where its threads are kept.
            records: Where the events of its runs are recorded; the oldest runs there are removed
                once there are more than the config keeps.

        Raises:
            UserError: When the graph does not fit it after all.
        """
        from ..record.records import Records
        from ..team import Team

        kept = None if records is None else Records(records, self.log_runs, self.log_mb)
        return self.made(Team, db=db, records=kept)

    def made(
        self, kind: type[T], *, db: str | Storage | None, records: str | Path | Records | None
    ) -> T:
        """Return the team as one of a class of teams.

        Args:
            kind: `Team`, or a class of one's own.
            db: Where its threads are kept.
            records: Where the events of its runs are recorded, and how much of them is kept.

        Raises:
            UserError: When the graph does not fit it after all.
        """
        if self.graph.whole is not None:
            team = kind.from_graph(self.graph.whole, db=db, records=records)
        else:
            graph = self.graph.make()
            team = kind(self.agents, self.policy, graph=graph, db=db, records=records)
        team.config = self.stored
        team.observers.extend(self.observers)
        return team

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
            reader = AgentReader(self._document, self._warnings, value)
            agents = self._brought(value) if whole else reader.read()
            ids = {agent.id for agent in agents if agent is not None}
            if policy is not None and graph is not None and len(ids) == len(agents) and not whole:
                if graph.has_these_agents:
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
            log_runs=ui.log_runs,
            log_mb=ui.log_mb,
            warnings=listed(self._warnings),
            stored=stored_config(self._document),
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
            self._document.problem(_culprit(str(exc), graph, policy), str(exc))

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


def _culprit(said: str, graph: GraphChoice, policy: Policy) -> Keys:
    """Return where that stands which does not fit: a key of the policy that the message names."""
    for key in policy.model_fields_set:
        if re.search(rf"\b{key}\b", said):
            return ("policy", key)
    return ("agents",) if graph.name == "team" else ("graph",)
