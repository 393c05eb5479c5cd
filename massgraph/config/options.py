"""What a provider's backend may hold: told by its adapter, not listed here."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from ..backends.base import LLMBackend
from .schema import LimitsFields

_STRICT = ConfigDict(
    frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True, protected_namespaces=()
)


@cache
def options_model(adapter: type[LLMBackend]) -> type[BaseModel]:
    """Return the model of an adapter's options, and of those that every backend has.

    It is the adapter's own `config_options`, else it is made from the arguments of `__init__`.
    """
    limits: Any = (LimitsFields | None, None)
    if adapter.config_options is not None:
        name = adapter.config_options.__name__
        return create_model(name, __base__=adapter.config_options, limits=limits)
    hints = get_type_hints(adapter.__init__, include_extras=True)
    fields: dict[str, Any] = {
        name: (
            hints.get(name, Any),
            ... if argument.default is inspect.Parameter.empty else argument.default,
        )
        for name, argument in inspect.signature(adapter).parameters.items()
    }
    fields["limits"] = limits
    return create_model(f"{adapter.__name__}Options", __config__=_STRICT, **fields)


def number_problem(name: str, value: Any) -> str | None:
    """Return what is wrong with an option as a number, if it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value < 0:
        return f"{name} must be 0 or more"
    if value == 0 and name.endswith("_s"):
        return f"{name} must be more than 0"
    return None
