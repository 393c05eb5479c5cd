"""How `provider:model`, or a config's mapping, becomes a backend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from .base import BuiltinTool, LLMBackend
from .errors import MissingError, UserError
from .limited import LimitedBackend
from .limits import Limits
from .provider import PROVIDERS, Provider, adapter_class, installed, missing_extra
from .spec import described


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
    if not installed(found):
        return found, options  # without its package, it is not looked at
    adapter = adapter_class(found)
    options = without_lacking(adapter, options)
    check_options(found.name, adapter, options)
    if found.wraps and not isinstance(options["backend"], LLMBackend):
        options["backend"] = check_backend(options["backend"])
    return found, options if limits is None else {**options, "limits": Limits.of(limits)}
