"""Where a LangChain chat model sends its requests, and what of it must never be shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from ..endpoint import Endpoint, Vendor, endpoint
from ..errors import MissingError
from ..keys import shown_variable, struck
from ..vendors import ANTHROPIC, OPENAI

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

IN_PROCESS = "in-process://localhost"
"""The URL of a model that asks nobody."""
NO_KEY = "none"
"""Stands for a key where an integration insists on one."""

_VENDORS: Mapping[str, Vendor] = {
    "openai": replace(OPENAI, shares_key=False),
    "anthropic": replace(ANTHROPIC, shares_key=False),
}
"""Integrations whose server and key are known before they are imported."""

_URL_FIELDS = ("openai_api_base", "anthropic_api_url", "base_url", "azure_endpoint", "endpoint")
_PARTNER = re.compile(r"langchain_(?!core$|tests$|classic$)\w+")


@dataclass(frozen=True, slots=True, repr=False)
class ModelPlace(Endpoint):
    """A LangChain model's server.

    Args:
        title: The model's class, or its name before it is built; for messages.
        secrets: Further secrets that the model holds.
    """

    title: str = ""
    secrets: frozenset[str] = frozenset()

    @property
    def shown(self) -> str:
        """The title, and the URL where there is one."""
        parts = urlsplit(self.url)
        if self.url.startswith(IN_PROCESS):
            return self.title
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        return f"{self.title} ({bare.geturl()})"

    @property
    def named(self) -> str:
        """The same."""
        return self.shown

    def redact(self, text: str) -> str:
        """Return the text with everything secret struck out."""
        return struck(Endpoint.redact(self, text), self.secrets)


def place_of_name(
    name: str, provider: str, base_url: str | None, api_key: str | None, env: str | None
) -> ModelPlace:
    """Return where a model that is not built yet will send its requests.

    Args:
        name: The model as LangChain names it, for messages.
        provider: LangChain's name of the provider.
        base_url: Another server than the provider's own.
        api_key: The key.
        env: The environment variable that holds it.

    Raises:
        UserError: When the URL is none, or the key is missing or cannot be sent.
    """
    vendor = _VENDORS.get(provider)
    if vendor is not None:
        at = endpoint(vendor, base_url, api_key, env)
        return ModelPlace(
            at.url, at.key, at.key_source, vendor=vendor, url_source=at.url_source, title=name
        )
    if base_url is None:
        url = "http://localhost" if provider == "ollama" else f"https://{provider}"
        return ModelPlace(url, *_key(api_key, env), title=name)
    other = Vendor(title=name, url=base_url, host="", key_variables=(), shares_key=False)
    at = endpoint(other, base_url, api_key, env)
    return ModelPlace(at.url, at.key, at.key_source, title=name)


def place_of_model(model: BaseChatModel) -> ModelPlace:
    """Return where a model that is built sends its requests."""
    secrets = dict(_secrets(model))
    name, key = next(iter(secrets.items()), ("", None))
    return ModelPlace(
        _url(model),
        key,
        name,
        title=type(model).__name__,
        secrets=frozenset(secret for secret in secrets.values() if len(secret) >= 4),
    )


def packages(model: BaseChatModel) -> set[str]:
    """Return the packages that a model's class and its bases come from."""
    return {base.__module__.partition(".")[0] for base in type(model).__mro__}


def _url(model: BaseChatModel) -> str:
    client = getattr(model, "root_async_client", None)  # of OpenAI's SDK: it has read the variables
    if url := getattr(client, "base_url", None):
        return str(url).rstrip("/")
    fields = (getattr(model, name, None) for name in _URL_FIELDS)
    if url := next((said for said in fields if isinstance(said, str) and "://" in said), None):
        return url.rstrip("/")
    partner = next((name for name in sorted(packages(model)) if _PARTNER.fullmatch(name)), None)
    return f"https://{partner}" if partner else f"{IN_PROCESS}/{type(model).__name__}"


def _secrets(model: BaseChatModel) -> Iterator[tuple[str, str]]:
    from pydantic import SecretStr

    for name, value in vars(model).items():
        if isinstance(value, SecretStr) and value.get_secret_value():
            yield name, value.get_secret_value()
        elif name.endswith("headers") and isinstance(value, Mapping):
            for header, said in cast("Mapping[str, object]", value).items():
                yield header, str(said)


def _key(api_key: str | None, env: str | None) -> tuple[str | None, str]:
    if api_key:
        return api_key, "api_key"
    if env is None:
        return None, ""
    value = os.environ.get(env, "").strip()
    if not value:
        raise MissingError(
            f"The environment variable {shown_variable(env)} (api_key_env) is not set."
        )
    return value, env
