"""A backend as a LangChain chat model."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, SecretStr, model_validator

from ..backends.base import LLMBackend
from ..backends.chunks import StreamChunk, first_said
from ..backends.errors import (
    BackendError,
    BackendTimeoutError,
    UserError,
)
from ..backends.registry import backend_from_config, build_backend
from ..backends.retry import RetryPolicy, retrying
from .model import MassgraphChatModel
from .structured import SOMETHING, under_schema
from .tools import choice_of, chosen, tool_schema
from .whole import restored
from .writer import MessageWriter


class BackendChatModel(MassgraphChatModel):
    """A backend as a LangChain chat model: it streams, calls tools and gives structured output.

    Args:
        backend: A backend, or `provider:model`, or a config's `backend:` mapping.
        api_key: The key of a backend that is only named; it is handed on and not kept.
        temperature: Sampling temperature; left out, the backend decides.
        max_tokens: Tokens of an answer at most; left out, the backend decides.
        timeout: Seconds that a call may take, retries included.
        max_retries: Further requests, when one fails before its first chunk.
        stop: Texts at which the answer ends; the call is stopped there, and its tokens are not
            known then.

    Raises:
        UserError: When the backend names no provider, or a key or a package is missing.
    """

    backend: LLMBackend = Field(exclude=True)
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float | None = Field(default=None, gt=0)
    max_retries: int = Field(default=2, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _built(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Build a backend that is only named; its key is kept by nobody else."""
        given = dict(given)
        backend, key = given.get("backend"), _revealed(given.pop("api_key", None))
        options: dict[str, Any] = {} if key is None else {"api_key": key}
        if isinstance(backend, str):
            given["backend"] = build_backend(backend, **options)
        elif isinstance(backend, Mapping):
            given["backend"] = backend_from_config({**backend, **options})
        elif key is not None:
            raise UserError(
                "An api_key goes with a backend that is only named.",
                hint="Give it to the backend itself.",
            )
        return given

    @property
    def _llm_type(self) -> str:
        return "massgraph-backend"

    @property
    def _provider_and_name(self) -> tuple[str, str]:
        return self.backend.provider_name, self.backend.model

    async def aclose(self) -> None:
        """Close what async calls have opened on the running event loop."""
        await self.backend.aclose()

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with tools that it may call.

        Args:
            tools: LangChain tools, functions, pydantic classes, or JSON Schemas.
            tool_choice: `any`, `auto`, `none`, or the name of the tool that must be called.
            strict: Whether the schemas are made such that OpenAI holds calls to them.
            **kwargs: Further parameters of each call.

        Raises:
            UserError: When one of them is a provider's own tool, or the choice is none of them.
        """
        formatted = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        schemas = [tool_schema(tool) for tool in formatted]
        choice = choice_of(tool_choice)
        chosen(schemas, choice, self.backend)
        return self.bind(tools=formatted, tool_choice=choice, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: str = "function_calling",
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return the model with answers that fit a schema.

        Args:
            schema: A pydantic class, a TypedDict, or a JSON Schema.
            include_raw: Whether to return the message, what was read, and what went wrong with it.
            method: `json_schema` has the provider hold the answer's text to the schema; all else
                goes by tool calling.
            **kwargs: As LangChain has them.

        Raises:
            UserError: When the model cannot be held to a schema.
            OutputParserException: When the model has not called the tool (at the call; not with
                `include_raw`).
        """
        if method == "json_schema":
            if not self.backend.takes_output_schema:
                raise UserError(
                    f"{self.backend.provider_name}:{self.backend.model} takes no JSON schema.",
                    hint="Leave out method: it goes by tool calling then.",
                )
            return under_schema(self, schema, include_raw=include_raw)
        chain = super().with_structured_output(schema, include_raw=include_raw, **kwargs)
        return chain if include_raw else chain | SOMETHING

    async def _chunks(
        self, messages: list[BaseMessage], **kwargs: Any
    ) -> AsyncGenerator[AIMessageChunk]:
        writer = MessageWriter(self.backend, str(kwargs.get("model") or self.backend.model))
        try:
            # The time of whoever reads counts, too: it is the whole call's.
            async with aclosing(self._in_time(self._call(messages, kwargs))) as stream:
                async for chunk in stream:
                    for message in writer.write(chunk):
                        yield message
        except TimeoutError as exc:
            raise BackendTimeoutError(f"The call took longer than {self.timeout:g} s.") from exc
        yield writer.last()

    async def _call(
        self, messages: list[BaseMessage], kwargs: dict[str, Any]
    ) -> AsyncGenerator[StreamChunk]:
        tools = [tool_schema(tool) for tool in kwargs.get("tools") or ()]
        choice = choice_of(kwargs.get("tool_choice"))
        offered, params = chosen(tools, choice, self.backend)
        given = {"temperature": self.temperature, "max_tokens": self.max_tokens, **kwargs}
        params |= {
            name: value
            for name, value in given.items()
            if value is not None and name not in ("tools", "tool_choice")
        }
        name = str(kwargs.get("model") or self.backend.model)
        asked = restored(messages, self.backend.provider_name, name)
        await self.backend.prepare()

        async def request() -> tuple[list[StreamChunk], AsyncGenerator[StreamChunk]]:
            stream = self.backend.stream_with_tools(asked, offered, **params)
            return await _begun(stream)

        policy = RetryPolicy(requests=self.max_retries + 1)
        first, stream = await retrying(request, policy, rng=random.Random())
        async with aclosing(stream):
            for chunk in first:
                yield chunk
            async for chunk in stream:
                yield chunk

    async def _in_time(self, stream: AsyncGenerator[StreamChunk]) -> AsyncGenerator[StreamChunk]:
        loop = asyncio.get_running_loop()
        end = None if self.timeout is None else loop.time() + self.timeout
        async with aclosing(stream):
            while True:
                try:
                    async with asyncio.timeout_at(end):
                        chunk = await anext(stream)
                except StopAsyncIteration:
                    return
                yield chunk


def _revealed(key: SecretStr | str | None) -> str | None:
    return key.get_secret_value() if isinstance(key, SecretStr) else key


async def _begun(
    stream: AsyncIterator[StreamChunk],
) -> tuple[list[StreamChunk], AsyncGenerator[StreamChunk]]:
    """Return a stream's chunks up to the first one that says something, and the rest of it.

    Raises:
        BackendError: When the stream fails, or ends, before it has begun.
    """
    rest = cast("AsyncGenerator[StreamChunk]", stream)
    first: list[StreamChunk] = []
    try:
        said = await first_said(rest, first.append)
    except BackendError:
        await rest.aclose()
        raise
    return [*first, said], rest
