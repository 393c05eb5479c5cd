"""What a person reads while a provider's own tool is at work: the same words for all providers."""

from __future__ import annotations

from typing import get_args

import pytest
from google.genai import types

from massgraph.backends.builtin import UNDERWAY, BuiltinKind
from massgraph.backends.claude.results import underway
from massgraph.backends.gemini.found import Found
from massgraph.backends.responses.builtin import begun


def test_every_kind_has_its_words() -> None:
    """No kind of result is without words for what is going on."""
    assert set(UNDERWAY) == set(get_args(BuiltinKind))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("web_search", "web_search"),
        ("web_fetch", "url_context"),
        ("code_execution", "code_execution"),
        ("bash_code_execution", "code_execution"),
        ("text_editor_code_execution", "code_execution"),
        ("tool_search_tool_regex", "other"),
    ],
)
def test_claude(name: str, kind: BuiltinKind) -> None:
    """Anthropic's names are known by their results."""
    assert underway(name) == UNDERWAY[kind]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("GOOGLE_SEARCH_WEB", "web_search"), ("URL_CONTEXT", "url_context"), ("FILE_SEARCH", "other")],
)
def test_gemini(name: str, kind: BuiltinKind) -> None:
    """Google's names are none that a person reads."""
    assert Found().tool_call(types.ToolCall(tool_type=types.ToolType(name))) == UNDERWAY[kind]
    assert Found().code(types.ExecutableCode(code="6 * 7")) == UNDERWAY["code_execution"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("web_search_call", "web_search"),
        ("x_search_call", "x_search"),
        ("code_interpreter_call", "code_execution"),
    ],
)
def test_responses(name: str, kind: BuiltinKind) -> None:
    """OpenAI's and xAI's items have their kinds in common."""
    assert begun(name) == UNDERWAY[kind]
