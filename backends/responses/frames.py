"""The events of a `/responses` stream, read as chunks.

Unknown events are ignored: the protocol grows. What a server does not stream in pieces is taken
from the whole item, and what it sends in both ways counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from ..chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
    DoneChunk,
    FinishReason,
    StreamChunk,
    UsageChunk,
)
from ..endpoint import Endpoint
from ..errors import IncompleteStreamError, RefusedError
from ..failures import Dialect, frame_error
from ..usage import TokenUsage
from .builtin import BuiltinUses, begun
from .echo import kept_message
from .events import Ended, Item, ItemEvent, Piece, Response, Usage
from .said import Said

_INCOMPLETE: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "refusal",
}

Priced = Callable[[Usage, Mapping[str, int], str | None], TokenUsage]
"""From the usage, the uses of builtin tools, and the service tier, to what is reported."""

_Reader = Callable[..., Iterator[StreamChunk]]


class FrameReader:
    """Reads the events of one response, in order.

    Args:
        at: The server, for messages.
        echo_key: Under which name the message is kept (see `echo`).
        uses: The uses of builtin tools.
        priced: What a call costs.
        dialect: How the server says that something failed.
    """

    def __init__(
        self, at: Endpoint, echo_key: str, uses: BuiltinUses, priced: Priced, dialect: Dialect
    ) -> None:
        self._at, self._echo_key, self._uses, self._priced = at, echo_key, uses, priced
        self._dialect = dialect
        self._said = Said()
        self._finish: FinishReason | None = None
        self.began = False
        """Whether an event has come."""

    @property
    def ended(self) -> bool:
        """Whether the terminal event has come."""
        return self._finish is not None

    def read(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        """Yield what an event says.

        Raises:
            BackendError: When it says that the response failed.
            pydantic.ValidationError: When something in it has the wrong type.
        """
        self.began = True
        reader = self._readers.get(str(event.get("type")))
        if reader is not None:
            yield from reader(self, event)

    def done(self) -> DoneChunk:
        """Return the terminal chunk, once the stream has ended.

        Raises:
            IncompleteStreamError: When no event said that the response has ended.
        """
        if self._finish is None:
            raise IncompleteStreamError("The stream ended before the response did.")
        return DoneChunk(self._finish)

    # --- pieces ----------------------------------------------------------------------------------

    def _read_text(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        piece = Piece.model_validate(event)
        yield from self._said.write(piece.output_index, piece.content_index, piece.delta or "")

    def _read_refusal(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        self._said.refused = True
        yield from self._read_text(event)

    def _read_annotation(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        self._uses.cite(Piece.model_validate(event).annotation)
        yield from ()

    def _read_reasoning(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        piece = Piece.model_validate(event)
        yield from self._said.reason(piece.output_index, piece.delta or "")

    def _read_new_paragraph(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        piece = Piece.model_validate(event)
        if piece.summary_index:
            yield from self._said.reason_on(piece.output_index)

    def _read_arguments(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        piece = Piece.model_validate(event)
        if piece.arguments is None:
            yield from self._said.argue(piece.output_index, piece.delta or "")
        else:
            yield from self._said.argue_whole(piece.output_index, piece.arguments)

    # --- items -----------------------------------------------------------------------------------

    def _read_added(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        read = ItemEvent.model_validate(event)
        item = Item.model_validate(read.item)
        status = begun(item.type)
        if item.type == "function_call":
            yield from self._said.call(read.output_index, item.call_id, item.name)
        elif status:
            yield AgentStatusChunk(status)

    def _read_item(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        read = ItemEvent.model_validate(event)
        yield from self._whole_item(read.output_index, read.item)

    def _whole_item(self, index: int, raw: dict[str, Any]) -> Iterator[StreamChunk]:
        """Yield what an item holds and was not streamed: some servers stream no deltas."""
        item = Item.model_validate(raw)
        self._said.keep(index, raw)
        match item.type:
            case "message":
                yield from self._message(index, item)
            case "function_call":
                yield from self._said.call(index, item.call_id, item.name)
                yield from self._said.argue_whole(index, item.arguments or "")
            case "reasoning":
                paragraphs = [part.text for part in item.summary or () if part.text]
                yield from self._said.reason_whole(index, paragraphs)
            case _:
                result = self._uses.result(raw)
                if result is not None:
                    yield BuiltinToolResultsChunk((result,))

    def _message(self, index: int, item: Item) -> Iterator[StreamChunk]:
        for number, part in enumerate(item.content or ()):
            self._said.refused |= bool(part.refusal)
            yield from self._said.write_whole(index, number, part.text or part.refusal or "")
            for annotation in part.annotations or ():
                self._uses.cite(annotation)
        citations = self._uses.citations()
        if citations:
            yield BuiltinToolResultsChunk(citations)

    # --- the end ---------------------------------------------------------------------------------

    def _read_queued(self, _event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        yield AgentStatusChunk("waiting in the provider's queue")

    def _read_end(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        response = Ended.model_validate(event).response
        if not self._said.items:
            for index, item in enumerate(response.output or ()):
                yield from self._whole_item(index, item)
        yield from self._usage(response)
        whole = event["type"] == "response.completed" and response.incomplete_details is None
        finish = self._finished(response, complete=whole)
        yield from self._complete_message()
        yield CompleteResponseChunk(event["response"])
        self._finish = finish

    def _finished(self, response: Response, *, complete: bool) -> FinishReason:
        if not complete:
            why = response.incomplete_details
            finish = _INCOMPLETE.get((why and why.reason) or "", "other")
            if finish == "refusal" and not self._said.text and not self._said.called:
                raise RefusedError(f"{self._at.shown} declined to answer: a filter stopped it.")
            return finish
        if self._said.refused:
            return "refusal"
        return "tool_calls" if self._said.called else "stop"

    def _read_failed(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        response = Ended.model_validate(event).response
        yield from self._usage(response)
        raise frame_error(response.error or {}, self._at, self._dialect)

    def _read_error(self, event: Mapping[str, Any]) -> Iterator[StreamChunk]:
        yield from ()
        raise frame_error(event, self._at, self._dialect)

    def _usage(self, response: Response) -> Iterator[StreamChunk]:
        if response.usage is not None:
            counts = self._uses.counts()
            yield UsageChunk(self._priced(response.usage, counts, response.service_tier))

    def _complete_message(self) -> Iterator[StreamChunk]:
        message = kept_message(self._echo_key, self._said.items, self._said.text)
        if message is not None:
            yield CompleteMessageChunk(message)

    _readers: ClassVar[Mapping[str, _Reader]] = {
        "error": _read_error,
        "response.completed": _read_end,
        "response.failed": _read_failed,
        "response.function_call_arguments.delta": _read_arguments,
        "response.function_call_arguments.done": _read_arguments,
        "response.incomplete": _read_end,
        "response.output_item.added": _read_added,
        "response.output_item.done": _read_item,
        "response.output_text.annotation.added": _read_annotation,
        "response.output_text.delta": _read_text,
        "response.queued": _read_queued,
        "response.reasoning_summary_part.added": _read_new_paragraph,
        "response.reasoning_summary_text.delta": _read_reasoning,
        "response.reasoning_text.delta": _read_reasoning,
        "response.refusal.delta": _read_refusal,
    }
    """Event -> what reads it."""
