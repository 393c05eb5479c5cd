"""TeamChatModel passes LangChain's standard tests, for a team over HTTP on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from massgraph import Agent, Team, TeamChatModel
from massgraph.backends.chat_completions import ChatCompletionsBackend
from tests.wire.server import LoopbackServer


class Capabilities:
    """What is switched off, and so skipped, and why.

    - `has_tool_calling`, `has_tool_choice`, `has_structured_output`: the answer of a team is a
      text; its agents act by tools of their own, and get further ones by `Agent(tools=)`.
    - `supports_model_override`: which models answer is said by the team.
    - images, PDFs, audio, `supports_anthropic_inputs`: these tests fetch files from the internet,
      or are about one provider's blocks.
    - `supports_json_mode`, `enable_vcr_tests`, `is_lc_serializable`: as for BackendChatModel.
    - `init_from_env_params`: a team is made of agents, not of variables.
    """

    base_url: ClassVar[str] = ""

    @property
    def chat_model_class(self) -> type[TeamChatModel]:
        return TeamChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        url = self.base_url or "http://127.0.0.1:9/v1"
        backends = [ChatCompletionsBackend("m", base_url=url) for _ in range(2)]
        agents = [Agent(name, one) for name, one in zip(("alice", "bob"), backends, strict=True)]
        return {"team": Team(agents)}

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        return {"stop": []}  # sampling and retries are the agents'

    @property
    def supports_model_override(self) -> bool:
        return False


class TestUnit(Capabilities, ChatModelUnitTests):
    """What can be told without a call."""

    @pytest.mark.xfail(reason="a team has no max_tokens: each of its agents has its own")
    def test_standard_params(self, model: Any) -> None:
        super().test_standard_params(model)


def test_traces_name_the_team() -> None:
    """A trace shows who answers, and where the answer is cut: what the test above is about."""
    model = TeamChatModel(**Capabilities().chat_model_params, stop=["test"])
    assert model._get_ls_params() == {
        "ls_provider": "massgraph",
        "ls_model_name": "team",
        "ls_model_type": "chat",
        "ls_stop": ["test"],
    }


class TestIntegration(Capabilities, ChatModelIntegrationTests):
    """What takes calls."""

    @pytest.fixture(autouse=True)
    def _at(self, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Capabilities, "base_url", server.base_url)

    @pytest.fixture(autouse=True)
    async def _closed(self, model: TeamChatModel) -> AsyncIterator[None]:
        yield
        await model.aclose()
