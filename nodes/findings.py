"""What a provider's own tool found, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

OUTPUT = "→ "
"""Stands before what code has printed, behind the code."""


def finding(result: Mapping[str, Any]) -> str:
    """Return what one use of a builtin tool came to, or what one citation says.

    Args:
        result: A `BuiltinToolResult`; a backend of one's own may send any mapping, and then the
            mapping itself is what is told.
    """
    return "\n".join(_lines(result)) or str(dict(result))


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    queries = result.get("queries") or ()
    if queries:
        yield ", ".join(f"“{query}”" for query in queries)
    for source in result.get("sources") or ():
        title, text = source.get("title"), source.get("text")
        named = f"{title} <{source.get('url')}>" if title else f"<{source.get('url')}>"
        yield f"{named}: {text}" if text else named
    if result.get("code"):
        yield str(result["code"])
    if result.get("output"):
        yield f"{OUTPUT}{result['output']}"
