"""Anthropic's Messages, frame by frame as `anthropic.types` describes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .messages_rules import problem as problem
from .reply import Reply, Request
from .turn import ErrorKind, Finish, HttpError, WireTurn, seal, written

FINISH: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "refusal": "refusal",
    "pause": "pause_turn",
}
ERRORS: dict[ErrorKind, str] = {
    "rate_limit": "rate_limit_error",
    "overloaded": "overloaded_error",
    "server": "api_error",
    "bad_request": "invalid_request_error",
}
STATUS: dict[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""What each HTTP status has as the type of its error."""

Json = dict[str, Any]
Block = tuple[Json, list[Json]]
"""A content block as it starts, and its deltas."""


def http_error(said: HttpError) -> Reply:
    """Return a refusal in Anthropic's body."""
    kind = said.code or STATUS.get(said.status, "api_error")
    error = {"type": kind, "message": said.message}
    return said.reply({"type": "error", "error": error, "request_id": "req_1"})


def encode(turn: WireTurn, request: Request) -> Reply:
    """Return a turn as Anthropic streams it."""
    frames: list[Json] = [_start(turn, request), {"type": "ping"}]
    for index, (block, deltas) in enumerate(_blocks(turn, request)):
        frames.append({"type": "content_block_start", "index": index, "content_block": block})
        frames += [
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        ]
        frames.append({"type": "content_block_stop", "index": index})
    error = {"type": ERRORS[turn.error or "server"], "message": turn.message}
    failure = {"type": "error", "error": error, "request_id": "req_1"}
    return turn.reply(frames, [_end(turn), {"type": "message_stop"}], [failure])


def _start(turn: WireTurn, request: Request) -> Json:
    message: Json = {
        "id": f"msg_{request.number:08}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "container": None,
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            **_input(turn),
            "cache_creation": {
                "ephemeral_5m_input_tokens": turn.usage.cache_write,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": 1,
            "service_tier": "standard",
        },
    }
    return {"type": "message_start", "message": message}


def _input(turn: WireTurn) -> Json:
    """Return the tokens of the input, which Anthropic counts apart from those of the cache."""
    usage = turn.usage
    return {
        "input_tokens": usage.input - usage.cached - usage.cache_write,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
    }


def _end(turn: WireTurn) -> Json:
    reason = "tool_use" if turn.calls and turn.finished == "stop" else FINISH[turn.finished]
    delta: Json = {"stop_reason": reason, "stop_sequence": None, "stop_details": None}
    if turn.finished == "refusal":
        said = turn.refusal or None
        delta["stop_details"] = {"type": "refusal", "category": None, "explanation": said}
    usage: Json = {
        **_input(turn),
        "output_tokens": turn.usage.output,
        "output_tokens_details": {"thinking_tokens": turn.usage.reasoning},
    }
    if turn.searches or turn.fetches:
        usage["server_tool_use"] = {
            "web_search_requests": len(turn.searches),
            "web_fetch_requests": len(turn.fetches),
        }
    return {"type": "message_delta", "delta": delta, "usage": usage}


# --- content ---------------------------------------------------------------------------------


def _blocks(turn: WireTurn, request: Request) -> list[Block]:
    served = list(_served(turn, request))
    paused: list[Block] = []
    if turn.finished == "pause" and served:
        paused = [served[-2]]  # the use of the tool whose result is still to come
        served = served[:-2]
    return [*_thinking(turn), *served, *_texts(turn), *_calls(turn, request), *paused]


def _thinking(turn: WireTurn) -> Iterator[Block]:
    if turn.reasoning:
        deltas: list[Json] = [
            {"type": "thinking_delta", "thinking": piece} for piece in turn.pieces(turn.reasoning)
        ]
        deltas.append({"type": "signature_delta", "signature": seal("thinking", turn.reasoning)})
        yield {"type": "thinking", "thinking": "", "signature": ""}, deltas
    if turn.redacted:
        yield {"type": "redacted_thinking", "data": seal("redacted")}, []


