"""How a backend is named: what `provider:model`, or a config's mapping, says whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from .errors import UserError
from .keys import check_model
from .provider import PROVIDERS, Provider

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
