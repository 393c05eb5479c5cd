"""The results of a provider's own tools, in one form for all providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Required, TypedDict

BuiltinKind = Literal[
    "web_search", "x_search", "url_context", "code_execution", "citation", "other"
]

UNDERWAY: Mapping[BuiltinKind, str] = {
    "web_search": "searching the web",
    "x_search": "searching X",
    "url_context": "reading a page",
    "code_execution": "running code",
    "citation": "citing a page",
    "other": "using a tool",
}
"""What a person reads while a tool of this kind is at work, whosoever it is."""


class Source(TypedDict, total=False):
    """A page that was found, read or cited; `text` is what it says, as far as it was told."""

    url: Required[str]
    title: str
    text: str


class BuiltinToolResult(TypedDict, total=False):
    """One use of a provider's own tool, or one citation in the answer.

    `queries` and `sources` go with a search, `sources` with a page that was read and with a
    citation, `code` and `output` with code that was run; `error` says why it did not work.
    """

    type: Required[BuiltinKind]
    id: str
    name: str
    queries: list[str]
    sources: list[Source]
    code: str
    output: str
    error: str


def source(url: str, title: str | None = None, text: str | None = None) -> Source:
    """Return a page with what is known of it."""
    made = Source(url=url)
    if title:
        made["title"] = title
    if text:
        made["text"] = text
    return made
