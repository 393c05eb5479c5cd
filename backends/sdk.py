"""What the adapters of all SDKs share: a client for each event loop, errors in our own words.

An adapter adds how its client is opened, and one async generator that sends a request
and reads the answer.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from .base import LLMBackend, ToolSchema
from .chunks import AgentStatusChunk, StreamChunk, UsageChunk
from .endpoint import Endpoint
from .errors import BadRequestError, MassgraphError, UserError
from .failures import Dialect, translate
from .guard import check_request_allowed
from .keys import check_model
from .limits import account_of
from .options import check_options
from .output_schema import check_output_schema
from .per_loop import PerLoop
from .prices import Tariff, load_prices
from .usage import TokenUsage

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

HEARTBEAT_S = 0.1
"""Seconds between signs of life while an SDK is imported: that takes long, and is no silence."""


class Closable(Protocol):
    """A client that can be closed, and its connections with it."""

    async def close(self) -> None:
        """Close both."""


Client = TypeVar("Client", bound=Closable)


class SdkBackend(LLMBackend, Generic[Client]):
    """A model behind a provider's SDK.

    Args:
        model: The model's name, as the provider knows it.
        at: The server, and its key.
        dialect: How the SDK says that something failed.
        tariff: What a call costs.

    Raises:
        UserError: When no model is named.
    """

    prepare_first = False  # so that nobody waits for another agent's SDK
    _another: Callable[[str], Self]
    _others: dict[str, Self]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check what it is made from, and keep it: other models are asked by others like it.

        Raises:
            UserError: When an argument is wrong.
        """
        made = super().__new__(cls)
        arguments = signature(cls).bind(*args, **kwargs).arguments
        if cls.config_options is None:
            check_options(made.provider_name, cls, arguments)
        most = arguments.get("max_tokens")
        made.longest_reply = most if isinstance(most, int) else None
        # Not kept as data: there is a key among the arguments.
        make: Any = cls
        made._another = lambda model: make(**{**arguments, "model": model})
        made._others = {}
        return made

    def __init__(self, model: str, at: Endpoint, dialect: Dialect, tariff: Tariff) -> None:
        super().__init__()
        if not model:
            raise UserError(f"{self.provider_name}: a backend needs a model.")
        check_model(model)
        self.model = model
        self._at, self._dialect, self._tariff = at, dialect, tariff
        self._clients: PerLoop[Client] = PerLoop()

    def __repr__(self) -> str:
        """Return the model and the server, never the key."""
        return f"{type(self).__name__}(model={self.model!r}, base_url={self._at.shown!r})"

    @abstractmethod
    def _open(self) -> Client:
        """Return a new client; called in a thread, as importing the SDK takes seconds."""

    @abstractmethod
    def _chunks(
        self,
        client: Client,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        """Send one request and yield what comes back, `done` last.

        Closing the generator closes the connection. What it raises is translated.
        """

    def _held_to(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters that hold a reply to a JSON schema; who takes one overrides it.

        Raises:
            UserError: When the provider cannot hold a reply to such a schema.
        """
        raise NotImplementedError

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return what a call of so many tokens would cost by the model's tariff."""
        counts = {"input_tokens": input_tokens, "output_tokens": output_tokens}
        return self._tariff.cost(counts)

    @property
    def account(self) -> str:
        """The server and the key, which share their rate limits."""
        return account_of(self._at.url, self._at.key, self._at.extra_headers)

    async def prepare(self) -> None:
        """Import the SDK and open the running loop's client, both in a thread."""
        await self._client()

    async def aclose(self) -> None:
        """Close the running loop's client, and with it its connections."""
        client = await self._clients.take()
        if client is not None:
            await client.close()

    async def stream_with_tools(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Send one request and stream what comes back.

        Args:
            messages: The conversation.
            tools: What the model may call.
            **params: Keys of the request, over those of the backend; None leaves one out. What
                another `model` takes, and costs, is looked up for that one. `output_schema` is a
                JSON schema that the reply must fit.

        Yields:
            The chunks, `done` last.

        Raises:
            BackendError: When the provider fails, or does not keep to its protocol.
        """
        check_request_allowed(self._at.url)
        used: TokenUsage | None = None
        backend = self
        try:
            async with aclosing(self._opening()) as signs_of_life:
                async for sign in signs_of_life:
                    yield sign
            client = await self._client()
            backend = self._of_model(params.get("model"))
            if backend is not self:
                del params["model"]
            asked = backend._asked(tools, params)
            async with aclosing(backend._chunks(client, messages, tools, asked)) as chunks:
                async for chunk in chunks:
                    if isinstance(chunk, UsageChunk):
                        used = chunk.usage
                    yield chunk
        except UserError as exc:  # found only now, so it is a failure of this call
            raise BadRequestError(str(exc)) from exc
        except MassgraphError:
            raise
        except Exception as exc:
            model = str(params.get("model") or backend.model)
            error = translate(exc, self._at, self._dialect, model=model)
            raise error from error.__cause__
        finally:
            if used is not None:
                self.track_usage(used)

    def _asked(self, tools: Sequence[ToolSchema], params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters of a call, a schema for the reply as the provider takes it."""
        asked = {name: value for name, value in params.items() if name != "output_schema"}
        schema = params.get("output_schema")
        if schema is None:
            return asked
        check_output_schema(schema, tools, self)
        return {**asked, **self._held_to(schema)}

    def _of_model(self, model: Any) -> Self:
        """Return a backend of the same make for a model, over the same connections.

        Raises:
            UserError: When the model lacks what this backend switches on.
        """
        if model in (None, self.model):
            return self
        if not isinstance(model, str):
            raise UserError("model must be text.")
        if model not in self._others:
            other = self._others[model] = self._another(model)
            other._at = self._at
        return self._others[model]

    async def _opening(self) -> AsyncGenerator[AgentStatusChunk]:
        """Open the running loop's client if there is none, with signs of life meanwhile."""
        if self._clients.kept() is not None:
            return
        opening = asyncio.create_task(self._client())
        try:
            while not opening.done():
                await asyncio.wait({opening}, timeout=HEARTBEAT_S)
                if not opening.done():
                    yield AgentStatusChunk(f"loading the SDK of {self.provider_name}")
            await opening
        finally:
            opening.cancel()
            await asyncio.wait({opening})

    async def _client(self) -> Client:
        return await self._clients.get(self._ready)

    def _ready(self) -> Client:
        load_prices()
        return self._open()
