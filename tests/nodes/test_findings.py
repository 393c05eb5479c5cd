"""What a provider's own tool found, in words."""

from __future__ import annotations

from typing import Any

import pytest

from massgraph.nodes.findings import finding

PAGE = {"url": "https://example.org/rivers", "title": "Rivers"}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {"type": "web_search", "queries": ["a", "b"], "sources": [PAGE]},
            "“a”, “b”\nRivers <https://example.org/rivers>",
        ),
        (
            {"type": "citation", "sources": [{**PAGE, "text": "They rise."}]},
            "Rivers <https://example.org/rivers>: They rise.",
        ),
        ({"type": "url_context", "sources": [{"url": "http://x"}]}, "<http://x>"),
        ({"type": "code_execution", "code": "print(6)", "output": "6"}, "print(6)\n→ 6"),
        ({"type": "mine", "found": 3}, "{'type': 'mine', 'found': 3}"),
        ({"type": "web_search", "queries": None, "sources": None}, "{'type': 'web_search', "),
    ],
)
def test_a_finding(result: dict[str, Any], said: str) -> None:
    """Queries, sources, code and output are told; what nobody knows is told as it is."""
    assert finding(result).startswith(said)
