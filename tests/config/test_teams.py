"""What becomes of a config that is right."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from massgraph import Team
from massgraph.backends.base import LLMBackend
from massgraph.backends.fallback import FallbackBackend
from massgraph.backends.options import options_model
from massgraph.backends.provider import PROVIDERS, adapter_class
from massgraph.config import ConfigError, load_config
from massgraph.config.files import SHIPPED, shipped_names

from .conftest import TEAM, Load, Refused

SERVER = "base_url: 'http://127.0.0.1:9/v1'"


def test_a_whole_config(load: Load) -> None:
    """Each part of a config arrives where it belongs."""
    team = load("""\
graph: team
agents:
  - id: alice
    system_message: You check facts.
    backend: {type: scripted, turns: [{new_answer: Paris}]}
    tools: ["textwrap:shorten"]
    tool_timeout_s: 5
  - backend: {type: scripted, turns: [{new_answer: Rome}]}
mcp_servers: {}
policy: {quorum: 0.5, weights: {alice: 2}, call_timeout_s: null}
ui: {display_type: simple, logging_enabled: false}
""")
    alice, other = team.agents
    assert (alice.id, alice.system_message, alice.tool_timeout_s) == (
        "alice",
        "You check facts.",
        5,
    )
    assert [tool.name for tool in alice.build_tools()] == ["shorten"]
    assert (other.id, other.system_message, other.tools) == ("agent_2", "", [])
    assert (team.policy.quorum, team.policy.weights) == (0.5, {"alice": 2})
    assert (team.graph.name, team.display_type, team.logging_enabled) == ("team", "simple", False)
    assert team.warnings == []


def test_a_team_runs_from_its_config(load: Load) -> None:
    """`Team.from_config` gives a team that answers."""
    load(TEAM)
    assert Team.from_config("team.yaml").run("q?").answer == "x"


def test_the_seeds_configs_keep_working(load: Load) -> None:
    """`agent`, `backend_params` and the switches of builtin tools mean what they meant."""
    team = load(f"""\
agent:
  id: helper
  system_message: Help.
  backend: {{type: chat_completions, model: m, {SERVER}, enable_web_search: false}}
backend_params: {{temperature: 0.7, max_tokens: 100}}
ui: {{display_type: rich_terminal, logging_enabled: true}}
""")
    backend = team.agents[0].backend
    assert isinstance(backend, LLMBackend)
    assert backend._params == {"temperature": 0.7, "max_tokens": 100}  # type: ignore[attr-defined]


def test_defaults_are_for_those_who_take_them(load: Load) -> None:
    """A default of all backends is no mistake of one that does not know it."""
    load(f"""\
agents:
  - backend: {{type: scripted, turns: [{{}}]}}
  - backend: {{type: chat_completions, model: m, temperature: 0, {SERVER}}}
backend_params: {{temperature: 1}}
""")


def test_the_provider_by_the_model(load: Load) -> None:
    """A model that only one provider has names it."""
    try:
        team = load("agent: {backend: {model: SmolLM2-135M-Instruct}}")
    except ConfigError as exc:
        pytest.fail(str(exc))
    assert all(warning.missing for warning in team.warnings)


def test_aliases_are_expanded(load: Load) -> None:
    """Anchors and aliases spare repetition; what one agent overrides stays its own."""
    team = load(
        "agents:\n"
        "  - {id: a, backend: &b {type: scripted, turns: [{new_answer: x}]}}\n"
        "  - {id: b, backend: *b}\n",
        "agents.a.backend.model=one",
    )
    assert [agent.backend.model for agent in team.agents] == ["one", "script"]  # type: ignore[union-attr]


def test_tools_of_the_working_directory(folder: Path, load: Load, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """A tool may stand beside the config; what its module prints does not reach stdout."""
    (folder / "my_own_tools.py").write_text(
        'print("hello")\ndef add(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n'
    )
    try:
        team = load(TEAM.replace("id: a", "id: a, tools: ['my_own_tools:add']"))
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("my_own_tools", None)
    assert team.agents[0].build_tools()[0].name == "add"
    assert capsys.readouterr().out == ""


def test_tools_that_clash(refused: Refused) -> None:
    """A tool that cannot be one is refused at the agent's tools."""
    (problem,) = refused(TEAM.replace("id: a", "id: a, tools: ['json:dumps', 'json:dumps']"))
    assert problem == "1:25: Agent 'a': the tool 'dumps' is there twice."


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_configs(name: str) -> None:
    """Each config that comes with massgraph is right, by its bare name and by its path."""
    assert load_config(name).agents
    assert load_config(SHIPPED / f"{name}.yaml").agents


def test_a_file_comes_before_a_shipped_config(folder: Path) -> None:
    """A file of one's own hides a shipped config of its name."""
    (folder / "local").write_text(TEAM)
    assert [agent.id for agent in load_config("local").agents] == ["a"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_tells_its_options(name: str) -> None:
    """The annotations of each adapter resolve, so that its options can be checked."""
    found = PROVIDERS[name]
    assert found.named_by in options_model(adapter_class(found)).model_fields


def test_a_backend_in_one_word(load: Load) -> None:
    """`provider:model` is a mapping of both; what stands at the top level holds for it, too."""
    team = load("""\
agents:
  - {id: a, backend: "OpenAI:gpt-5.4", fallback: "chat_completions:qwen3:8b"}
  - {id: b, backend: gpt-5.4}
backend_params: {base_url: "http://127.0.0.1:9/v1", api_key: k}
""")
    first, second = (agent.build_backend() for agent in team.agents)
    assert isinstance(first, FallbackBackend)
    assert (first.provider_name, first.model) == ("openai", "gpt-5.4")
    assert (first.fallback.provider_name, first.fallback.model) == ("chat_completions", "qwen3:8b")
    assert (second.provider_name, second.model) == ("openai", "gpt-5.4")


SWITCHED_OFF = (
    "enable_web_search: false, enable_url_context: false, enable_x_search: false, "
    "enable_web_fetch: false, enable_code_execution: false"
)


@pytest.mark.parametrize("name", ["openai", "claude", "gemini", "grok", "chat_completions"])
def test_what_is_off_is_off_everywhere(name: str, load: Load) -> None:
    """A switch that a provider lacks may be off, and may be on in what holds for all."""
    server = "base_url: 'http://127.0.0.1:9/v1', api_key: k"
    load(f"agent: {{backend: {{type: {name}, model: m, {server}, {SWITCHED_OFF}}}}}")
    on = "enable_url_context: true, enable_x_search: true, enable_web_fetch: true"
    load(f"agent: {{backend: {{type: {name}, model: m, {server}}}}}\nbackend_params: {{{on}}}")
