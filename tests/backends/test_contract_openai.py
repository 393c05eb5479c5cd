"""The contract, for models of OpenAI."""

from __future__ import annotations

from massgraph.backends.base import LLMBackend
from massgraph.backends.openai import OpenAIBackend
from tests.wire.server import LoopbackServer

from .contract import BackendContract
from .responses_harness import ResponsesHarness


def _build(server: LoopbackServer, model: str) -> LLMBackend:
    return OpenAIBackend(model, base_url=server.base_url, api_key="k")


class TestOpenAI(BackendContract):
    """A model that reasons fulfils the contract."""

    harness = ResponsesHarness(lambda server: _build(server, "gpt-5.4"))


class TestOpenAIWithBreakpoints(BackendContract):
    """A model whose cache wants breakpoints fulfils the contract."""

    harness = ResponsesHarness(lambda server: _build(server, "gpt-5.6-sol"))


class TestOpenAIWithoutReasoning(BackendContract):
    """A model that does not reason fulfils the contract."""

    harness = ResponsesHarness(lambda server: _build(server, "gpt-4.1"))
