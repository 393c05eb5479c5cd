"""Any LangChain chat model as a backend: an instance, or one that LangChain builds by name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field

from ..base import ToolSchema
from ..chat_model import check_chat_model
from ..chunks import StreamChunk
from ..endpoint import Endpoint
from ..errors import BadRequestError, UserError
from ..later import Later
from ..prices import Tariff
from ..pump import pumped
from ..sdk import SdkBackend
from ..tool_choice import offered
from .chunks import MessageReader
from .client import ModelClient, build_model, open_model
from .failures import LANGCHAIN
from .place import ModelPlace, place_of_model, place_of_name
from .providers import check_installed, split_name

if TYPE_CHECKING:
    from langchain_core import language_models as lc
    from langchain_core.messages import AIMessage, AnyMessage
    from langchain_core.runnables import Runnable, RunnableConfig
else:
    lc = Later("langchain_core.language_models")


_QUIET: RunnableConfig = {"tags": ["nostream"]}
"""A graph that streams messages passes over the model's own: its tokens are in our chunks."""


class LangChainOptions(BaseModel):
    """What a config says of a LangChain model."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    model: str = Field(min_length=1)
    model_provider: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    api_key_env: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    model_kwargs: dict[str, Any] = Field(default_factory=dict)


class LangChainBackend(SdkBackend[ModelClient]):
    """A LangChain chat model.

    Args:
        model: The model itself, or the name that LangChain's `init_chat_model` builds it from:
            `openai:gpt-5.4`. An instance is left as it is: calls go to a copy.
        model_provider: LangChain's name of the provider, where the model's does not say it.
        base_url: Another server than the provider's own.
        api_key: The key.
        api_key_env: The environment variable that holds the key, when `api_key` is left out.
            Without either, the provider's own host gets the key of its usual variable, and another
            `base_url` gets none.
        temperature: Sampling temperature; left out, the provider decides.
        max_tokens: Tokens of an answer at most; left out, the provider decides.
        model_kwargs: Further arguments of the model's class (`reasoning_effort`, `timeout`, ...).

    Raises:
        UserError: When the model is none, options are given to an instance, or a key or a package
            is missing.
    """

    config_options = LangChainOptions
    takes_tool_choice = True

    def __init__(
        self,
        model: str | lc.BaseChatModel,
        *,
        model_provider: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        api_key_env: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        model_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        options = {"temperature": temperature, "max_tokens": max_tokens, **(model_kwargs or {})}
        options = {name: value for name, value in options.items() if value is not None}
        self._given: lc.BaseChatModel | None = None
        at: ModelPlace
        if isinstance(model, str):
            provider, name = split_name(model, model_provider)
            check_installed(provider)
            at = place_of_name(model, provider, base_url, api_key, api_key_env)
            if at.vendor is None and base_url is not None:
                options["base_url"] = at.url
            self._provider, self._options = provider, options
        else:
            if options or model_provider or base_url or api_key or api_key_env:
                raise UserError(
                    "A LangChain model that is built already takes no options.",
                    hint="Give them to the model itself.",
                )
            check_chat_model(model)
            self._given, at, name = model, place_of_model(model), _name_of(model)
        self._place = at
        super().__init__(name, at, LANGCHAIN, Tariff(name, url=at.url))

    @property
    def provider_name(self) -> str:
        """`langchain`."""
        return "langchain"

    def __repr__(self) -> str:
        """Return the model and where it is, never the key."""
        return f"{type(self).__name__}({self._at.shown})"

    def _open(self) -> ModelClient:
        if self._given is not None:
            return open_model(self._given)
        return open_model(build_model(self.model, self._provider, self._place, self._options))

    def _of_model(self, model: Any) -> Self:
        """Return itself: integrations take a `model` with each call."""
        return self

    async def _chunks(
        self,
        client: ModelClient,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        options = {name: value for name, value in params.items() if value is not None}
        model = _bound(client.model, tools, self._at, options)
        asked = options.get("model")
        tariff = replace(self._tariff, model=asked) if isinstance(asked, str) else self._tariff
        reader = MessageReader(tariff)
        stream = model.astream(list(messages), _QUIET, **options)
        async with aclosing(pumped(stream)) as pieces:
            async for piece in pieces:
                for chunk in reader.read(cast("AIMessage", piece)):
                    yield chunk
        for chunk in reader.end(marked=client.marked):
            yield chunk


def _name_of(model: Any) -> str:
    names = (getattr(model, field, None) for field in ("model_name", "model", "model_id"))
    return next((n for n in names if isinstance(n, str) and n), type(model).__name__)


def _bound(
    model: lc.BaseChatModel, tools: Sequence[ToolSchema], at: Endpoint, options: dict[str, Any]
) -> Runnable[Any, Any]:
    """Return the model with its tools, as LangChain's integrations take them all: as OpenAI's."""
    choice = options.pop("tool_choice", "auto")
    tools = offered(tools, choice) if choice == "none" else tools  # no word that all of them take
    if not tools:
        return model
    told = {} if choice == "auto" else {"tool_choice": choice}
    try:
        return model.bind_tools([_tool(tool) for tool in tools], **told)
    except NotImplementedError as exc:
        raise BadRequestError(
            f"{at.shown} cannot call tools (it has no bind_tools), and agents act by calling "
            "tools. Use a LangChain chat model that can."
        ) from exc


def _tool(tool: ToolSchema) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": dict(tool.parameters)}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}
