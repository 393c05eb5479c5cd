"""The Responses protocol: what the adapters of OpenAI and of xAI share.

An adapter says what it sends along with each request; the wire is the same for both. Nothing is
retried, nothing is stored at the server.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ..base import ToolSchema
from ..chunks import StreamChunk
from ..endpoint import Endpoint
from ..errors import BackendError, BadRequestError, MalformedResponseError
from ..failures import Dialect, translate
from ..openai_sdk.client import open_openai, openai_headers
from ..openai_sdk.errors import OPENAI
from ..prices import Tariff
from ..profile import taken
from ..sdk import SdkBackend
from ..usage import TokenUsage
from .builtin import BuiltinUses
from .frames import EventReader
from .params import NO_SUCH, wire_params
from .request import RequestForm
from .wire import Usage

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage
    from openai import AsyncOpenAI, AsyncStream

logger = logging.getLogger("massgraph")

LINGER_S = 0.5
"""Seconds to wait for the end of a stream whose response has ended, so that its connection can be
used again; a server that does not end it loses the connection."""


class NothingThereError(BadRequestError):
    """There is nothing at the URL; at least, the server does not speak of the model."""

    def __init__(self, error: BackendError, model: str) -> None:
        super().__init__(f"{error} (The model is {model!r}.)", status=error.status)


class ResponsesBackend(SdkBackend["AsyncOpenAI"]):
    """A model behind a server that speaks the Responses protocol.

    Args:
        form: What is the same in all requests.
        at: The server, and its key.
        tariff: What a call costs.
        params: Parameters of all requests, in our own names or in the server's.
        refused: Parameter -> why the model does not take it.
        extra_body: Further keys of the body, as they are.
        timeouts: `connect_timeout_s` and `idle_timeout_s`.
        dialect: How the server says that something failed.
    """

    takes_tool_choice = True

    def __init__(
        self,
        form: RequestForm,
        at: Endpoint,
        tariff: Tariff,
        *,
        params: Mapping[str, Any],
        refused: Mapping[str, str],
        extra_body: Mapping[str, Any] | None,
        timeouts: Mapping[str, float],
        dialect: Dialect = OPENAI,
    ) -> None:
        super().__init__(form.model, at, dialect, tariff)
        self._form, self._timeouts = form, timeouts
        self._refused = {**NO_SUCH, **refused}
        sent, self.unsent = taken(params, self._refused, model=self.model)
        self._params = {**wire_params(sent), **(extra_body or {})}

    @abstractmethod
    def _uses(self) -> BuiltinUses:
        """Return what keeps the uses of builtin tools of one call."""

    @abstractmethod
    def _price(self, usage: Usage, uses: Mapping[str, int], tier: str | None) -> TokenUsage:
        """Return what a call used, with its price."""

    def _open(self) -> AsyncOpenAI:
        return open_openai(
            self._at,
            connect_timeout_s=self._timeouts["connect_timeout_s"],
            idle_timeout_s=self._timeouts["idle_timeout_s"],
        )

    async def _close(self, client: AsyncOpenAI) -> None:
        await client.close()

    async def _chunks(
        self,
        client: AsyncOpenAI,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        reader = EventReader(self._at, self._form.echo_key, self._uses(), self._price)
        body = self._form.body(messages, tools, self._merged(params))
        async with await self._send(client, body) as stream:
            events = aiter(stream)
            async for event in events:
                for chunk in reader.read(_as_object(event)):
                    yield chunk
                if reader.ended:
                    break
            self._check_events(reader, stream.response.headers.get("content-type", ""))
            if reader.ended:
                await self._linger(events)
        yield reader.done()

    def _merged(self, params: Mapping[str, Any]) -> dict[str, Any]:
        dropped = {name: None for name, value in params.items() if value is None}
        sent, _ = taken(params, self._refused, model=self.model)
        return {**self._params, **wire_params({**dropped, **sent}, over=self._params)}

    async def _send(self, client: AsyncOpenAI, body: Mapping[str, Any]) -> AsyncStream[object]:
        from openai import AsyncStream, NotFoundError

        try:
            # The events are read as they are: the SDK's own types take seconds to build, and that
            # would happen on the event loop.
            return await client.post(
                "/responses",
                cast_to=object,
                body=body,
                options={"headers": openai_headers(self._at), "security": {"bearer_auth": True}},
                stream=True,
                stream_cls=AsyncStream[object],
            )
        except NotFoundError as exc:
            error = translate(exc, self._at, self._dialect)
            named = error if self.model in str(error) else NothingThereError(error, self.model)
            raise named from error.__cause__  # none, where its words hold the key

    async def _linger(self, events: AsyncIterator[object]) -> None:
        """Read to the end of a stream whose response has ended."""
        import httpx2
        from openai import OpenAIError

        try:
            async with asyncio.timeout(LINGER_S):
                async for _ in events:
                    pass
        except (TimeoutError, OpenAIError, httpx2.HTTPError, ValueError) as exc:
            logger.debug("%s did not end its stream: %r", self._at.shown, type(exc).__name__)

    def _check_events(self, reader: EventReader, content_type: str) -> None:
        if not reader.events and "text/event-stream" not in content_type:
            raise MalformedResponseError(
                f"{self._at.shown} answered with {content_type or 'nothing'}, not with a stream. "
                "Is base_url right?"
            )


def _as_object(event: object) -> Mapping[str, Any]:
    if not isinstance(event, Mapping):
        raise MalformedResponseError("An event of the stream is not a JSON object.")
    return cast("Mapping[str, Any]", event)
