"""Options that describe a team, and the team that they describe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from . import complete
from .command import several
from .ending import say
from .telemetry import observe

if TYPE_CHECKING:
    from ..config import TeamConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamOptions:
    """Who answers: a config, or models, and what is put over it.

    Args:
        config: A file, or a shipped config's name.
        graph: The graph's name, over the config's.
        models: `provider:model`, one agent each.
        backend: The provider of models that name none.
        system_message: Of every agent.
        sets: `key.path=value`.
        keys: Values of the policy by options of their own: (option, key, value).
    """

    config: str | None = None
    graph: str | None = None
    models: tuple[str, ...] = ()
    backend: str | None = None
    system_message: str | None = None
    sets: tuple[str, ...] = ()
    keys: list[tuple[str, str, str]] = field(default_factory=list)


team_options = several(
    click.option(
        "-c",
        "--config",
        metavar="FILE",
        shell_complete=complete.configs,
        help="A YAML or JSON file, or the name of a config that comes with massgraph.",
    ),
    click.option(
        "--graph",
        metavar="NAME",
        shell_complete=complete.graphs,
        help="The graph: team, single, debate, mixture, council, self_consistency, module:name.",
    ),
    click.option(
        "--model",
        "models",
        multiple=True,
        metavar="PROVIDER:NAME",
        shell_complete=complete.models,
        help="A model instead of a config; repeatable, one agent each.",
    ),
    click.option(
        "--backend",
        metavar="TYPE",
        shell_complete=complete.providers,
        help="The provider of the models.",
    ),
    click.option("--system-message", metavar="TEXT", help="The role of every agent."),
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="KEY.PATH=VALUE",
        help="A value over the config's, e.g. policy.seed=1; repeatable.",
    ),
)
"""Adds the options that describe a team."""


def load_team(options: TeamOptions) -> TeamConfig:
    """Return the team that the options describe.

    Raises:
        UserError: When they do not go together, or describe none.
    """
    from ..config import Override, load_document
    from ..config.document import read_document
    from ..config.files import locate
    from ..config.models import EMBEDDED, graph_document, models_document, set_system_message

    if options.config == "":
        raise click.UsageError("--config names no file.")
    if options.config is not None and (options.models or options.backend is not None):
        given = "--model" if options.models else "--backend"
        raise click.UsageError(
            f"{given} does not go with --config; "
            "to change a config's agent, use --set agents.ID.backend.model=NAME."
        )
    if options.models or options.backend is not None:
        document = models_document(options.models, options.backend)
    elif options.graph is not None and options.config is None:
        document = graph_document(options.graph)
    else:
        document = read_document(locate(EMBEDDED if options.config is None else options.config))
    if options.graph is not None:
        Override("--graph", ("graph",), options.graph).apply(document)
    if options.system_message is not None:
        set_system_message(document, options.system_message)
    overrides = [Override.parse(text) for text in options.sets]
    overrides += [Override(option, ("policy", key), value) for option, key, value in options.keys]
    if _share_alone(options, document.value):
        overrides.insert(0, Override("--consensus", ("policy", "rule"), "supermajority"))
    return load_document(document, overrides)


def check_team(team: TeamConfig) -> None:
    """Check that a team can run on this machine, say what was noticed, and let it be observed.

    Raises:
        ConfigError: With everything that is missing.
    """
    for warning in team.warnings:
        if not warning.missing:
            say(f"{warning.place}: warning: {warning.message}")
    team.check_ready()
    observe(team)


def _share_alone(options: TeamOptions, config: Any) -> bool:
    """Return whether the share that must agree is given, and the config names no rule for it."""
    policy = config.get("policy") if isinstance(config, dict) else None
    named = isinstance(policy, dict) and "rule" in policy
    return not named and any(key == "threshold" for _, key, _ in options.keys)
