"""A config for a beginning: what a person has chosen, written out with the reasons."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap

from ..backends.base import BuiltinTool
from ..backends.errors import UserError
from ..backends.options import SWITCHES_OF, options_model
from ..backends.provider import PROVIDERS, adapter_class
from ..backends.spec import parse_model
from ..backends.words import did_you_mean, quoted
from ..catalogue import access_to
from ..graphs.names import GRAPHS

DEFAULT_MODELS: Mapping[str, str] = {
    "openai": "gpt-6.1-terra",
    "claude": "claude-sonnet-5-5",
    "gemini": "gemini-3.8-flash",
    "grok": "grok-4.7",
}
"""What is proposed for each provider whose key is there: able, and not its dearest."""

RULE_CHOICES: Mapping[str, str] = {
    "plurality": "most votes win",
    "majority": "more than half of the votes; else they see the votes and argue once more",
    "supermajority": "two thirds of the votes; where agreement matters more than speed",
    "unanimity": "all votes; the slowest, and it may settle on less in the end",
    "borda": "each ranks all answers, points for places decide; for matters of taste",
    "ranked": "each ranks all; the last one drops out until one has more than half",
}
GRAPH_CHOICES: Mapping[str, str] = {
    "team": "all answer, see each other's answers, improve them, and vote",
    "single": "one agent answers alone",
    "debate": "all draft alone and vote, and argue over the reasons as long as too few agree",
    "mixture": "layers of agents, each sees the answers of the last; one writes the final answer",
    "council": "all answer alone, all rank the answers without names, and a chair presents",
    "self_consistency": "one agent answers several times, and most of its answers agree on one",
}
EMBEDDED = "local"
ROLES: Sequence[tuple[str, str]] = (
    ("careful", "You are careful. Check each figure, name and date before you rely on it."),
    ("inventive", "You look for the answer that nobody thinks of first, and test it honestly."),
    ("sceptic", "You doubt. Ask what would have to be true for the obvious answer to be wrong."),
    ("practical", "You are practical. Say what to do, in which order, and what it takes."),
    ("clear", "You are clear. Say it so that a newcomer can follow, and leave out the rest."),
)
"""Names and roles: agents of one model that differ in nothing answer the same."""
EMBEDDED_ROLE = "Answer the question in one short sentence."
_EMBEDDED_SEEDS = (2, 3, 5, 7, 11)
DEFAULT_BUDGET_USD = 1.0
MOST_AGENTS = 20
SCHEMA_FILE = "massgraph.schema.json"
"""What `massgraph schema config -o` is told to write; editors are pointed to it if it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person has chosen.

    Args:
        models: `provider:model`, one or more; they take turns where there are more agents.
        agents: How many agents.
        graph: How they work together.
        rule: How votes decide; None leaves it to the graph.
        web_search: Whether they may search the web, where their models can.
        budget_usd: US dollars of a run at most; None for no limit.
    """

    models: tuple[str, ...]
    agents: int
    graph: str = "team"
    rule: str | None = None
    web_search: bool = False
    budget_usd: float | None = DEFAULT_BUDGET_USD

    @property
    def is_local(self) -> bool:
        """Whether all of them are the embedded model."""
        return all(one.partition(":")[0] == EMBEDDED for one in self.models)

    @property
    def search_models(self) -> list[str]:
        """The models that can search the web."""
        return [one for one in self.models if has_tool(one, "web_search")]

    def checked(self) -> Choices:
        """Return the choices, written in full.

        Raises:
            UserError: When one of them cannot be.
        """
        models = tuple(full_name(one) for one in self.models)
        if not 1 <= self.agents <= MOST_AGENTS:
            raise UserError(f"--agents {self.agents}: a number from 1 to {MOST_AGENTS}.")
        if self.graph not in GRAPHS:
            near = did_you_mean(self.graph, GRAPHS)
            raise UserError(f"There is no graph {quoted(self.graph)}{near}")
        if self.rule is not None and self.rule not in RULE_CHOICES:
            near = did_you_mean(self.rule, tuple(RULE_CHOICES))
            raise UserError(f"There is no rule {quoted(self.rule)}{near}")
        if self.budget_usd is not None and not 0 < self.budget_usd < 1e6:
            raise UserError("--budget is a number of US dollars above 0, or 0 for no limit.")
        return replace(self, models=models[: self.agents])


def full_name(spec: str) -> str:
    """Return a model as `provider:model`; the embedded one is `local`.

    Args:
        spec: `provider:model`, a model, or a provider, which means the model proposed for it.

    Raises:
        UserError: When its provider cannot be told, or is one that a beginner has no use for.
    """
    alone = spec.strip().rstrip(":").lower()
    provider, model = parse_model(spec if alone not in DEFAULT_MODELS else proposed(alone))
    if not provider.prices and not provider.weights:
        raise UserError(
            f"{quoted(spec)} takes more than a name: write it into the file by hand.",
            hint="Here, name a model of openai, claude, gemini or grok, or `local`.",
        )
    return f"{provider.name}:{model}" if model else provider.name


def proposed(provider: str) -> str:
    """Return the model that is proposed for a provider, as `provider:model`."""
    return f"{provider}:{DEFAULT_MODELS[provider]}"


def ready_models() -> list[str]:
    """Return a model of each provider whose key is there; without any, the embedded one."""
    found = [proposed(name) for name in DEFAULT_MODELS if _is_ready(name)]
    return found or [EMBEDDED]


def has_tool(spec: str, tool: BuiltinTool) -> bool:
    """Return whether a model has a tool of its provider's own."""
    provider, model = parse_model(spec)
    return bool(model) and tool in adapter_class(provider).builtin_tools_of(model)


