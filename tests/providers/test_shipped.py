"""The configs that come with massgraph: each is right, draws, and runs to its end."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import pytest

from massgraph import Policy, Team
from massgraph.backends.base import LLMBackend
from massgraph.config import load_config
from massgraph.config.files import SHIPPED, shipped_names
from massgraph.graphs.drawing import mermaid

from ..wire.__main__ import environment
from ..wire.asked import asked
from ..wire.brain import brain
from ..wire.server import LoopbackServer

QUESTION = "Why do rivers rise?"
NAMES = [name for name in shipped_names() if name != "local"]
"""All but the embedded team, which has tests of its own."""
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY")
SEARCHING = {
    "gemini_4o_claude": {"gemini"},
    "news_analysis": {"reporter", "wire", "analyst", "editor"},
    "research": {"primary", "breadth", "sceptic"},
    "single_flash": {"flash"},
    "three_agents": {"current"},
    "travel_planning": {"planner", "treasurer", "local"},
}
"""Whose models may search the web."""
COMPUTING = {
    "gemini_4o_claude": {"gpt"},
    "technical_analysis": {"calculator", "tester", "architect"},
}
"""Whose models may run code."""


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    """Serve all four providers on this machine."""
    with LoopbackServer(brain) as server:
        yield server


@pytest.fixture
def keys(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> LoopbackServer:
    """Lead all SDKs to the server."""
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    server.requests.clear()
    server.refused.clear()
    return server


def test_the_ten_of_them() -> None:
    """These are found by their bare names."""
    assert set(NAMES) == {
        *("single_agent", "single_flash", "two_agents", "three_agents", "gemini_4o_claude"),
        *("research", "creative", "news_analysis", "technical_analysis", "travel_planning"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_without_keys(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with it but keys that are missing, and its head says which it needs."""
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    head = (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8").split("\nagent")[0]
    assert f"massgraph run -c {name} " in head
    missing = load_config(name).warnings
    wanted = {key for warning in missing for key in re.findall(r"\b\w+_API_KEY\b", warning.message)}
    assert all(warning.missing for warning in missing)
    assert wanted == set(re.findall(r"\b\w+_API_KEY\b", head))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_team_of_roles(name: str, keys: LoopbackServer) -> None:
    """Each agent has a role of its own, and the graph draws with all of them."""
    config = load_config(name)
    assert config.warnings == []
    roles = [agent.system_message for agent in config.agents]
    assert len({*roles}) == len(roles)
    assert min(map(len, roles)) > 60
    assert len(roles) == 1 or config.policy != Policy()
    drawn = mermaid(Team.from_config(name).drawn())
    assert all(agent.id in drawn for agent in config.agents)
    assert keys.requests == []


@pytest.mark.parametrize("name", NAMES)
async def test_it_runs(name: str, keys: LoopbackServer) -> None:
    """Everybody answers, all but one agent alone vote, and no provider refuses a request."""
    team = Team.from_config(name)
    result = await team.arun(QUESTION)
    await team.aclose()
    ids = {agent.id for agent in load_config(name).agents}
    assert keys.refused == []
    assert (result.outcome, dict(result.failures)) == ("settled", {})
    assert set(result.answers) == ids
    assert {vote.voter for vote in result.votes} == (ids if len(ids) > 1 else set())
    assert result.answer is not None
    assert "rivers rise when it rains" in result.answer
    assert result.total.cost_usd is not None
    assert 0 < result.total.cost_usd < 5
    assert using(keys, "web_search") == models(name, SEARCHING.get(name, ()))
    assert using(keys, "code_execution") == models(name, COMPUTING.get(name, ()))


def using(server: LoopbackServer, tool: str) -> set[str]:
    """Return the models that were sent a builtin tool."""
    views = [asked(request) for request in server.requests]
    return {view.model for view in views if tool in view.builtin}


def models(name: str, ids: Collection[str]) -> set[str]:
    """Return the models of some agents of a config."""
    backends = {agent.id: agent.backend for agent in load_config(name).agents}
    return {backend.model for i in ids if isinstance(backend := backends[i], LLMBackend)}
