"""The frames of a `streamGenerateContent` stream, read as chunks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    ContentChunk,
    DoneChunk,
    FinishReason,
    ReasoningChunk,
    StreamChunk,
    ToolCallsChunk,
    UsageChunk,
)
from ..echo import echo
from ..errors import IncompleteStreamError, MalformedResponseError, RefusedError
from ..failure_words import one_line
from ..linger import LINGER_S
from ..wire import check_text
from .contents import PROVIDER, Part
from .finish import FINISH_REASONS, MALFORMED, UNSURE_S
from .found import Found
from .structured import TailReader

if TYPE_CHECKING:
    from google.genai import types
    from langchain_core.messages import ToolCall

    from ..endpoint import Endpoint
    from ..prices import Counts, Tariff
    from .models import Profile


class FrameReader:
    """Reads the frames of one answer, in order.

    Args:
        profile: What the model takes, and what of its searches is billed.
        tariff: What it costs.
        at: The server, and its key, which its words may not show.
        in_text: Whether the tools are called at the end of the text.
    """

    def __init__(
        self, profile: Profile, tariff: Tariff, at: Endpoint, *, in_text: bool = False
    ) -> None:
        self._profile, self._tariff, self._at = profile, tariff, at
        self._tail = TailReader() if in_text else None
        self._found = Found()
        self._text: list[str] = []
        self._parts: list[Part] = []
        self._calls: list[ToolCall] = []
        self._counts: Counts | None = None
        self._spoke = self._spoke_on = False
        self._finish: str | None = None
        self._why = ""

    def read(self, frame: types.GenerateContentResponse) -> Iterator[StreamChunk]:
        """Yield what a frame says.

        Raises:
            RefusedError: When it says that the prompt is blocked.
        """
        if frame.usage_metadata is not None:
            yield from self._used(_counts(frame.usage_metadata))
        feedback = frame.prompt_feedback
        if feedback is not None and feedback.block_reason:
            reason = feedback.block_reason_message or feedback.block_reason.value
            raise RefusedError(self._words(f"Gemini declines the prompt: {reason}"))
        for candidate in frame.candidates or ():
            if not candidate.index:  # others are answers that nobody asked for
                yield from self._read_candidate(candidate)

    @property
    def patience_s(self) -> float | None:
        """Seconds to wait for more, once a frame has said why the model stopped; else None."""
        if not self._is_whole:
            return None
        return LINGER_S if self._spoke_on else UNSURE_S

    @property
    def _is_whole(self) -> bool:
        """Whether a frame has said why the model stopped.

        Some servers say `STOP` in empty frames while the model still thinks.
        """
        return self._finish is not None and (self._spoke or self._finish != "STOP")

    def _read_candidate(self, candidate: types.Candidate) -> Iterator[StreamChunk]:
        # Words behind the end are no part of it, except where each frame says that it is the end.
        if candidate.finish_reason or not self._is_whole:
            for part in (candidate.content and candidate.content.parts) or ():
                yield from self._read_part(part)
            self._read_end(candidate)
        self._found.metadata(candidate)

    def _read_end(self, candidate: types.Candidate) -> None:
        if candidate.finish_reason:
            self._finish = candidate.finish_reason.value
            self._why = candidate.finish_message or ""
        elif self._spoke:
            self._spoke_on, self._finish = True, None

    def _read_part(self, part: types.Part) -> Iterator[StreamChunk]:
        told = part.model_dump(mode="json", by_alias=True, exclude_none=True)
        check_text(told)
        self._spoke = self._spoke or any(told.values())
        self._keep(told)
        if part.function_call:
            yield self._called(part.function_call)
        elif part.tool_call:
            yield AgentStatusChunk(self._found.tool_call(part.tool_call))
        elif part.executable_code:
            yield AgentStatusChunk(self._found.code(part.executable_code))
        elif part.code_execution_result:
            ran = self._found.code_result(part.code_execution_result)
            yield BuiltinToolResultsChunk((ran,))
        elif part.text and part.thought:
            yield ReasoningChunk(part.text)
        elif part.text:
            yield from self._wrote(self._tail.feed(part.text) if self._tail else part.text)

    def _wrote(self, text: str) -> Iterator[StreamChunk]:
        if text:
            self._text.append(text)
            yield ContentChunk(text)

    def _called(self, call: types.FunctionCall) -> ToolCallsChunk:
        return self._call(call.name or "", call.args or {}, call.id)

    def _call(self, name: str, args: dict[str, Any], call_id: str | None = None) -> ToolCallsChunk:
        from langchain_core.messages import ToolCall

        made = call_id or f"call_{uuid.uuid4().hex[:12]}"
        while any(other["id"] == made for other in self._calls):
            made += "_"  # or the two would be taken for one
        call = ToolCall(name=name, args=args, id=made, type="tool_call")
        self._calls.append(call)
        return ToolCallsChunk((call,))

    def _keep(self, part: Part) -> None:
        """Keep a part for the next request: all but empty ones and thoughts without signature."""
        signed = "thoughtSignature" in part
        if not signed and (part.get("thought") or not any(part.values())):
            return
        if part.keys() <= {"thought", "thoughtSignature"}:
            part["text"] = ""
        last = self._parts[-1] if self._parts else None
        if last is not None and part.keys() == last.keys() == {"text"}:
            last["text"] += part["text"]
        else:
            self._parts.append(part)

    # --- the end -------------------------------------------------------------------------------

    def done(self) -> Iterator[StreamChunk]:
        """Yield what is told at the end, the terminal chunk last, once the stream has ended.

        Raises:
            IncompleteStreamError: When no frame said why the model stopped.
            MalformedResponseError: When the model made a call that is none.
        """
        used = self._found.counts(self._profile.searches)
        if used and self._counts is not None:
            yield from self._used({**self._counts, **used})
        if self._finish is None:
            raise IncompleteStreamError("The stream ended before the answer did.")
        finish = FINISH_REASONS.get(self._finish, "other")
        if finish == MALFORMED:
            raise MalformedResponseError(self._words(f"Gemini stopped: {self._finish} {self._why}"))
        yield from self._declined() if finish == "refusal" else self._last_words()
        if results := self._found.results():
            check_text(results)
            yield BuiltinToolResultsChunk(results)
        yield CompleteMessageChunk(echo(PROVIDER, self._parts, "".join(self._text), self._calls))
        yield DoneChunk(self._reason(finish))

    def _words(self, text: str) -> str:
        return one_line(text, self._at)

    def _declined(self) -> Iterator[StreamChunk]:
        if self._tail is not None:
            yield from self._wrote(self._tail.give_up())
        yield from self._wrote(self._why)

    def _last_words(self) -> Iterator[StreamChunk]:
        if self._tail is None:
            return
        said = self._tail.finish()
        yield from self._wrote(said.text)
        for name, args in said.calls:
            yield self._call(name, args)

    def _reason(self, finish: str) -> FinishReason:
        match finish:
            case "stop":
                return "tool_calls" if self._calls else "stop"
            case "length" | "refusal":
                return finish
            case _:
                return "other"

    def _used(self, counts: Counts) -> Iterator[UsageChunk]:
        if counts != self._counts and any(counts.values()):  # a frame may tell of other things
            self._counts = counts
            yield UsageChunk(self._tariff.usage(counts))


def _counts(usage: types.GenerateContentResponseUsageMetadata) -> Counts:
    thoughts = usage.thoughts_token_count or 0
    return {
        "input_tokens": (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        "cache_read_tokens": usage.cached_content_token_count or 0,
        "output_tokens": (usage.candidates_token_count or 0) + thoughts,
        "output_reasoning_tokens": thoughts,
    }
