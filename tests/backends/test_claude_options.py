"""What a person may set on a Claude model, and what is sent of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import anthropic.types
import pytest
from anthropic.types.model import Model

from massgraph.backends.claude import ClaudeBackend
from massgraph.backends.claude.models import PROFILES
from massgraph.backends.errors import MissingError, UserError
from massgraph.backends.options import options_model
from massgraph.backends.profile import of_model

SHOWN = {"type": "adaptive", "display": "summarized"}
KEY = "sk-ant-api03-secret"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without the variables of Anthropic."""
    for name in ("API_KEY", "BASE_URL", "AUTH_TOKEN", "CUSTOM_HEADERS"):
        monkeypatch.delenv(f"ANTHROPIC_{name}", raising=False)


def built(model: str, **options: Any) -> ClaudeBackend:
    """Return a backend."""
    return ClaudeBackend(model, **{"api_key": KEY, **options})


def params(model: str, **options: Any) -> Mapping[str, Any]:
    """Return what a backend with these options sends beside the conversation."""
    return built(model, **options)._settings.params


# --- models ------------------------------------------------------------------------------------


def test_every_model_of_the_sdk_has_a_row() -> None:
    """No model that the SDK names falls back on what is only a guess."""
    names = [name for part in Model.__args__ for name in getattr(part, "__args__", ())]
    assert len(names) > 20
    rest = {start: row for start, row in PROFILES.items() if start not in ("", "claude-")}
    for name in names:
        assert any(name.startswith(start) for start in rest), name


def test_every_tool_version_is_one_of_the_sdk() -> None:
    """Each version of a builtin tool in the table is a type that the SDK knows."""
    known = {name.lower().removesuffix("param") for name in vars(anthropic.types)}
    for row in PROFILES.values():
        for version in row.tools.values():
            kind, _, date = version.rpartition("_")
            assert f"{kind.replace('_', '')}tool{date}" in known


@pytest.mark.parametrize(
    ("model", "options", "thinking", "effort", "most"),
    [
        ("claude-opus-5-5", {}, SHOWN, None, 32_000),
        ("claude-sonnet-5", {"reasoning_effort": "max"}, SHOWN, "max", 32_000),
        ("claude-sonnet-5", {"thinking_budget": 0}, {"type": "disabled"}, None, 32_000),
        ("claude-sonnet-5-5", {"thinking_budget": 0}, {"type": "between_tools"}, None, 32_000),
        ("claude-opus-4-8", {}, None, None, 32_000),
        ("claude-opus-4-8", {"reasoning_effort": "xhigh"}, SHOWN, "xhigh", 32_000),
        (
            "claude-opus-4-6",
            {"thinking_budget": 4096},
            {"type": "enabled", "budget_tokens": 4096},
            None,
            36_096,
        ),
        ("claude-haiku-4-5-20251001", {}, None, None, 16_000),
        (
            "claude-haiku-4-5",
            {"thinking_budget": 60_000},
            {"type": "enabled", "budget_tokens": 60_000},
            None,
            64_000,
        ),
        ("claude-opus-4-5", {"reasoning_effort": "low"}, None, "low", 16_000),
        ("claude-opus-4-8", {"max_tokens": 100}, None, None, 100),
        ("some-other-model", {}, None, None, 8_192),
        ("some-other-model", {"reasoning_effort": "low"}, SHOWN, "low", 8_192),
    ],
)
def test_thinking(
    model: str, options: dict[str, Any], thinking: Any, effort: str | None, most: int
) -> None:
    """Each family thinks in its own form; `max_tokens` holds a budget of thinking, too."""
    got = params(model, **options)
    assert got.get("thinking") == thinking
    assert got.get("output_config", {}).get("effort") == effort
    assert got["max_tokens"] == most


