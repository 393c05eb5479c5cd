"""The models that are known by name: what each one costs, and whether it can be asked from here.

Prices and contexts are those of the installed genai-prices, builtin tools are those of the
adapters: there is no list of models here that could go out of date.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .backends.endpoint import endpoint
from .backends.errors import MissingError, UserError
from .backends.provider import PROVIDERS, Provider, adapter_class, missing_extra
from .backends.spec import SERVERS, infer_provider
from .backends.words import did_you_mean, quoted

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

_OTHER_WORK = frozenset(
    (
        *(
            "audio",
            "banana",
            "embedding",
            "image",
            "live",
            "omni",
            "realtime",
            "robotics",
            "speech",
        ),
        *("transcribe", "translate", "tts", "voice", "vision", "whisper"),
    )
)
"""Parts of the names of models that do something else than to write an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model that can be named.

    Args:
        provider: The provider's name, as in `provider:model`; of a compatible server, its own.
        name: The model's name.
        context_tokens: Tokens that it takes at most; None where that is not known.
        input_usd: US dollars for a million tokens sent; None where that is not known.
        cached_usd: The same of tokens that were read from a cache.
        output_usd: The same of tokens received, reasoning included.
        tiered: Whether a long prompt costs more than that.
        tools: The provider's own tools that can be switched on for it.
        retired: Whether its provider advises against it.
        other_work: Whether it does something else than to write an answer.
    """

    provider: str
    name: str
    context_tokens: int | None = None
    input_usd: float | None = None
    cached_usd: float | None = None
    output_usd: float | None = None
    tiered: bool = False
    tools: tuple[str, ...] = ()
    retired: bool = False
    other_work: bool = False

    @property
    def aside(self) -> bool:
        """Whether nobody looks for it who looks for somebody to answer."""
        return self.retired or self.other_work

    @property
    def spec(self) -> str:
        """The model as `--model` takes it; that of a compatible server goes into a config."""
        return f"{self.provider}:{self.name}"


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a provider can be asked from here.

    Args:
        variable: The variable that holds its key, the first one that is set.
        missing: What to do about what is missing, or None.
    """

    variable: str | None = None
    missing: str | None = None


def known_models(providers: Sequence[str] = ()) -> list[KnownModel]:
    """Return the models of providers, in the order of the price list.

    Args:
        providers: Their names, and those of compatible servers; left out, all that have models of
            their own.

    Raises:
        UserError: When there is no such provider.
    """
    wanted = providers or [name for name, one in PROVIDERS.items() if one.prices or one.weights]
    return [model for name in wanted for model in _models_of(name)]


def access_to(provider: str) -> Access:
    """Return whether a provider, or a compatible server, can be asked from here."""
    found = PROVIDERS.get(provider)
    if found is None:
        url = SERVERS[provider]
        return Access(missing=f"write a config with type: chat_completions, base_url: {url}")
    if found.name == "local":
        return Access(missing=local_missing())
    lacks = missing_extra(found)
    if lacks is not None or found.vendor is None:
        return Access(missing=lacks)
    try:
        return Access(endpoint(found.vendor, None, None, None).key_source or None)
    except MissingError:
        return Access(missing=f"set {' or '.join(found.vendor.key_variables)}")
    except UserError as exc:
        return Access(missing=str(exc))


def local_missing() -> str | None:
    """Return what to do before the embedded model answers, or None when it is all there."""
    from .backends.local.model import find_model

    lacks = missing_extra(PROVIDERS["local"])
    if lacks is not None:
        return lacks
    try:
        find_model("")
    except (MissingError, UserError) as exc:
        return str(exc)
    return None


def _models_of(given: str) -> Iterator[KnownModel]:
    name = given.lower()
    found = PROVIDERS.get(name)
    if found is not None and found.weights:
        yield _embedded(found)
    elif found is not None and found.prices:
        yield from _listed(name, _priced(found.prices), found)
    elif name in SERVERS:
        yield from _listed(name, _priced_at(SERVERS[name]), None)
    elif found is None:
        near = did_you_mean(name, (*PROVIDERS, *SERVERS))
        raise UserError(f"There is no provider {quoted(given)}{near}")


def _embedded(found: Provider) -> KnownModel:
    from .backends.local.model import BUNDLED

    context = inspect.signature(adapter_class(found)).parameters["context_tokens"].default
    return KnownModel(
        provider=found.name,
        name=BUNDLED,
        context_tokens=context,
        input_usd=0.0,
        cached_usd=0.0,
        output_usd=0.0,
    )


def _listed(name: str, listed: Iterable[ModelInfo], found: Provider | None) -> Iterator[KnownModel]:
    """Give out the models that are this provider's own; genai-prices lists others' beside them."""
    now = datetime.now(UTC)
    for model in listed:
        if found is None or infer_provider(model.id) == found.name:
            yield _known(name, model, found, now)


def _known(name: str, model: ModelInfo, found: Provider | None, now: datetime) -> KnownModel:
    prices = model.get_prices(now)
    given = [getattr(prices, f"{kind}_mtok", None) for kind in ("input", "cache_read", "output")]
    sent, cached, received = map(_dollars, given)
    tools = adapter_class(found).builtin_tools_of(model.id) if found else frozenset[str]()
    parts = {part for word in model.id.lower().split("-") for part in word.split(":")}
    return KnownModel(
        provider=name,
        name=model.id,
        context_tokens=model.context_window,
        input_usd=sent,
        cached_usd=cached,
        output_usd=received,
        tiered=any(hasattr(price, "tiers") for price in given),
        tools=tuple(sorted(tools)),
        retired=bool(model.deprecated),
        other_work=sent is None or received is None or bool(parts & _OTHER_WORK),
    )


def _dollars(price: Any) -> float | None:
    """Return a price for a million tokens; of one with tiers, that of a short prompt."""
    return None if price is None else float(getattr(price, "base", price))


def _priced(provider: str) -> Sequence[ModelInfo]:
    from genai_prices.data import providers

    return next((one.models for one in providers if one.id == provider), [])


def _priced_at(url: str) -> Sequence[ModelInfo]:
    """Return the models that have a price at a server; genai-prices tells it by its address."""
    from genai_prices.data import providers

    host = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    return next((one.models for one in providers if re.match(one.api_pattern, host + "/")), [])
