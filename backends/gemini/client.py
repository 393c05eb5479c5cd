"""A client of the Google Gen AI SDK: our own connections, our own timeouts, one endpoint."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from ..endpoint import Endpoint
from ..errors import MalformedResponseError
from ..failures import check_stream, harmless
from ..transport import Timeouts, open_http, tls
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
    at: Endpoint

    async def close(self) -> None:
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
            BadRequestError: When the answer is no stream at all.
            MalformedResponseError: When it is no stream of such frames.
        """
        from google.genai import types
        from google.genai.errors import UnknownApiResponseError

        config = types.GenerateContentConfig(
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            automatic_continuation=False,
            http_options=types.HttpOptions(extra_body=dict(body)),
        )
        let_new_words_pass()
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
                check_stream(self.at, opened[-1].headers.get("content-type", ""))
        except UnknownApiResponseError as exc:
            if not answered and opened:
                check_stream(self.at, opened[-1].headers.get("content-type", ""))
            raise MalformedResponseError(
                f"{self.at.named} sent what is no JSON. Is {self.at.url_source} right?"
            ) from harmless(exc, self.at)
        finally:
            # Where the SDK fails in the middle, it leaves the connection to the garbage collector.
            for response in opened:
                await response.aclose()


_NEW_WORD = (
    "ignore",
    re.compile(r".* is not a valid \w+\Z", re.IGNORECASE),
    UserWarning,
    re.compile(r"google\.genai\._common\Z"),
    0,
)
"""A filter of `warnings`: for the one line of the SDK that warns of a word it does not know."""


def let_new_words_pass() -> None:
    """Silence the SDK where a newer API has a word that it does not know, which is no fault.

    Where warnings are errors, the answer would be lost. A filter holds for the whole process, and
    `catch_warnings` does so, too: two tasks that use it by turns put back each other's filters. So
    this one fits that line alone, and is set when an answer is read and it is not there: a filter
    that somebody sets later has the last word.
    """
    if _NEW_WORD not in warnings.filters:
        _, message, category, module, _ = _NEW_WORD
        warnings.filterwarnings("ignore", message.pattern, category, module.pattern)


_opened: ContextVar[list[httpx2.Response]] = ContextVar("_opened")
"""The responses of the running call."""


def open_gemini(at: Endpoint, timeouts: Timeouts, api_version: str) -> GeminiClient:
    """Return a new client of the SDK; it takes long the first time, so call it in a thread."""
    http = open_http(at, timeouts)
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
    headers = {"authorization": at.basic} if at.basic else {}
    sdk = genai.Client(
        vertexai=False,
        api_key=at.key or "none",
        http_options=types.HttpOptions(
            base_url=at.bare_url,
            api_version=api_version,
            headers=headers | {name.lower(): value for name, value in at.extra_headers.items()},
            httpx_async_client=http,
            # It would read the certificates twice more, for connections that are never made.
            client_args={"verify": tls()},
            async_client_args={"ssl": tls()},
        ),
    )
    return GeminiClient(sdk, http, at)


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
    await client.close()
