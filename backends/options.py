"""What may be said of a provider's backend: told by its adapter, and checked in one place.

Configs and programs are held to the same: an adapter's arguments, with their types.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from .base import BuiltinTool, LLMBackend
from .complaints import problems_of
from .errors import UserError
from .words import Keys, sentence

SWITCHES = (
    "enable_web_search",
    "enable_web_fetch",
    "enable_url_context",
    "enable_x_search",
    "enable_code_execution",
    "enable_code_interpreter",
    "return_citations",
    "search_mode",
    "max_search_results",
)
"""Keys of a backend that are about its provider's own tools: to switch one off that a provider
lacks is no mistake."""

SWITCHES_OF: Mapping[BuiltinTool, tuple[str, ...]] = {
    "web_search": ("enable_web_search", "search_mode"),
    "code_execution": ("enable_code_execution", "enable_code_interpreter"),
    "url_context": ("enable_url_context", "enable_web_fetch"),
}
"""The keys that say whether a builtin tool is on; the first that an adapter has switches it on."""

_STRICT = ConfigDict(
    frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True, protected_namespaces=()
)


class LimitsFields(BaseModel):
    """The `limits:` of any backend; see `Limits`.

    Args:
        requests_per_minute: Requests that are begun in a minute at most.
        tokens_per_minute: Tokens, in and out, of a minute at most.
        concurrent_calls: Calls that run at once at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    requests_per_minute: Annotated[int, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[int, Field(gt=0)] | None = None
    concurrent_calls: Annotated[int, Field(gt=0)] | None = None


@cache
def options_model(adapter: type[LLMBackend]) -> type[BaseModel]:
    """Return the model of an adapter's options, and of those that every backend has.

    It is the adapter's own `config_options`, else it is made from the arguments of `__init__`.
    """
    limits: Any = (LimitsFields | None, None)
    if adapter.config_options is not None:
        name = adapter.config_options.__name__
        return create_model(name, __base__=adapter.config_options, limits=limits)
    try:
        hints = get_type_hints(adapter.__init__, include_extras=True)
    except NameError:  # somebody's own adapter: its types are there for type checkers alone
        hints = {}
    fields: dict[str, Any] = {
        name: (
            hints.get(name, Any),
            ... if argument.default is inspect.Parameter.empty else argument.default,
        )
        for name, argument in inspect.signature(adapter).parameters.items()
    }
    fields["limits"] = limits
    return create_model(f"{adapter.__name__}Options", __config__=_STRICT, **fields)


def option_problems(
    adapter: type[LLMBackend], options: Mapping[str, Any]
) -> Iterator[tuple[Keys, str, bool]]:
    """Give out what is wrong with options: where, what, and whether it is the key."""
    model = options_model(adapter)
    try:
        model.model_validate(dict(options))
    except ValidationError as exc:
        yield from problems_of(exc, model, options)
    body = options.get("extra_body")
    for name in body if isinstance(body, Mapping) else ():
        if name in adapter.own_keys:
            instead = "; set model instead" if name == "model" else ""
            yield ("extra_body", name), f"extra_body must not hold {name!r}{instead}", True
    for name, value in options.items():
        problem = _number_problem(name, value)
        if problem and name in model.model_fields:
            yield (name,), problem, False


def check_options(provider: str, adapter: type[LLMBackend], options: Mapping[str, Any]) -> None:
    """Check what a program says of a backend.

    Args:
        provider: The provider's name, for messages.
        adapter: Its adapter.
        options: The adapter's arguments, `model` included.

    Raises:
        UserError: With everything that is wrong.
    """
    problems = [message for _, message, _ in option_problems(adapter, options)]
    if problems:
        raise UserError(f"{provider}: {' '.join(map(sentence, problems))}")


def without_lacking(adapter: type[LLMBackend], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options without switches of builtin tools that are off, and that a provider lacks."""
    known = options_model(adapter).model_fields
    return {
        name: value
        for name, value in options.items()
        if name in known or name not in SWITCHES or value not in (False, None)
    }


def switched_on(
    adapter: type[LLMBackend], options: Mapping[str, Any], tools: Iterable[BuiltinTool]
) -> dict[str, bool]:
    """Return the switches that give a backend these builtin tools, as far as its model has them.

    Args:
        adapter: The provider's adapter.
        options: Its arguments; what they say of a tool already stands.
        tools: The tools.
    """
    model = options.get("model")
    has = adapter.builtin_tools_of(model) if isinstance(model, str) else frozenset[BuiltinTool]()
    known = options_model(adapter).model_fields
    return {
        next(name for name in SWITCHES_OF[tool] if name in known): True
        for tool in tools
        if tool in has and not options.keys() & set(SWITCHES_OF[tool])
    }


def _number_problem(name: str, value: Any) -> str | None:
    """Return what is wrong with an option as a number, if it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value):
        return f"{name} must be a finite number"
    if name.endswith("_s") and value <= 0:
        return f"{name} must be more than 0"
    return f"{name} must be 0 or more" if value < 0 else None
