"""The results of a provider's own tools, in one form for all providers."""

from __future__ import annotations

from typing import Literal, Required, TypedDict

BuiltinKind = Literal[
    "web_search", "x_search", "url_context", "code_execution", "citation", "other"
]


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
