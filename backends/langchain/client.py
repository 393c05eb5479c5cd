"""A LangChain chat model with connections of its own, opened for one event loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ..errors import MissingError, UserError
from ..transport import open_http
from ..words import did_you_mean, quoted
from .place import NO_KEY, ModelPlace, packages, place_of_model
from .providers import INTEGRATIONS, install_hint

if TYPE_CHECKING:
    import httpx2
    from langchain_core.language_models import BaseChatModel

_CLIENTS = (("root_async_client", "async_client"), ("_async_client", None))
"""Where integrations keep a client of an SDK, and the part of it that they call."""

_MARKED = frozenset(
    {"langchain_anthropic", "langchain_google_genai", "langchain_groq", "langchain_openai"}
)
"""Integrations that always say why a model stopped: a stream without it was cut off."""


@dataclass(frozen=True, slots=True)
class ModelClient:
    """A model for one event loop.

    Args:
        model: The model.
        connections: The HTTP clients that were opened for it.
    """

    model: BaseChatModel
    connections: tuple[httpx2.AsyncClient, ...] = ()

    @property
    def marked(self) -> bool:
        """Whether the model always says why it stopped."""
        return bool(packages(self.model) & _MARKED)

    async def close(self) -> None:
        """Close the connections."""
        for connection in self.connections:
            await connection.aclose()


def build_model(
    name: str, provider: str, at: ModelPlace, options: Mapping[str, Any]
) -> BaseChatModel:
    """Return the model that LangChain builds by name; it takes seconds, so call it in a thread.

    Its own retries are off, where it has any: there is one policy for all backends.

    Raises:
        UserError: When LangChain cannot build it, or its class has no such option.
    """
    from langchain.chat_models import init_chat_model

    given = {**_connection(at), **options}
    try:
        known = _arguments(provider)
        _check_arguments(provider, known, options)
        if "max_retries" in known and "max_retries" not in given:
            given["max_retries"] = 0
        return cast("BaseChatModel", init_chat_model(name, model_provider=provider, **given))
    except UserError:
        raise
    except ImportError as exc:
        package = (exc.name or "").replace("_", "-")
        said = install_hint(package) if package else str(exc)
        raise MissingError(said) from exc
    except Exception as exc:
        said = at.redact(f"LangChain cannot build {at.title}: {_first_line(exc)}")
        raise UserError(said) from (exc if at.redact(str(exc)) == str(exc) else None)


def _arguments(provider: str) -> frozenset[str]:
    """Return what a provider's class may be given; empty where it is not known."""
    if provider not in INTEGRATIONS:
        return frozenset()
    module, name = INTEGRATIONS[provider]
    fields = getattr(getattr(import_module(module), name, None), "model_fields", {})
    aliases = (field.alias for field in fields.values())
    return frozenset(name for name in (*fields, *aliases) if name)


def _check_arguments(provider: str, known: frozenset[str], options: Mapping[str, Any]) -> None:
    """Check that a class knows its options; LangChain sends others on, and only warns of it."""
    for name in options:
        if known and name not in known:
            near = did_you_mean(name, sorted(known))
            hint = f"Did you mean {near.rpartition(' mean ')[2]}" if near.endswith("?") else None
            raise UserError(
                f"langchain: {INTEGRATIONS[provider][1]} has no argument {quoted(name)}.",
                hint=hint or "What only the server knows goes into its own model_kwargs.",
            )


def open_model(model: BaseChatModel) -> ModelClient:
    """Return a copy of a model for the running event loop, in a thread like `build_model`.

    Integrations share one HTTP client among all models of a process, which breaks as soon as a
    second event loop uses it. Where the model calls OpenAI's or Anthropic's SDK, the copy gets a
    client of its own, which asks each time only once and reports its tokens; the model itself
    stays as it is.
    """
    mine = model.model_copy()
    if getattr(model, "http_async_client", None) is not None:
        return ModelClient(mine)  # somebody has chosen a client on purpose
    chosen = model.model_fields_set
    if "stream_usage" in type(model).model_fields and "stream_usage" not in chosen:
        vars(mine)["stream_usage"] = True
    connections: list[httpx2.AsyncClient] = []
    for name, part in _CLIENTS:
        client: Any = getattr(model, name, None)
        if client is None or not hasattr(client, "with_options"):
            continue
        connections.append(open_http(place_of_model(model)))
        retries = (
            {}
            if getattr(model, "max_retries", 0) and "max_retries" in chosen
            else {"max_retries": 0}
        )
        vars(mine)[name] = own = client.with_options(http_client=connections[-1], **retries)
        if part is not None:
            vars(mine)[part] = own.chat.completions
    return ModelClient(mine, tuple(connections))


def _connection(at: ModelPlace) -> dict[str, Any]:
    """Return where to send requests, said as LangChain's integrations have it in common."""
    if at.vendor is not None:  # nothing of the environment goes where it was not meant to
        return {"base_url": at.url, "api_key": at.key or NO_KEY}
    said: dict[str, Any] = {"api_key": at.key} if at.key else {}
    return said


def _first_line(exc: Exception) -> str:
    from pydantic import ValidationError

    if isinstance(exc, ValidationError):  # its first line says only how many there are
        first = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else first["msg"].splitlines()[0]
    return (str(exc) or type(exc).__name__).strip().splitlines()[0]
