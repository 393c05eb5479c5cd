"""`preset:` of an agent."""

from __future__ import annotations

import pytest

from massgraph.backends.base import LLMBackend
from massgraph.presets import PRESETS

from .conftest import Load, Refused

AGENT = "agent: {{id: a, {}backend: {{type: grok, model: grok-4.7{}}}}}"
"""One agent, whose key is missing: its backend stays a mapping."""


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the key out of the environment."""
    monkeypatch.delenv("XAI_API_KEY", raising=False)


def test_a_role_by_its_name(load: Load) -> None:
    """The role comes with its message and its builtin tools."""
    (agent,) = load(AGENT.format("preset: research, ", "")).agents
    assert agent.system_message == PRESETS["research"].system_message
    assert isinstance(agent.backend, dict)
    assert agent.backend["enable_web_search"] is True


def test_an_expert(load: Load) -> None:
    """An expert has a domain, and more may be said behind the role."""
    text = AGENT.format("preset: {expert: cardiology}, system_message: Be brief., ", "")
    (agent,) = load(text).agents
    assert "expert in cardiology" in agent.system_message
    assert agent.system_message.endswith("\n\nBe brief.")


def test_what_an_agent_says_stands(load: Load) -> None:
    """A builtin tool that the agent's backend, or the defaults, switch off stays off."""
    for text in (
        AGENT.format("preset: research, ", ", enable_web_search: false"),
        AGENT.format("preset: research, ", "") + "\nbackend_params: {enable_web_search: false}",
    ):
        (agent,) = load(text).agents
        assert isinstance(agent.backend, dict)
        assert agent.backend["enable_web_search"] is False


def test_a_provider_without_the_tool(load: Load) -> None:
    """It does without."""
    scripted = "backend: {type: scripted, turns: [{new_answer: x}]}"
    (agent,) = load(f"agent: {{preset: computational, {scripted}}}").agents
    assert isinstance(agent.backend, LLMBackend)
    assert agent.system_message == PRESETS["computational"].system_message


def test_a_fallback_works_with_the_same_tools(load: Load) -> None:
    """Who is asked instead gets the builtin tools of the role, too."""
    (agent,) = load(AGENT.format("preset: research, fallback: gemini-3.8-flash, ", "")).agents
    assert isinstance(agent.fallback, dict)
    assert agent.fallback["enable_web_search"] is True


@pytest.mark.parametrize(
    "override", ["agent.preset=research", "agent.preset={expert: law}", "agent.preset.expert=law"]
)
def test_by_an_option(load: Load, override: str) -> None:
    """`--set` gives a preset to an agent that has none."""
    (agent,) = load(AGENT.format("", ""), override).agents
    assert agent.system_message.startswith("You ")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("reserch", "there is no preset 'reserch'; did you mean 'research'?"),
        ("{expret: law}", "there is no preset 'expret'; did you mean 'expert'?"),
        ("expert", "an expert needs a domain; write preset: {expert: DOMAIN}"),
        ("{expert: 3}", "an expert needs a domain; write preset: {expert: DOMAIN}"),
        ("{research: law}", "the preset 'research' takes no domain; write preset: research"),
        ("{}", "name one preset: research | computational | analytical | {expert: DOMAIN}"),
    ],
)
def test_presets_that_are_none(refused: Refused, said: str, problem: str) -> None:
    """What is wrong is told with its place, and with what may be meant."""
    assert refused(AGENT.format(f"preset: {said}, ", "")) == [f"1:24: {problem}"]


def test_a_preset_of_a_wrong_type(refused: Refused) -> None:
    """A number is no preset."""
    (problem,) = refused(AGENT.format("preset: 3, ", ""))
    assert problem.startswith("1:24: preset must be ")
