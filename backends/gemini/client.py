"""A client of the Google Gen AI SDK: our own connections, our own timeouts, one endpoint."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from ..endpoint import Endpoint
from ..errors import MalformedResponseError
from ..transport import open_http, tls
from .events import plain_events

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    import httpx2
    from google import genai
    from google.genai import types


@dataclass(frozen=True, slots=True)
class GeminiClient:
    """The SDK's client, and the connections below it, which the SDK leaves to us to close."""

    sdk: genai.Client
    http: httpx2.AsyncClient
    server: str

    async def aclose(self) -> None:
        """Close both."""
        await self.sdk.aio.aclose()
        self.sdk.close()
        await self.http.aclose()

    async def frames(
        self, model: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[types.GenerateContentResponse]:
        """Send one request and yield the frames of the answer.

        The SDK neither calls functions nor asks for more by itself.

        Args:
            model: The model.
            body: The request as the REST API has it; it takes the place of the SDK's own.

        Raises:
            MalformedResponseError: When the answer is no stream of such frames.
        """
        from google.genai import types

        config = types.GenerateContentConfig(
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            automatic_continuation=False,
            http_options=types.HttpOptions(extra_body=dict(body)),
        )
        opened: list[httpx2.Response] = []
        _opened.set(opened)
        answered = False
        try:
            async for frame in await self.sdk.aio.models.generate_content_stream(
                model=model, contents="-", config=config
            ):
                answered = answered or bool(frame.candidates or frame.prompt_feedback)
                yield frame
            if not answered:
                self._check_type(opened[-1].headers.get("content-type", ""))
        finally:
            # Where the SDK fails in the middle, it leaves the connection to the garbage collector.
            for response in opened:
                await response.aclose()

    def _check_type(self, content_type: str) -> None:
        if "text/event-stream" not in content_type:
            raise MalformedResponseError(
                f"{self.server} answered with {content_type or 'nothing'}, not with a stream. "
                "Is base_url right?"
            )


_opened: ContextVar[list[httpx2.Response]] = ContextVar("_opened")
"""The responses of the running call."""


def open_gemini(
    at: Endpoint, *, api_version: str, connect_timeout_s: float, idle_timeout_s: float
) -> GeminiClient:
    """Return a new client of the SDK; it takes long the first time, so call it in a thread."""
    http = open_http(at, connect_timeout_s=connect_timeout_s, idle_timeout_s=idle_timeout_s)
    client = _client(at, http, api_version)
    _warm_up()
    return client


def _client(at: Endpoint, http: httpx2.AsyncClient, api_version: str) -> GeminiClient:
    from google import genai
    from google.genai import types

    async def amend(request: httpx2.Request) -> None:
        # The SDK knows one timeout for everything, and without it switches off those of `http`.
        request.extensions["timeout"] = http.timeout.as_dict()
        if at.key is None:  # what the SDK has instead is not sent
            request.headers.pop("x-goog-api-key", None)

    async def keep(response: httpx2.Response) -> None:
        _opened.get([]).append(response)
        if response.is_success:
            vars(response)["aiter_bytes"] = partial(_plain_bytes, response.aiter_bytes)

    http.event_hooks = {"request": [amend], "response": [keep]}
    # It warns of each word that a newer API has: those words are read as what they are.
    warnings.filterwarnings("ignore", r".* is not a valid \w+", UserWarning, r"google\.genai\.")
    sdk = genai.Client(
        vertexai=False,
        api_key=at.key or "none",
        http_options=types.HttpOptions(
            base_url=at.url,
            api_version=api_version,
            headers={name.lower(): value for name, value in at.extra_headers.items()},
            httpx_async_client=http,
            # It would read the certificates twice more, for connections that are never made.
            client_args={"verify": tls()},
            async_client_args={"ssl": tls()},
        ),
    )
    return GeminiClient(sdk, http, at.shown)


def _plain_bytes(read: Callable[[], AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    return plain_events(read())


_FRAME = b'data: {"candidates": [{"content": {"parts": [{"text": "-"}]}}]}\r\n\r\n'
_warm = False


def _warm_up() -> None:
    """Build the SDK's types and import what its first call imports, once."""
    global _warm  # noqa: PLW0603
    if _warm:
        return
    from google.genai import types

    _build(types.GenerateContentResponse, set())
    asyncio.run(_first_call())
    _warm = True


def _build(annotation: Any, built: set[Any]) -> None:
    """Build a type of the SDK and those of its fields, which it would build when it meets them."""
    from google.genai import types
    from pydantic import BaseModel

    for inner in get_args(annotation):
        _build(inner, built)
    is_theirs = getattr(annotation, "__module__", "") == types.__name__
    if annotation in built or not (is_theirs and isinstance(annotation, type)):
        return
    built.add(annotation)
    if issubclass(annotation, BaseModel):
        annotation.model_rebuild()
        for field in annotation.model_fields.values():
            _build(field.annotation, built)


async def _first_call() -> None:
    import httpx2

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=_FRAME)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    client = _client(Endpoint("http://localhost", "none"), http, "v1beta")
    async for frame in client.frames("-", {}):
        frame.model_dump(mode="json", by_alias=True)
    await client.aclose()
