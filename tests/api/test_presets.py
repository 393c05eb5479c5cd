"""Agents whose role is written already."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import pytest

from massgraph import Agent, ScriptedBackend, UserError
from massgraph.backends.options import SWITCHES, SWITCHES_OF, options_model
from massgraph.backends.provider import PROVIDERS, adapter_class
from massgraph.presets import (
    PRESETS,
    analytical,
    computational,
    expert,
    preset,
    research,
)

Make = Callable[..., Agent]

OF_TODAY = {
    "openai": "gpt-6.1-sol",
    "claude": "claude-sonnet-5-5",
    "gemini": "gemini-3.8-flash",
    "grok": "grok-4.7",
}
WITHOUT = [
    "local",
    {"type": "scripted", "turns": [{}]},
    "chat_completions:qwen3",
    "grok:grok-3",
    "gpt-4-turbo",
]


def switches(agent: Agent) -> dict[str, Any]:
    """Return what an agent's backend says of its builtin tools."""
    assert isinstance(agent.backend, dict)
    return {name: value for name, value in agent.backend.items() if name in SWITCHES}


@pytest.mark.parametrize(("provider", "model"), OF_TODAY.items())
def test_the_builtin_tools_of_a_role(provider: str, model: str) -> None:
    """What goes with a role is on, and what does not is off, with every provider that has both."""
    spec = f"{provider}:{model}"
    assert switches(research("a", spec)) == {"enable_web_search": True}
    assert switches(computational("a", spec)) == {"enable_code_execution": True}
    assert switches(analytical("a", spec)) == {}
    assert switches(expert("a", spec, domain="law")) == {}
    backend = research("a", {"type": provider, "model": model, "api_key": "k"}).build_backend()
    assert "web_search" in backend.supported_builtin_tools


@pytest.mark.parametrize("spec", WITHOUT)
@pytest.mark.parametrize("make", [research, computational])
def test_who_lacks_a_tool_does_without(spec: Any, make: Make) -> None:
    """A provider, or a model, that has no builtin tools takes the role alone."""
    agent = make("a", spec)
    assert switches(agent) == {}
    assert agent.system_message


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (research, {"enable_web_search": False}),
        (research, {"search_mode": "off"}),
        (computational, {"enable_code_interpreter": False}),
        (computational, {"enable_code_execution": False}),
    ],
)
def test_what_is_said_stands(make: Make, said: dict[str, Any]) -> None:
    """A tool that a person has switched off stays off."""
    agent = make("a", {"type": "grok", "model": "grok-4.7", **said})
    assert switches(agent) == said


def test_a_backend_of_ones_own() -> None:
    """It is taken as it is."""
    backend = ScriptedBackend([{"new_answer": "x"}])
    assert research("a", backend).backend is backend


def test_a_fallback_has_the_same_tools() -> None:
    """Who is asked instead works with the same tools."""
    agent = research("a", "openai:gpt-6.1-sol", fallback="gemini-3.8-flash")
    assert isinstance(agent.fallback, dict)
    assert agent.fallback["enable_web_search"] is True


def test_more_of_a_role() -> None:
    """A message of one's own stands behind the role, and the rest goes to the agent."""
    agent = expert(
        "dora", domain="cardiology", backend="local", system_message="Be brief.", tool_timeout_s=3
    )
    assert agent.system_message.startswith("You are an expert in cardiology.")
    assert agent.system_message.endswith("\n\nBe brief.")
    assert "{" not in agent.system_message
    assert agent.tool_timeout_s == 3
    assert analytical("a", "local").system_message == PRESETS["analytical"].system_message


def test_roles_differ() -> None:
    """Each has a message of its own."""
    assert len({role.system_message for role in PRESETS.values()}) == len(PRESETS) == 4


@pytest.mark.parametrize("domain", ["", "  ", "a\nb", "x" * 201, None])
def test_a_domain_that_is_none(domain: Any) -> None:
    """It is refused, with the name of the agent."""
    with pytest.raises(UserError, match=r"Agent 'dora': an? (expert|domain)"):
        expert("dora", "local", domain=domain)


def test_a_domain_is_no_template() -> None:
    """Braces in a domain are braces."""
    assert "the {x} of {domain}" in preset({"expert": "the {x} of {domain}"}).system_message


def test_mistakes_are_told_of_the_agent() -> None:
    """A backend that is wrong is refused as any agent's is."""
    with pytest.raises(UserError, match="Agent 'a': Unknown provider 'opnai'"):
        research("a", backend="opnai:gpt-6.1-sol")


def test_each_tool_has_a_switch() -> None:
    """Every provider that has a builtin tool has a key that switches it on."""
    for provider, model in OF_TODAY.items():
        adapter = adapter_class(PROVIDERS[provider])
        for tool in adapter.builtin_tools_of(model):
            assert options_model(adapter).model_fields.keys() & set(SWITCHES_OF[tool])


@pytest.mark.parametrize("make", [research, computational, analytical, expert])
def test_types_resolve(make: Make) -> None:
    """Programs that look at the types of these functions find them."""
    assert typing.get_type_hints(make)["return"] is Agent
