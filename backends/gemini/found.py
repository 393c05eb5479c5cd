"""What the builtin tools of a Gemini model found: searches, pages, code, citations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from ..builtin import UNDERWAY, BuiltinKind, BuiltinToolResult, Source, source

if TYPE_CHECKING:
    from google.genai import types

_KINDS: dict[str, BuiltinKind] = {
    "GOOGLE_SEARCH_WEB": "web_search",
    "GOOGLE_SEARCH_IMAGE": "web_search",
    "URL_CONTEXT": "url_context",
}
_FETCHED = "URL_RETRIEVAL_STATUS_SUCCESS"
_RAN_WELL = "OUTCOME_OK"


class Found:
    """Gathers what the builtin tools of one answer did.

    Code and its output come one after the other; searches and pages are told in pieces, and what
    they led to stands in the frames' metadata: they are told at the end.
    """

    def __init__(self) -> None:
        self._code: dict[str, str] = {}
        self._code_runs = 0
        self._calls: list[tuple[str, str, dict[str, Any]]] = []
        self._queries: list[str] = []
        self._sources: dict[str, Source] = {}
        self._pages: dict[str, str] = {}
        self._cited: dict[str, Source] = {}
        self._grounded = False

    # --- what a part says ----------------------------------------------------------------------

    def code(self, part: types.ExecutableCode) -> str:
        """Take in code that is about to run, and return what a person reads meanwhile."""
        self._code[part.id or ""] = part.code or ""
        return UNDERWAY["code_execution"]

    def code_result(self, part: types.CodeExecutionResult) -> BuiltinToolResult:
        """Return one run of code, now that its output is there."""
        self._code_runs += 1
        code = self._code.pop(part.id or "", None)
        if code is None and self._code:
            code = self._code.pop(next(iter(self._code)))
        result = BuiltinToolResult(type="code_execution", name="code_execution", code=code or "")
        if part.id:
            result["id"] = part.id
        outcome = part.outcome.value if part.outcome else _RAN_WELL
        if outcome == _RAN_WELL:
            result["output"] = part.output or ""
        else:
            result["error"] = part.output or outcome
        return result

    def tool_call(self, call: types.ToolCall) -> str:
        """Take in the call of another builtin tool, and return what a person reads meanwhile."""
        kind = call.tool_type.value if call.tool_type else "a builtin tool"
        self._calls.append((kind, call.id or "", call.args or {}))
        return UNDERWAY[_KINDS.get(kind, "other")]

    # --- what the metadata say -----------------------------------------------------------------

    def metadata(self, candidate: types.Candidate) -> None:
        """Take in the metadata of a frame."""
        if candidate.grounding_metadata:
            self._read_grounding(candidate.grounding_metadata)
        pages = candidate.url_context_metadata
        for page in (pages and pages.url_metadata) or ():
            if page.retrieved_url:
                status = page.url_retrieval_status
                self._pages[page.retrieved_url] = status.value if status else _FETCHED
        quoted = candidate.citation_metadata
        for citation in (quoted and quoted.citations) or ():
            if citation.uri:
                self._cite(citation.uri, citation.title, None)

    def _read_grounding(self, grounding: types.GroundingMetadata) -> None:
        queries = filter(None, grounding.web_search_queries or ())
        self._queries += [query for query in queries if query not in self._queries]
        chunks = [chunk.web or chunk.image for chunk in grounding.grounding_chunks or ()]
        for chunk in chunks:
            if chunk and (url := _url(chunk)):
                self._sources.setdefault(url, source(url, chunk.title, None))
        self._grounded = self._grounded or bool(self._queries or chunks)
        for support in grounding.grounding_supports or ():
            text = support.segment.text if support.segment else None
            for index in support.grounding_chunk_indices or ():
                chunk = chunks[index] if 0 <= index < len(chunks) else None
                if chunk and (url := _url(chunk)):
                    self._cite(url, chunk.title, text)

    def _cite(self, url: str, title: str | None, text: str | None) -> None:
        self._cited.setdefault(url, source(url, title, text))

    # --- what it comes to ----------------------------------------------------------------------

    def counts(self, billed: Literal["query", "prompt"]) -> dict[str, int]:
        """Return how often each tool was used, in the units of its price.

        Args:
            billed: Whether each search counts, or only whether there was any.
        """
        queries = {*self._queries, *self._called_queries()}
        searches = len(queries) if billed == "query" else int(self._grounded or bool(queries))
        used = {
            "web_searches": searches,
            "fetches": len(self._pages),
            "code_executions": self._code_runs,
        }
        return {unit: count for unit, count in used.items() if count}

    def _called_queries(self) -> Iterator[str]:
        for kind, _, args in self._calls:
            if _KINDS.get(kind) == "web_search":
                yield from _words(args.get("queries"))

    def results(self) -> tuple[BuiltinToolResult, ...]:
        """Return what is told at the end: the searches, the pages, and then the citations."""
        cited = (
            BuiltinToolResult(type="citation", sources=[page]) for page in self._cited.values()
        )
        return (*self._searches(), *self._fetches(), *self._others(), *cited)

    def _searches(self) -> Iterator[BuiltinToolResult]:
        """Yield the searches; the sources are told of all together, so the first one has them."""
        sources = list(self._sources.values())
        calls = [call for call in self._calls if _KINDS.get(call[0]) == "web_search"]
        if not calls and (self._queries or sources):
            calls = [("", "", {"queries": self._queries})]
        for _, call_id, args in calls:
            queries = _words(args.get("queries"))
            result = BuiltinToolResult(type="web_search", name="google_search", queries=queries)
            yield _named(result, call_id, sources)
            sources = []

    def _fetches(self) -> Iterator[BuiltinToolResult]:
        for url, status in self._pages.items():
            result = BuiltinToolResult(
                type="url_context", name="url_context", sources=[Source(url=url)]
            )
            if status != _FETCHED:
                result["error"] = status
            yield result

    def _others(self) -> Iterator[BuiltinToolResult]:
        for kind, call_id, args in self._calls:
            known = _KINDS.get(kind)
            if known == "url_context" and not self._pages:
                pages = [Source(url=url) for url in _words(args.get("urls"))]
                yield _named(BuiltinToolResult(type=known, name="url_context"), call_id, pages)
            elif known is None:
                yield _named(BuiltinToolResult(type="other", name=kind.lower()), call_id, [])


def _named(result: BuiltinToolResult, call_id: str, sources: list[Source]) -> BuiltinToolResult:
    if call_id:
        result["id"] = call_id
    if sources:
        result["sources"] = sources
    return result


def _url(chunk: types.GroundingChunkWeb | types.GroundingChunkImage) -> str | None:
    return getattr(chunk, "uri", None) or getattr(chunk, "source_uri", None)


def _words(value: object) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
