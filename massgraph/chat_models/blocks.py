"""What a provider's own tools have found, among LangChain's blocks of content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import (
    Citation,
    ContentBlock,
    ServerToolCall,
    ServerToolResult,
)

from ..backends.builtin import BuiltinToolResult, Source

PROVIDER = "massgraph"
"""Who has made a message, for LangChain: what it knows of a provider is not true of ours."""
FOUND = "builtin_tool_results"
"""The key of `additional_kwargs` that holds them, in our own form."""

_ASKED = ("queries", "code")
_TOLD = ("sources", "output", "error")


def content_blocks(message: AIMessage) -> list[ContentBlock]:
    """Return the blocks of a message: builtin tools before the text, citations with the text."""
    bare = message.model_copy(update={"response_metadata": {}})
    blocks = list(bare.content_blocks)
    found = cast("list[BuiltinToolResult]", message.additional_kwargs.get(FOUND, []))
    cited = [_citation(page) for one in found if one["type"] == "citation" for page in _pages(one)]
    place = next((n for n, block in enumerate(blocks) if block["type"] == "text"), len(blocks))
    if cited and place < len(blocks):
        blocks[place] = cast("ContentBlock", {**blocks[place], "annotations": cited})
    uses = [one for one in found if one["type"] != "citation"]
    blocks[place:place] = [block for n, one in enumerate(uses) for block in _use(one, n)]
    return blocks


def _use(result: BuiltinToolResult, number: int) -> Iterator[ServerToolCall | ServerToolResult]:
    use_id = result.get("id") or f"builtin_{number}"
    yield ServerToolCall(
        type="server_tool_call", id=use_id, name=result["type"], args=_part(result, _ASKED)
    )
    yield ServerToolResult(
        type="server_tool_result",
        tool_call_id=use_id,
        status="error" if result.get("error") else "success",
        output=_part(result, _TOLD),
    )


def _part(result: BuiltinToolResult, keys: tuple[str, ...]) -> dict[str, Any]:
    said = cast("Mapping[str, Any]", result)
    return {key: said[key] for key in keys if key in said}


def _pages(result: BuiltinToolResult) -> list[Source]:
    return result.get("sources", [])


def _citation(page: Source) -> Citation:
    citation = Citation(type="citation", url=page["url"])
    if title := page.get("title"):
        citation["title"] = title
    if text := page.get("text"):
        citation["cited_text"] = text
    return citation


register_translator(PROVIDER, content_blocks, content_blocks)
