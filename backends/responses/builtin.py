"""What a provider's own tools did in a response: results, citations, and what is billed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from ..builtin import UNDERWAY, BuiltinToolResult, Source, source
from ..wire import Wire

_BEGUN: Mapping[str, str] = {
    "web_search_call": UNDERWAY["web_search"],
    "x_search_call": UNDERWAY["x_search"],
    "code_interpreter_call": UNDERWAY["code_execution"],
    "file_search_call": "searching files",
    "image_generation_call": "drawing an image",
    "mcp_call": "calling an MCP server",
    "custom_tool_call": UNDERWAY["other"],
}
"""What a person reads when an item of this type begins."""

_SILENT = frozenset({"message", "reasoning", "function_call"})


class _Page(Wire):
    url: str | None = None
    title: str | None = None


class _Action(Wire):
    type: str | None = None
    query: str | None = None
    queries: tuple[str, ...] | None = None
    sources: tuple[_Page, ...] | None = None
    url: str | None = None


class _Output(Wire):
    type: str | None = None
    logs: str | None = None


class _Use(Wire):
    """An item that is a use of a builtin tool."""

    type: str
    id: str | None = None
    name: str | None = None
    status: str | None = None
    error: str | dict[str, Any] | None = None
    action: _Action | None = None
    code: str | None = None
    container_id: str | None = None
    outputs: tuple[_Output, ...] | None = None
    input: str | None = None
    arguments: str | None = None


def begun(kind: str) -> str | None:
    """Return what a person reads when an item begins; None for the model's own words."""
    if kind in _SILENT or not kind.endswith("_call"):
        return None
    return _BEGUN.get(kind, kind.removesuffix("_call").replace("_", " "))


class BuiltinUses:
    """The uses of builtin tools in one response.

    Args:
        citations: Whether citations are told.
        most_sources: Pages of a search, and citations, that are told at most.
    """

    def __init__(self, *, citations: bool = True, most_sources: int | None = None) -> None:
        self._citations, self._most = citations, most_sources
        self._cited: dict[str, Source] = {}
        self._told = 0
        self._uses: Counter[str] = Counter()
        self._containers: set[str] = set()

    def result(self, item: Mapping[str, Any]) -> BuiltinToolResult | None:
        """Return what an item of the output says, unless it is none of a builtin tool.

        Raises:
            pydantic.ValidationError: When something in it has the wrong type.
        """
        kind = str(item.get("type"))
        if kind in _SILENT or not kind.endswith("_call"):
            return None
        use = _Use.model_validate(item)
        said = _RESULTS.get(_family(use), _other)(use)
        if "sources" in said:
            said["sources"] = said["sources"][: self._most]
        if use.id:
            said["id"] = use.id
        if use.status in ("failed", "incomplete") or use.error:
            said["error"] = _words(use.error) or f"it {use.status}"
        else:
            self._count(use)
        return said

    def cite(self, annotation: object) -> None:
        """Keep what an annotation cites, unless it is no page."""
        if not isinstance(annotation, Mapping) or not self._citations:
            return
        noted = cast("Mapping[str, Any]", annotation)
        if noted.get("type") != "url_citation":
            return
        page = _Page.model_validate(noted)
        if page.url and page.url not in self._cited:
            self._cited[page.url] = source(page.url, page.title)

    def citations(self) -> tuple[BuiltinToolResult, ...]:
        """Return the citations that were not told yet."""
        fresh = list(self._cited.values())[self._told : self._most]
        self._told += len(fresh)
        return tuple(BuiltinToolResult(type="citation", sources=[page]) for page in fresh)

    def counts(self) -> dict[str, int]:
        """Return the uses that are billed, by the items' own kinds, and distinct containers."""
        return {**self._uses, "containers": len(self._containers)}

    def _count(self, use: _Use) -> None:
        family = _family(use)
        # "Search actions incur a tool call cost": opening a page, or finding something in it, not.
        # https://developers.openai.com/api/docs/guides/tools-web-search#output-and-citations
        if family != "web_search_call" or use.action is None or use.action.type == "search":
            self._uses[family] += 1
        if family == "code_interpreter_call" and use.container_id:
            self._containers.add(use.container_id)


def _family(use: _Use) -> str:
    # https://docs.x.ai/developers/tools/tool-usage-details: x_keyword_search, x_thread_fetch, ...
    if use.type == "custom_tool_call" and (use.name or "").startswith("x_"):
        return "x_search_call"
    return use.type


def _web_search(use: _Use) -> BuiltinToolResult:
    action = use.action or _Action()
    if action.type in ("open_page", "find_in_page"):
        return BuiltinToolResult(type="url_context", sources=_sources([_Page(url=action.url)]))
    said = BuiltinToolResult(type="web_search", queries=_queries(action))
    if action.sources:
        said["sources"] = _sources(action.sources)
    return said


def _queries(action: _Action) -> list[str]:
    return list(action.queries or ([action.query] if action.query else []))


def _x_search(use: _Use) -> BuiltinToolResult:
    said = BuiltinToolResult(type="x_search", queries=[])
    if use.name:
        said["name"] = use.name
    try:
        asked: object = json.loads(use.input or use.arguments or "{}")
    except ValueError:
        return said
    if isinstance(asked, dict):
        query = cast("dict[str, Any]", asked).get("query")
        said["queries"] = [query] if isinstance(query, str) else []
    return said


def _code(use: _Use) -> BuiltinToolResult:
    said = BuiltinToolResult(type="code_execution", code=use.code or "")
    logs = [output.logs for output in use.outputs or () if output.logs]
    if logs:
        said["output"] = "".join(logs)
    return said


def _other(use: _Use) -> BuiltinToolResult:
    return BuiltinToolResult(type="other", name=use.name or use.type.removesuffix("_call"))


_RESULTS: Mapping[str, Callable[[_Use], BuiltinToolResult]] = {
    "web_search_call": _web_search,
    "x_search_call": _x_search,
    "code_interpreter_call": _code,
}


def _sources(pages: Iterable[_Page]) -> list[Source]:
    return [source(page.url, page.title) for page in pages if page.url]


def _words(error: str | Mapping[str, Any] | None) -> str:
    if isinstance(error, str) or error is None:
        return error or ""
    return str(error.get("message") or error.get("code") or "it failed")