def starter(choices: Choices, *, schema: str | None = None, file: str = "massgraph.yaml") -> str:
    """Return the config of the choices, as YAML with comments.

    Args:
        choices: What was chosen, checked.
        schema: Where its JSON Schema is, for editors.
        file: What it will be called.
    """
    parts = [*_head(choices, schema, file), *_team(choices), *_policy(choices)]
    return "\n".join([*parts, ""])


def schema_beside(path: Path) -> str | None:
    """Return the JSON Schema that lies beside a config, if one does."""
    return SCHEMA_FILE if (path.parent / SCHEMA_FILE).is_file() else None


def _is_ready(provider: str) -> bool:
    return access_to(provider).missing is None


def _head(choices: Choices, schema: str | None, file: str) -> Iterator[str]:
    file = shlex.quote(" ".join(file.split()))
    if schema is not None:
        yield f"# yaml-language-server: $schema={schema}"
    yield from _comment("A team of agents. Ask it something:")
    yield "#"
    yield f'#     massgraph run -c {file} "How many moons does Mars have?"'
    yield "#"
    yield from _comment(f"massgraph validate {file} checks this file after a change.")
    if keys := _keys(choices):
        yield from _comment(f"Keys are read from the environment, or from .env: {keys}.")


def _keys(choices: Choices) -> str:
    providers = dict.fromkeys(one.partition(":")[0] for one in choices.models)
    vendors = [PROVIDERS[name].vendor for name in providers]
    return ", ".join(" or ".join(one.key_variables) for one in vendors if one is not None)


def _team(choices: Choices) -> Iterator[str]:
    yield ""
    yield from _comment(f"How they work together: {GRAPH_CHOICES[choices.graph]}.")
    yield from _comment(f"Others: {', '.join(name for name in GRAPHS if name != choices.graph)}.")
    yield f"graph: {choices.graph}"
    yield ""
    yield from _comment(
        "Who answers. Each role is yours to change: agents that differ find more than agents that "
        "agree. `massgraph models` lists models and what they cost."
    )
    yield "agents:"
    for number in range(choices.agents):
        yield from _agent(choices, number)


def _agent(choices: Choices, number: int) -> Iterator[str]:
    model = choices.models[number % len(choices.models)]
    local = model.partition(":")[0] == EMBEDDED
    name, role = ROLES[number % len(ROLES)]
    name = name if number < len(ROLES) else f"{name}_{number // len(ROLES) + 1}"
    yield f"  - id: {name}"
    yield f"    system_message: {EMBEDDED_ROLE if local else role}"
    yield f"    backend: {{{', '.join(_backend(choices, model, number))}}}"


def _backend(choices: Choices, model: str, number: int) -> Iterator[str]:
    provider, _, name = model.partition(":")
    yield f"type: {provider}"
    if name:
        yield f"model: {_scalar(name)}"
    if provider == EMBEDDED:
        yield f"seed: {_EMBEDDED_SEEDS[number % len(_EMBEDDED_SEEDS)] + number // 5 * 10}"
        yield "max_tokens: 96"
    elif choices.web_search and has_tool(model, "web_search"):
        known = options_model(adapter_class(PROVIDERS[provider])).model_fields
        yield f"{next(key for key in SWITCHES_OF['web_search'] if key in known)}: true"


def _scalar(text: str) -> str:
    """Return a text for YAML, in quotes unless anybody reads it as a text without them."""
    is_plain = re.fullmatch(r"[A-Za-z][\w.-]*[.-][\w.-]*[A-Za-z0-9]", text, re.ASCII)
    return text if is_plain else json.dumps(text)


def _policy(choices: Choices) -> Iterator[str]:
    lines = [*_rule(choices), *_limits(choices)]
    if lines:
        yield from ("", "policy:", *lines)


def _rule(choices: Choices) -> Iterator[str]:
    if choices.rule is not None and choices.graph != "single":
        yield from _comment(f"How they decide: {RULE_CHOICES[choices.rule]}.", 2)
        others = ", ".join(name for name in RULE_CHOICES if name != choices.rule)
        yield from _comment(f"Others: {others}.", 2)
        yield f"  rule: {choices.rule}"


def _limits(choices: Choices) -> Iterator[str]:
    if choices.is_local and choices.graph == "team":
        yield from _comment("The embedded model is small: it answers once, and nobody rewrites.", 2)
        yield "  max_answers_per_agent: 1"
        yield "  max_debate_rounds: 0"
        yield "  final: reuse"
    elif choices.is_local:
        return
    elif choices.budget_usd is not None:
        yield from _comment(
            "What a question may cost at most, in US dollars. A call that might cost more is not "
            "made, and the team settles on what it has.",
            2,
        )
        yield f"  max_cost_usd: {choices.budget_usd:g}"
    else:
        yield from _comment("No limit to what a question costs; this would set one:", 2)
        yield "  # max_cost_usd: 1"
        yield "  max_cost_usd: null"


def _comment(text: str, indent: int = 0) -> list[str]:
    return [f"{'':{indent}}# {line}" for line in wrap(text, 96 - indent)]
