"""OpenAI's Responses, frame by frame as `openai.types.responses` describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .reply import Reply, Request
from .responses_rules import problem as problem
from .turn import ErrorKind, WireTurn, WireUsage, seal, written

ERRORS: dict[ErrorKind, str] = {
    "rate_limit": "rate_limit_exceeded",
    "overloaded": "server_error",
    "server": "server_error",
    "bad_request": "invalid_prompt",
}
"""The code of each error in a stream."""
_ECHOED = ("instructions", "max_output_tokens", "metadata", "reasoning", "temperature", "top_p")

Json = dict[str, Any]


def encode(turn: WireTurn, request: Request) -> Reply:
    """Return a turn as OpenAI streams it."""
    said = _Stream(turn, request)
    said.begin()
    if turn.reasoning:
        said.reasoning()
    for search in turn.searches:
        said.search(*search)
    for run in turn.code_runs:
        said.code(*run)
    if turn.text or turn.refusal or not turn.calls:
        said.message()
    for name, args in turn.calls:
        said.call(name, written(args))
    kept = len(said.events) if turn.after is None else min(turn.after, len(said.events))
    return turn.reply(said.events, [said.end()], [said.failure(kept)])


def sealed(item_id: str) -> str:
    """Return the `encrypted_content` of a reasoning item."""
    return seal("reasoning", item_id)


class _Stream:
    """The events of one response, numbered."""

    def __init__(self, turn: WireTurn, request: Request) -> None:
        self.turn = turn
        self.request = request
        self.include: Sequence[str] = request.body.get("include") or ()
        self.output: list[Json] = []
        self.events: list[Json] = []

    # --- the response ------------------------------------------------------------------------

    def begin(self) -> None:
        self._say("response.created", response=self._response("in_progress", []))
        self._say("response.in_progress", response=self._response("in_progress", []))

    def end(self) -> Json:
        """Return the terminal event."""
        usage = _usage(self.turn.usage)
        if self.turn.finished == "length":
            why = {"reason": "max_output_tokens"}
            whole = self._response("incomplete", self.output, incomplete_details=why, usage=usage)
            return self._event("response.incomplete", response=whole)
        whole = self._response("completed", self.output, usage=usage)
        return self._event("response.completed", response=whole)

    def failure(self, number: int) -> Json:
        """Return the event with which the provider gives up."""
        code = ERRORS[self.turn.error or "server"]
        error = {"code": code, "message": self.turn.message}
        if self.turn.error_event:
            return {"type": "error", **error, "param": None, "sequence_number": number}
        failed = self._response("failed", [], error=error)
        return {"type": "response.failed", "response": failed, "sequence_number": number}

    def _response(self, status: str, output: list[Json], **more: Any) -> Json:
        body = self.request.body
        return {
            "id": f"resp_{self.request.number:08}",
            "object": "response",
            "created_at": 1780000000,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.request.model,
            "output": list(output),
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "store": body.get("store", True),
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": [_echoed(tool) for tool in body.get("tools", ())],
            "text": body.get("text", {"format": {"type": "text"}}),
            "truncation": "disabled",
            "usage": None,
            **{key: body.get(key) for key in _ECHOED},
            **more,
        }

    # --- items -------------------------------------------------------------------------------

    def reasoning(self) -> None:
        item = self._added("reasoning", "rs", summary=[])
        if "reasoning.encrypted_content" in self.include:
            item["encrypted_content"] = sealed(item["id"])
        at = {**self._at(), "summary_index": 0}
        empty = {"type": "summary_text", "text": ""}
        whole = {"type": "summary_text", "text": self.turn.reasoning}
        self._say("response.reasoning_summary_part.added", **at, part=empty)
        for piece in self.turn.pieces(self.turn.reasoning):
            self._say("response.reasoning_summary_text.delta", **at, delta=piece)
        self._say("response.reasoning_summary_text.done", **at, text=self.turn.reasoning)
        self._say("response.reasoning_summary_part.done", **at, part=whole)
        self._done(item, summary=[whole])

    def search(self, query: str, pages: Sequence[tuple[str, str]]) -> None:
        action: Json = {"type": "search", "query": query, "queries": [query]}
        item = self._added("web_search_call", "ws", status="in_progress", action=action)
        for state in ("in_progress", "searching", "completed"):
            self._say(f"response.web_search_call.{state}", **self._at())
        if "web_search_call.action.sources" in self.include:
            action = {**action, "sources": [{"type": "url", "url": url} for url, _ in pages]}
        self._done(item, status="completed", action=action)

    def code(self, code: str, output: str) -> None:
        rest = {"container_id": "cntr_1", "outputs": None}
        item = self._added("code_interpreter_call", "ci", status="in_progress", code="", **rest)
        self._say("response.code_interpreter_call.in_progress", **self._at())
        for piece in self.turn.pieces(code):
            self._say("response.code_interpreter_call_code.delta", **self._at(), delta=piece)
        self._say("response.code_interpreter_call_code.done", **self._at(), code=code)
        for state in ("interpreting", "completed"):
            self._say(f"response.code_interpreter_call.{state}", **self._at())
        outputs = [{"type": "logs", "logs": output}]
        asked = "code_interpreter_call.outputs" in self.include
        self._done(item, status="completed", code=code, outputs=outputs if asked else None)

    def message(self) -> None:
        item = self._added("message", "msg", status="in_progress", role="assistant", content=[])
        content: list[Json] = []
        if self.turn.text or not self.turn.refusal:
            content.append(self._text(len(content)))
        if self.turn.refusal:
            content.append(self._refusal(len(content)))
        cut = self.turn.finished == "length"
        self._done(item, status="incomplete" if cut else "completed", content=content)

    def _text(self, index: int) -> Json:
        at = {**self._at(), "content_index": index}
        part: Json = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        self._say("response.content_part.added", **at, part=part)
        for piece in self.turn.pieces(self.turn.text):
            self._say("response.output_text.delta", **at, delta=piece, logprobs=[])
        notes = _annotations(self.turn)
        for number, note in enumerate(notes):
            kind = "response.output_text.annotation.added"
            self._say(kind, **at, annotation_index=number, annotation=note)
        self._say("response.output_text.done", **at, text=self.turn.text, logprobs=[])
        part = {**part, "text": self.turn.text, "annotations": notes}
        self._say("response.content_part.done", **at, part=part)
        return part

    def _refusal(self, index: int) -> Json:
        at = {**self._at(), "content_index": index}
        part = {"type": "refusal", "refusal": ""}
        self._say("response.content_part.added", **at, part=part)
        for piece in self.turn.pieces(self.turn.refusal):
            self._say("response.refusal.delta", **at, delta=piece)
        self._say("response.refusal.done", **at, refusal=self.turn.refusal)
        part = {"type": "refusal", "refusal": self.turn.refusal}
        self._say("response.content_part.done", **at, part=part)
        return part

    def call(self, name: str, args: str) -> None:
        call_id = f"call_{self.request.number}_{len(self.output)}"
        rest = {"call_id": call_id, "name": name, "status": "in_progress"}
        item = self._added("function_call", "fc", arguments="", **rest)
        for piece in self.turn.pieces(args):
            self._say("response.function_call_arguments.delta", **self._at(), delta=piece)
        kind = "response.function_call_arguments.done"
        self._say(kind, **self._at(), arguments=args)
        self._done(item, status="completed", arguments=args)

    # --- events ------------------------------------------------------------------------------

    def _added(self, kind: str, prefix: str, **rest: Any) -> Json:
        made = f"{prefix}_{self.request.number}_{len(self.output)}"
        item = {"id": made, "type": kind, **rest}
        self.output.append(item)
        index = len(self.output) - 1
        self._say("response.output_item.added", output_index=index, item=dict(item))
        return item

    def _at(self) -> Json:
        return {"item_id": self.output[-1]["id"], "output_index": len(self.output) - 1}

    def _done(self, item: Json, **rest: Any) -> None:
        item.update(rest)
        index = len(self.output) - 1
        self._say("response.output_item.done", output_index=index, item=dict(item))

    def _event(self, kind: str, **rest: Any) -> Json:
        return {"type": kind, "sequence_number": len(self.events), **rest}

    def _say(self, kind: str, **rest: Any) -> None:
        self.events.append(self._event(kind, **rest))


def _annotations(turn: WireTurn) -> list[Json]:
    return [
        {
            "type": "url_citation",
            "url": url,
            "title": title,
            "start_index": start,
            "end_index": end,
        }
        for (url, title, _), (start, end) in zip(turn.citations, turn.spans(), strict=True)
    ]


def _echoed(tool: Mapping[str, Any]) -> Json:
    """Return a tool as a response holds it."""
    if tool["type"] != "function":
        return dict(tool)
    return {"parameters": None, "strict": True, "description": None, **tool}


def _usage(usage: WireUsage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
