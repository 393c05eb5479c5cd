"""What both chat models have in common: they stream, and everything else follows from it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Any, NoReturn, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from ..backends.pump import pumped
from ..loops import LoopThread
from .blocks import PROVIDER
from .calls import finished
from .stops import StopCut


class MassgraphChatModel(BaseChatModel):
    """A chat model whose answers come from massgraph.

    Without an event loop, and in a running one, each call opens and closes its own connections.
    Async calls keep them on their loop: `aclose` closes them.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    stop: list[str] | None = Field(default=None)
    """Texts at which the answer ends, before the first of them."""
    streaming: bool = False
    """Whether `invoke` streams, so that callbacks hear each token."""
    output_version: str | None = Field(default=None)

    @abstractmethod
    def _chunks(self, messages: list[BaseMessage], **kwargs: Any) -> AsyncGenerator[AIMessageChunk]:
        """Stream the answer; the last chunk holds usage and metadata."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what async calls have opened on the running event loop."""

    @property
    @abstractmethod
    def _provider_and_name(self) -> tuple[str, str]:
        """The provider and the model, as traces show them."""

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with aclosing(self._cut(messages, stop, kwargs)) as chunks:
            async for message in chunks:
                chunk = ChatGenerationChunk(message=message)
                if run_manager:
                    await run_manager.on_llm_new_token(str(message.text), chunk=chunk)
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        stream = self._astream(messages, stop, run_manager, **kwargs)
        return _result([chunk.message async for chunk in stream])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with LoopThread() as loop:
            # One task reads, whoever asks: connections do not like to be handed around.
            chunks = pumped(self._cut(messages, stop, kwargs))
            try:
                while True:
                    try:
                        message = loop.call(_next(chunks))
                    except StopAsyncIteration:
                        return
                    chunk = ChatGenerationChunk(message=message)
                    if run_manager:
                        run_manager.on_llm_new_token(str(message.text), chunk=chunk)
                    yield chunk
            finally:
                loop.call(chunks.aclose())
                loop.call(self.aclose())

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        stream = self._stream(messages, stop, run_manager, **kwargs)
        return _result([chunk.message for chunk in stream])

    async def _cut(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
    ) -> AsyncGenerator[AIMessageChunk]:
        """Stream the answer up to the first stop text; what comes after it is not waited for."""
        cut = StopCut(stop if stop is not None else self.stop or ())
        async with aclosing(self._chunks(messages, **kwargs)) as chunks:
            async for chunk in chunks:
                for message in cut.feed(chunk):
                    yield message
                if cut.done:
                    provider, name = self._provider_and_name
                    yield last_chunk(provider, kwargs.get("model", name), finish_reason="stop")
                    return

    @property
    def _identifying_params(self) -> dict[str, Any]:
        provider, name = self._provider_and_name
        return {"provider": provider, "model": name, "stop": self.stop}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        provider, name = self._provider_and_name
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = provider
        params["ls_model_name"] = kwargs.get("model") or name
        return params

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a copy that shares what answers: connections cannot be copied."""
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: connections and keys stay in the process."""
        raise TypeError(
            f"A {type(self).__name__} cannot be pickled; make a new one where it is needed, from "
            "the same config."
        )

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse to be pickled, by any protocol."""
        self.__reduce__()


def last_chunk(provider: str, name: str, **metadata: Any) -> AIMessageChunk:
    """Return the chunk that ends an answer."""
    said = {"model_name": name, "model_provider": PROVIDER, "provider": provider, **metadata}
    return AIMessageChunk(content="", response_metadata=said, chunk_position="last")


def _result(pieces: list[Any]) -> ChatResult:
    message = finished(pieces)
    if (answer := message.response_metadata.pop("answer", None)) is not None:
        message.content = answer
    return ChatResult(generations=[ChatGeneration(message=message)])


async def _next(chunks: AsyncIterator[AIMessageChunk]) -> AIMessageChunk:
    return await anext(chunks)
