"""`fallback:` and `limits:` in a config: checked as a backend is, where they stand."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

from dataclasses import fields

import pytest

from massgraph.backends.fallback import FallbackBackend
from massgraph.backends.limited import LimitedBackend
from massgraph.backends.limits import Limits
from massgraph.backends.options import LimitsFields
from massgraph.backends.scripted import ScriptedBackend
from massgraph.config import ConfigError

from .conftest import Load, Refused

SCRIPT = "type: scripted, turns: [{new_answer: x}]"
SERVER = "type: chat_completions, model: m, base_url: 'http://127.0.0.1:9/v1'"


def test_a_fallback_and_limits(load: Load) -> None:
    """Both arrive at the agent; a backend's own limits replace the defaults."""
    team = load(f"""\
agents:
  - backend: {{{SCRIPT}, limits: {{concurrent_calls: 2}}}}
    fallback: {{{SCRIPT}}}
  - backend: {{{SERVER}}}
backend_params: {{limits: {{requests_per_minute: 60, tokens_per_minute: 100000}}}}
""")
    backend, other = (agent.build_backend() for agent in team.agents)
    assert isinstance(backend, FallbackBackend)
    assert isinstance(backend.backend, LimitedBackend)
    assert backend.backend.limits == Limits(concurrent_calls=2)
    assert isinstance(backend.fallback, LimitedBackend)
    assert isinstance(backend.fallback.backend, ScriptedBackend)
    assert isinstance(other, LimitedBackend)
    assert backend.fallback.limits == other.limits == Limits(60, 100000)


def test_the_figures_are_those_of_the_limits() -> None:
    """What a config may limit is what a program may limit."""
    assert set(LimitsFields.model_fields) == {field.name for field in fields(Limits)}


@pytest.mark.parametrize(
    ("text", "at", "problem"),
    [
        ("limits: {requests_per_minute: 0}", "0}", "requests_per_minute must be more than 0"),
        ("limits: {concurrent_calls: 1.5}", "1.5", "concurrent_calls must be a whole number"),
        ("limits: {request_per_minute: 1}", "request_", "unknown key 'request_per_minute'; did you mean 'requests_per_minute'?"),
        ("limits: 60", "60", "limits must be a mapping"),
        ("limit: {}", "limit:", "unknown key 'limit'; did you mean 'limits'?"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["backend", "fallback"])
def test_limits_that_are_none(key: str, text: str, at: str, problem: str, refused: Refused) -> None:
    """They are refused where they stand, of any provider, in a backend and in a fallback."""
    wrong = f"  {key}: {{{text}, {SCRIPT}}}\n"
    right = f"  {'fallback' if key == 'backend' else 'backend'}: {{{SCRIPT}}}\n"
    assert refused(f"agent:\n{wrong}{right}") == [f"2:{wrong.index(at) + 1}: {problem}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "'fallback' is empty: give it a type"),
        ("5", "fallback must be a mapping or text"),
        ("clod:x", "Unknown provider 'clod'."),
        ("openai", "'openai' names no model. Write it as openai:MODEL."),
        ("{type: clod}", "Unknown provider 'clod'."),
        ("{type: scripted}", "'turns' is missing"),
        ("{type: scripted, turns: [{}], temperature: 1}", "unknown key 'temperature'"),
    ],
)
def test_a_fallback_that_is_none(text: str, problem: str, refused: Refused) -> None:
    """It is checked as a backend is, and the problem stands at the fallback."""
    (told,) = refused(f"agent:\n  backend: {{{SCRIPT}}}\n  fallback: {text}\n")
    assert told.startswith("3:")
    assert problem in told


def test_all_at_once(refused: Refused) -> None:
    """What is wrong with a backend and what is wrong with its fallback is told together."""
    told = refused("agent:\n  backend: {type: scripted}\n  fallback: {type: clod}\n")
    assert [problem[:2] for problem in told] == ["2:", "3:"]


def test_a_fallback_without_its_key(load: Load) -> None:
    """It is a warning, and a run refuses: a fallback is there when it is needed, or not at all."""
    fallback = f"{{{SERVER}, api_key_env: MY_KEY}}"
    team = load(f"agent:\n  backend: {{{SCRIPT}}}\n  fallback: {fallback}\n")
    (warning,) = team.warnings
    assert str(warning).startswith("team.yaml:3:")
    assert "MY_KEY is not set" in str(warning)
    with pytest.raises(ConfigError, match="MY_KEY is not set"):
        team.check_ready()


def test_one_key_with_two_limits(refused: Refused) -> None:
    """Limits belong to a key: two backends of one key that say different things are refused."""
    backend = f"{{{SERVER}, api_key: sk-two-limits-1, limits: {{concurrent_calls: N}}}}"
    agents = "\n".join(f"  - backend: {backend.replace('N', n)}" for n in ("1", "2"))
    (told,) = refused(f"agents:\n{agents}\n")
    assert told.startswith("3:")
    assert "(concurrent_calls: 2) here, and (concurrent_calls: 1) in another backend" in told
    assert "sk-two" not in told


def test_defaults_that_only_a_fallback_takes(load: Load) -> None:
    """A default is no mistake where a fallback knows it."""
    team = load(f"""\
agent:
  backend: {{{SCRIPT}}}
  fallback: {{{SERVER}}}
backend_params: {{temperature: 0.5}}
""")
    assert team.agents[0].fallback is not None


@pytest.mark.parametrize("fallback", [f"{{{SERVER}}}", f"{{{SERVER}, api_key: null}}"])
def test_a_fallback_that_is_the_backend_itself(fallback: str, refused: Refused) -> None:
    """Who has failed a moment ago is nobody to fall back on."""
    text = f"agent:\n  backend: {{{SERVER}}}\n  fallback: {fallback}\n"
    assert refused(text) == ["3:13: the fallback is the backend itself"]


def test_a_fallback_that_differs_in_something(load: Load) -> None:
    """Another server with the same model is a fallback, as is another temperature."""
    for other in ("base_url: 'http://127.0.0.1:8/v1'", "temperature: 1"):
        server = SERVER.replace("base_url: 'http://127.0.0.1:9/v1'", other)
        defaults = "backend_params: {base_url: 'http://127.0.0.1:9/v1'}\n"
        load(f"agent:\n  backend: {{{SERVER}}}\n  fallback: {{{server}}}\n{defaults}")
