"""What an MCP tool returns, as text: a model of any provider can read it."""

from __future__ import annotations

import json

from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)


def text_of(result: CallToolResult) -> str:
    """Return a result's text; what is no text is named, with its size."""
    if not result.content and result.structuredContent is not None:
        return json.dumps(result.structuredContent, ensure_ascii=False)
    return "\n".join(_text(block) for block in result.content)


def _text(block: ContentBlock) -> str:
    match block:
        case TextContent():
            return block.text
        case ImageContent() | AudioContent():
            return _named(block.type, block.data)
        case EmbeddedResource():
            return _embedded(block)
        case ResourceLink():
            return f"[link: {block.uri}]"


def _embedded(block: EmbeddedResource) -> str:
    match block.resource:
        case TextResourceContents():
            return block.resource.text
        case BlobResourceContents():
            return _named("file", block.resource.blob)


def _named(kind: str, base64: str) -> str:
    size = len(base64) * 3 // 4
    return f"[{kind}, {max(1, round(size / 1000))} kB]"