@pytest.mark.parametrize(
    ("model", "options", "name", "why"),
    [
        ("claude-opus-5-5", {"temperature": 0.2}, "temperature", "gone"),
        ("claude-haiku-4-5", {"temperature": 0.2}, "temperature", "gone"),
        ("claude-haiku-4-5", {"extra_body": {"top_p": 0.2}}, "top_p", "gone"),
        ("claude-opus-5-5", {"thinking_budget": 2048}, "thinking_budget", "reasoning_effort"),
        ("claude-opus-5-5", {"thinking_budget": 0}, "thinking_budget", "always thinks"),
        ("claude-haiku-4-5", {"reasoning_effort": "low"}, "reasoning_effort", "thinking_budget"),
        ("claude-3-haiku-20240307", {"reasoning_effort": "low"}, "reasoning_effort", "not think"),
    ],
)
def test_what_a_model_does_not_take_is_not_sent(
    model: str, options: dict[str, Any], name: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A parameter that the model does not take is a warning, and is not sent."""
    with caplog.at_level(logging.WARNING, logger="massgraph"):
        backend = built(model, **options)
    assert why in backend.unsent[name]
    assert backend.unsent[name] in caplog.text
    assert name not in backend._settings.params
    assert "budget_tokens" not in str(backend._settings.params)


def test_a_call_may_not_set_them_either() -> None:
    """What is given for one call is looked at, too; None leaves a key out."""
    settings = built("claude-opus-5-5")._settings
    merged = settings.merged({"temperature": 1, "thinking": None, "max_tokens": 5}, "m")
    assert "temperature" not in merged
    assert (merged["thinking"], merged["max_tokens"]) == (None, 5)


# --- builtin tools -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "search", "fetch", "code"),
    [
        ("claude-opus-5-5", "20260318", "20260318", "20260521"),
        ("claude-opus-4-8", "20260209", "20260209", "20260521"),
        ("claude-haiku-4-5-20251001", "20250305", "20250910", "20260521"),
        ("claude-sonnet-4-20250514", "20250305", "20250910", "20250825"),
    ],
)
def test_builtin_tools(model: str, search: str, fetch: str, code: str) -> None:
    """Each model gets the versions that it supports."""
    options = {"enable_web_search": True, "max_searches": 3, "enable_web_fetch": True}
    assert params(model, **options, enable_code_interpreter=True)["tools"] == [
        {"type": f"web_search_{search}", "name": "web_search", "max_uses": 3},
        {"type": f"web_fetch_{fetch}", "name": "web_fetch"},
        {"type": f"code_execution_{code}", "name": "code_execution"},
    ]


def test_tools_of_the_body_stand_behind_the_builtin_ones() -> None:
    """Further tools of Anthropic's can be given as they are."""
    memory = {"type": "memory_20250818", "name": "memory"}
    got = params("claude-opus-5-5", enable_web_search=True, extra_body={"tools": [memory]})
    assert [tool["name"] for tool in got["tools"]] == ["web_search", "memory"]


def test_the_body_goes_over_what_is_made() -> None:
    """`extra_body` wins, and adds to `output_config`."""
    extra = {"thinking": {"type": "adaptive"}, "output_config": {"format": {}}, "max_tokens": 3}
    got = params("claude-opus-5-5", reasoning_effort="low", extra_body=extra)
    assert got["thinking"] == {"type": "adaptive"}
    assert got["output_config"] == {"effort": "low", "format": {}}
    assert got["max_tokens"] == 3


def test_what_a_model_has() -> None:
    """A backend tells which builtin tools its model has."""
    assert built("claude-opus-5-5").supported_builtin_tools == {
        "web_search", "url_context", "code_execution",
    }  # fmt: skip
    assert built("claude-3-haiku-20240307").supported_builtin_tools == frozenset()


# --- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("claude-3-haiku", {"enable_web_search": True}, "claude:claude-3-haiku.*enable_web_search"),
        ("claude-3-haiku", {"enable_code_interpreter": True}, "code execution.*code_interpreter"),
        ("claude-3-haiku", {"enable_web_fetch": True}, "no web fetch"),
        ("claude-opus-5", {"max_searches": 2}, "needs enable_web_search"),
        ("claude-opus-4-6", {"reasoning_effort": "xhigh"}, "xhigh.*low, medium, high, max"),
        ("claude-opus-4-6", {"thinking_budget": 100}, "at least 1024"),
        ("claude-opus-4-6", {"thinking_budget": 4000, "max_tokens": 4000}, "less than max_tokens"),
        ("claude-opus-5-5", {"extra_body": {"tool_choice": {"type": "any"}}}, "cannot be forced"),
        (
            "claude-opus-4-6",
            {"thinking_budget": 2000, "extra_body": {"tool_choice": {"type": "any"}}},
            "while the model thinks",
        ),
        ("", {}, "needs a model"),
        ("claude-opus-5", {"api_key": "sk-proj-abcdef"}, "one of OpenAI, not of Anthropic"),
        ("claude-opus-5", {"api_key": "gsk_abcdef"}, "one of Groq"),
        ("claude-opus-5", {"base_url": "localhost:80"}, "not an http.* URL.*8000"),
        ("claude-opus-5", {"base_url": "https://api.anthropic.com?a=1"}, "must have no query"),
    ],
)
def test_mistakes(model: str, options: dict[str, Any], words: str) -> None:
    """What cannot work is refused at once, in words that name provider, model and setting."""
    with pytest.raises(UserError, match=words) as caught:
        built(model, **options)
    assert str(options.get("api_key", KEY)) not in str(caught.value)


def test_a_missing_key() -> None:
    """Anthropic's own host needs a key, and the message says where it is looked for."""
    with pytest.raises(MissingError, match="ANTHROPIC_API_KEY"):
        ClaudeBackend("claude-opus-5")


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/messages"])
def test_a_base_url_with_the_path_of_the_sdk(path: str) -> None:
    """A path that the SDK adds by itself is left out of the URL; any other one stays."""
    assert built("m", base_url=f"http://127.0.0.1:9{path}")._at.url == "http://127.0.0.1:9"
    assert built("m", base_url="http://127.0.0.1:9/proxy/v1")._at.url == "http://127.0.0.1:9/proxy"


def test_forcing_a_call_leaves_out_thinking_that_nobody_asked_for() -> None:
    """Thinking that is only to be shown does not stand in the way of a forced call."""
    backend = built("claude-haiku-5-5")
    choice = {"type": "tool", "name": "vote"}
    assert "thinking" in backend._settings.params
    assert "thinking" not in backend._settings.merged({"tool_choice": choice}, "m")
    choice = {"type": "auto"}
    assert "thinking" in backend._settings.merged({"tool_choice": choice}, "m")


def test_a_config_knows_the_options() -> None:
    """A config may hold the arguments, and is told what they may be."""
    model = options_model(ClaudeBackend)
    assert model(model="m", reasoning_effort="low", max_searches=3, enable_web_fetch=True)
    with pytest.raises(ValueError, match="reasoning_effort"):
        model(model="m", reasoning_effort="huge")
    with pytest.raises(ValueError, match="max_searches"):
        model(model="m", max_searches="3")


def test_nothing_secret_is_shown() -> None:
    """A key is in no repr."""
    assert KEY not in repr(built("claude-opus-5"))
    assert of_model(PROFILES, "claude-opus-5").thinks