def _served(turn: WireTurn, request: Request) -> Iterator[Block]:
    """Yield what ran on the provider's side, each use followed by its result."""
    serial = f"srvtoolu_{request.number}"
    for index, (query, pages) in enumerate(turn.searches):
        used = f"{serial}_s{index}"
        yield _used(turn, used, "web_search", {"query": query})
        yield _result("web_search", used, _found(turn, pages))
    for index, (url, text) in enumerate(turn.fetches):
        used = f"{serial}_f{index}"
        yield _used(turn, used, "web_fetch", {"url": url})
        yield _result("web_fetch", used, _fetched(url, text))
    name, given = _runner(request)
    for index, (code, output) in enumerate(turn.code_runs):
        used = f"{serial}_c{index}"
        yield _used(turn, used, name, {given: code})
        yield _result(name, used, _ran(name, output))


def _runner(request: Request) -> tuple[str, str]:
    """Return the tool that runs code, and its argument: both depend on the version asked for."""
    kinds = [tool.get("type") for tool in request.body.get("tools") or ()]
    if "code_execution_20250522" in kinds:
        return "code_execution", "code"
    return "bash_code_execution", "command"


def _used(turn: WireTurn, used: str, name: str, args: Json) -> Block:
    start = {"type": "server_tool_use", "id": used, "name": name, "input": {}}
    return start, _json_deltas(turn, written(args))


def _result(name: str, used: str, content: Any) -> Block:
    return {"type": f"{name}_tool_result", "tool_use_id": used, "content": content}, []


def _found(turn: WireTurn, pages: Sequence[tuple[str, str]]) -> Any:
    if turn.search_error:
        return {"type": "web_search_tool_result_error", "error_code": turn.search_error}
    return [
        {
            "type": "web_search_result",
            "url": url,
            "title": title,
            "encrypted_content": seal("page", url),
            "page_age": None,
        }
        for url, title in pages
    ]


def _fetched(url: str, text: str) -> Json:
    source = {"type": "text", "media_type": "text/plain", "data": text}
    document = {"type": "document", "source": source, "title": None, "citations": None}
    return {"type": "web_fetch_result", "url": url, "content": document, "retrieved_at": None}


def _ran(name: str, output: str) -> Json:
    return {
        "type": f"{name}_result",
        "stdout": output,
        "stderr": "",
        "return_code": 0,
        "content": [],
    }


def _texts(turn: WireTurn) -> Iterator[Block]:
    """Yield the text: one block, and with citations one for each part that has a source."""
    start = 0
    for (url, title, cited), (begin, end) in zip(turn.citations, turn.spans(), strict=True):
        if begin > start:
            yield _text(turn, turn.text[start:begin])
        note = {
            "type": "web_search_result_location",
            "url": url,
            "title": title,
            "cited_text": cited,
            "encrypted_index": seal("citation", url),
        }
        block, deltas = _text(turn, turn.text[max(begin, start) : end])
        cites: Json = {"type": "citations_delta", "citation": note}
        yield {**block, "citations": []}, [*deltas, cites]
        start = max(start, end)
    if turn.text[start:]:
        yield _text(turn, turn.text[start:])


def _text(turn: WireTurn, said: str) -> Block:
    deltas: list[Json] = [{"type": "text_delta", "text": piece} for piece in turn.pieces(said)]
    return {"type": "text", "text": ""}, deltas


def _calls(turn: WireTurn, request: Request) -> Iterator[Block]:
    thought = "_thought" if turn.reasoning or turn.redacted else ""
    for index, (name, args) in enumerate(turn.calls):
        used = f"toolu_{request.number}_{index}{thought}"
        start: Mapping[str, Any] = {"type": "tool_use", "id": used, "name": name, "input": {}}
        yield dict(start), _json_deltas(turn, written(args))


def _json_deltas(turn: WireTurn, said: str) -> list[Json]:
    """Return the pieces of some JSON; Anthropic's first one is empty."""
    pieces = ["", *turn.pieces(said)]
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
