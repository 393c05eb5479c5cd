"""The contract, for Grok."""

from __future__ import annotations

from massgraph.backends.grok import GrokBackend

from .contract import BackendContract
from .responses_harness import ResponsesHarness


class TestGrok(BackendContract):
    """Grok fulfils the contract, also when it is told to search."""

    harness = ResponsesHarness(
        lambda server: GrokBackend(
            "grok-4.5",
            base_url=f"{server.origin}/xai/v1",
            api_key="k",
            search_mode="on",
            return_citations=False,
        )
    )
