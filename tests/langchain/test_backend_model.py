"""BackendChatModel passes LangChain's standard tests, over chat completions on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from massgraph import BackendChatModel
from tests.wire.server import LoopbackServer


class Capabilities:
    """What is switched on and off; what is off is skipped.

    Off, and why:

    - images, PDFs, audio (`supports_*_inputs`, `supports_*_tool_message`): these tests fetch files
      from the internet, and what a model sees is its provider's affair.
    - `supports_anthropic_inputs`: Anthropic's own blocks of content belong to Anthropic.
    - `supports_json_mode`: structured output goes by tool calling.
    - `enable_vcr_tests`: nothing is recorded; the server is real.
    - `is_lc_serializable` (`test_serdes`): the model holds connections and a key.
    """

    base_url: ClassVar[str] = ""

    @property
    def chat_model_class(self) -> type[BackendChatModel]:
        return BackendChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        url = self.base_url or "http://127.0.0.1:9/v1"
        return {"backend": {"type": "chat_completions", "model": "model-one", "base_url": url}}

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "model-two"

    @property
    def supported_usage_metadata_details(self) -> dict[str, list[str]]:
        details = ["reasoning_output", "cache_read_input"]
        return {"invoke": details, "stream": details}


class TestUnit(Capabilities, ChatModelUnitTests):
    """What can be told without a call."""

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        env = {"OPENAI_API_KEY": "sk-not-a-key"}
        return env, {"backend": "chat_completions:model-one"}, {"max_retries": 2}


class TestIntegration(Capabilities, ChatModelIntegrationTests):
    """What takes calls."""

    @pytest.fixture(autouse=True)
    def _at(self, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Capabilities, "base_url", server.base_url)

    @pytest.fixture(autouse=True)
    async def _closed(self, model: BackendChatModel) -> AsyncIterator[None]:
        yield
        await model.aclose()

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self._invoke(stream=stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._invoke(stream=stream)

    def _invoke(self, *, stream: bool) -> AIMessage:
        model = BackendChatModel(**self.chat_model_params)
        if not stream:
            return model.invoke("Hello")
        first, *rest = model.stream("Hello")
        assert isinstance(first, AIMessageChunk)
        return first + rest
