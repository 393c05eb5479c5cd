"""The results of Anthropic's own tools, in the form that all providers share.

They come whole, in the start of their block, and name the use of the tool that they belong to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from ..builtin import UNDERWAY, BuiltinKind, BuiltinToolResult, Source, source
from ..wire import mapping

_LONGEST_TEXT = 2000
"""Characters of a page that are shown; the model has read it all."""

_KINDS: Mapping[str, BuiltinKind] = {
    "web_search_tool_result": "web_search",
    "web_fetch_tool_result": "url_context",
    "code_execution_tool_result": "code_execution",
    "bash_code_execution_tool_result": "code_execution",
    "text_editor_code_execution_tool_result": "code_execution",
    "tool_search_tool_result": "other",
}


def underway(name: str) -> str:
    """Return what a person reads while the builtin tool of this name is used."""
    return UNDERWAY[_KINDS.get(f"{name}_tool_result", "other")]


def is_result(block: Mapping[str, Any]) -> bool:
    """Return whether a block is the result of a builtin tool."""
    return str(block.get("type", "")).endswith("_tool_result")


def result_of(block: Mapping[str, Any], use: Mapping[str, Any]) -> BuiltinToolResult:
    """Return what a builtin tool has done.

    Args:
        block: The block of the result.
        use: The `server_tool_use` block that it belongs to; empty where there was none.
    """
    kind = _KINDS.get(str(block.get("type")), "other")
    result = BuiltinToolResult(
        type=kind,
        id=str(block.get("tool_use_id", "")),
        name=str(use.get("name") or str(block["type"]).removesuffix("_tool_result")),
    )
    _ASKED[kind](result, mapping(use.get("input")))
    content = block.get("content")
    error = mapping(content).get("error_code")
    if error is not None:
        result["error"] = str(mapping(content).get("error_message") or error)
    else:
        _FOUND[kind](result, content)
    return result


def citation_of(block: Mapping[str, Any]) -> BuiltinToolResult | None:
    """Return a citation, or None where it names no page (but a part of a document)."""
    url = block.get("url") or block.get("source")
    if not url:
        return None
    return BuiltinToolResult(
        type="citation", sources=[_source(url, block, block.get("cited_text"))]
    )


# --- what was asked ----------------------------------------------------------------------------


def _search_asked(result: BuiltinToolResult, given: Mapping[str, Any]) -> None:
    if given.get("query"):
        result["queries"] = [str(given["query"])]


def _code_asked(result: BuiltinToolResult, given: Mapping[str, Any]) -> None:
    code = given.get("code") or (None if "path" in given else given.get("command"))
    if code or given:
        result["code"] = str(code) if code else json.dumps(given, ensure_ascii=False)


def _nothing(_result: BuiltinToolResult, _given: object) -> None:
    """Say nothing."""


# --- what was found ----------------------------------------------------------------------------


def _pages_found(result: BuiltinToolResult, content: Any) -> None:
    pages = cast("list[object]", content) if isinstance(content, list) else []
    found = [mapping(page) for page in pages]
    result["sources"] = [_source(page["url"], page) for page in found if page.get("url")]


def _page_read(result: BuiltinToolResult, content: Any) -> None:
    page = mapping(content)
    document = mapping(page.get("content"))
    held = mapping(document.get("source"))
    text = held.get("data") if held.get("type") == "text" else None
    if page.get("url"):
        result["sources"] = [_source(page["url"], document, text)]


def _code_ran(result: BuiltinToolResult, content: Any) -> None:
    said = mapping(content)
    parts = [said.get("stdout"), said.get("stderr")]
    if isinstance(said.get("content"), str):
        parts.append(said["content"])
    parts += said.get("lines") or ()
    output = "\n".join(str(part) for part in parts if part)
    result["output"] = output
    if said.get("return_code"):
        result["error"] = f"exit code {said['return_code']}"


def _source(url: Any, named: Mapping[str, Any], text: Any = None) -> Source:
    shown = str(text)[:_LONGEST_TEXT] if text else None
    return source(str(url), str(named.get("title") or ""), shown)


_ASKED: Mapping[BuiltinKind, Callable[[BuiltinToolResult, Mapping[str, Any]], None]] = {
    "web_search": _search_asked,
    "url_context": _nothing,
    "code_execution": _code_asked,
    "other": _nothing,
}
_FOUND: Mapping[BuiltinKind, Callable[[BuiltinToolResult, Any], None]] = {
    "web_search": _pages_found,
    "url_context": _page_read,
    "code_execution": _code_ran,
    "other": _nothing,
}
