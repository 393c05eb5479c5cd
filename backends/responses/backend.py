"""The Responses protocol: what the adapters of OpenAI and of xAI share.

An adapter says what it sends along with each request; the wire is the same for both. Nothing is
retried, nothing is stored at the server.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..base import ToolSchema
from ..chunks import StreamChunk
from ..endpoint import Endpoint
from ..errors import BadRequestError
from ..failures import Dialect, check_stream, speaks_of, translate
from ..linger import drain
from ..openai_sdk.client import open_openai
from ..openai_sdk.errors import OPENAI
from ..openai_sdk.response_format import response_format
from ..prices import Tariff
from ..profile import taken
from ..sdk import SdkBackend
from ..transport import Timeouts
from ..usage import TokenUsage
from ..wire import as_object
from .builtin import BuiltinUses
from .events import Usage
from .frames import FrameReader
from .params import NO_SUCH, wire_params
from .request import RequestForm

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage
    from openai import AsyncOpenAI, AsyncStream


class NothingThereError(BadRequestError):
    """There is nothing at the URL; at least, the server does not speak of the model."""


class ResponsesBackend(SdkBackend["AsyncOpenAI"]):
    """A model behind a server that speaks the Responses protocol.

    Args:
        form: What is the same in all requests.
        at: The server, and its key.
        tariff: What a call costs.
        params: Parameters of all requests, in our own names or in the server's.
        refused: Parameter -> why the model does not take it.
        extra_body: Further keys of the body, as they are.
        timeouts: How long the server may take.
        dialect: How the server says that something failed.
    """

    takes_tool_choice = True
    takes_output_schema = True
    own_keys = frozenset({"model", "input", "messages", "stream"})

    def __init__(
        self,
        form: RequestForm,
        at: Endpoint,
        tariff: Tariff,
        *,
        params: Mapping[str, Any],
        refused: Mapping[str, str],
        extra_body: Mapping[str, Any] | None,
        timeouts: Timeouts,
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
        return open_openai(self._at, self._timeouts)

    async def _chunks(
        self,
        client: AsyncOpenAI,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        reader = FrameReader(
            self._at, self._form.echo_key, self._uses(), self._price, self._dialect
        )
        body = self._form.body(messages, tools, self._merged(params))
        async with await self._send(client, body) as stream:
            events = aiter(stream)
            async for event in events:
                for chunk in reader.read(as_object(event)):
                    yield chunk
                if reader.ended:
                    break
            if not reader.began:
                check_stream(self._at, stream.response.headers.get("content-type", ""))
            if reader.ended:
                await drain(events, self._at.shown)
        yield reader.done()

    def _held_to(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"response_format": response_format(schema)}

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
                options={"security": {"bearer_auth": True}},
                stream=True,
                stream_cls=AsyncStream[object],
            )
        except NotFoundError as exc:
            error = translate(exc, self._at, self._dialect, model=self.model)
            if not speaks_of(exc, self._dialect, self.model):
                cause, error = error.__cause__, NothingThereError(str(error), status=error.status)
                error.__cause__ = cause
            raise error from error.__cause__  # none, where its words hold the key
