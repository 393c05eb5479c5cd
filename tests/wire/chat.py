"""Chat completions, as OpenAI, Grok and all servers that are compatible with them speak them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import rules
from .reply import DONE, End, Frame, Reply, Request
from .turn import ErrorKind, Finish, HttpError, WireTurn, WireUsage, written

NAME = r"[a-zA-Z0-9_-]{1,64}"

FINISH: dict[Finish, str] = {
    "stop": "stop",
    "length": "length",
    "refusal": "content_filter",
    "pause": "stop",
}
ERRORS: dict[ErrorKind, tuple[str, str]] = {
    "rate_limit": ("rate_limit_error", "rate_limit_exceeded"),
    "overloaded": ("server_error", "server_is_overloaded"),
    "server": ("server_error", "server_error"),
    "bad_request": ("invalid_request_error", "invalid_value"),
}
"""What each error in a stream has as type and code."""
STATUS: dict[int, str] = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}

# --- frames ----------------------------------------------------------------------------------


def delta(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """Return a frame that holds one delta."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _frame(choices=[choice])


def usage_frame(
    prompt: int = 12, completion: int = 7, *, cached: int = 4, reasoning: int = 2
) -> dict[str, Any]:
    """Return the frame with the tokens; it is sent only to a client that asked for it."""
    return _usage(WireUsage(input=prompt, output=completion, cached=cached, reasoning=reasoning))


def stream(*frames: Frame, end: End = "done") -> Reply:
    """Return a reply that streams these frames."""
    return Reply(frames=frames, end=end)


def answer(
    text: str = "",
    *,
    reasoning: str = "",
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = (),
    finish_reason: str | None = None,
    piece: int = 8,
) -> Reply:
    """Return a reply that streams an answer as OpenAI does.

    Args:
        text: The text.
        reasoning: Reasoning, before the text.
        calls: Tool calls after it: the name, and the arguments (a string goes out as it is).
        finish_reason: Why it ends; left out, what fits.
        piece: Characters in a frame.
    """
    turn = WireTurn(text=text, reasoning=reasoning, calls=calls, piece=piece)
    return stream(*_frames(turn, ""), *_ending(turn, finish_reason))


def text(said: str) -> Reply:
    """Return a reply that streams this text."""
    return answer(said)


def http_error(
    status: int,
    message: str = "It went wrong.",
    *,
    code: str | None = None,
    retry_after: float | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply that refuses the request."""
    error = {"message": message, "type": "error", "param": None, "code": code}
    said = HttpError(status=status, retry_after=retry_after, headers=headers or {})
    return said.reply({"error": error})


def refusal(said: HttpError) -> Reply:
    """Return a refusal in OpenAI's body."""
    kind = STATUS.get(said.status, "server_error" if said.status > 499 else "invalid_request_error")
    code = said.code
    if code is None and said.status == 429:
        code = "rate_limit_exceeded"
    return said.reply(
        {"error": {"message": said.message, "type": kind, "param": None, "code": code}}
    )


def encode(turn: WireTurn, request: Request) -> Reply:
    """Return a turn as the provider streams it."""
    kind, code = ERRORS[turn.error or "server"]
    failure = {"error": {"message": turn.message, "type": kind, "param": None, "code": code}}
    frames = [{**frame, "model": request.model} for frame in _frames(turn, f"{request.number}_")]
    ending = [{**frame, "model": request.model} for frame in _ending(turn)]
    return turn.reply(frames, [*ending, DONE], [failure])


def without_unasked_usage(reply: Reply, request: Request) -> Reply:
    """Return the reply without the tokens, if the client did not ask for them."""
    if (request.body.get("stream_options") or {}).get("include_usage"):
        return reply
    return replace(
        reply,
        frames=tuple(x for x in reply.frames if not _is_usage(x)),
        closing=tuple(x for x in reply.closing if not _is_usage(x)),
    )


def _is_usage(frame: Frame) -> bool:
    return isinstance(frame, Mapping) and "usage" in frame and not frame.get("choices")


def _frames(turn: WireTurn, serial: str) -> list[dict[str, Any]]:
    frames = [delta(role="assistant", content="")]
    frames += [delta(reasoning_content=part) for part in turn.pieces(turn.reasoning)]
    frames += [delta(content=part) for part in turn.pieces(turn.text)]
    frames += [delta(refusal=part) for part in turn.pieces(turn.refusal)]
    for index, (name, args) in enumerate(turn.calls):
        function = {"name": name, "arguments": ""}
        made = f"call_{serial}{index}"
        head = {"index": index, "id": made, "type": "function", "function": function}
        frames.append(delta(tool_calls=[head]))
        frames += [
            delta(tool_calls=[{"index": index, "function": {"arguments": part}}])
            for part in turn.pieces(written(args))
        ]
    return frames


def _ending(turn: WireTurn, finish_reason: str | None = None) -> list[dict[str, Any]]:
    finish = FINISH[turn.finished]
    if turn.calls and turn.finished == "stop":
        finish = "tool_calls"
    return [delta(finish_reason or finish), _usage(turn.usage, _sources(turn))]


def _sources(turn: WireTurn) -> list[str]:
    """Return the pages of the searches, as Grok lists them at the end."""
    found = [url for _, pages in turn.searches for url, _ in pages]
    return list(dict.fromkeys([*found, *(url for url, *_ in turn.citations)]))


def _usage(usage: WireUsage, sources: Sequence[str] = ()) -> dict[str, Any]:
    said: dict[str, Any] = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
    if usage.cache_write:
        said["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write
    if not sources:
        return _frame(choices=[], usage=said)
    return _frame(
        choices=[], usage={**said, "num_sources_used": len(sources)}, citations=[*sources]
    )


def _frame(**content: Any) -> dict[str, Any]:
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", **content}


# --- what is refused -------------------------------------------------------------------------


def problem(request: Request) -> str | None:
    """Return why a server would not take this request, or None."""
    return rules.first_problem(request, (_key, rules.streamed, _tools, _format, _messages))


def _key(request: Request) -> Iterator[str]:
    """Refuse an empty key; none at all, and other schemes, are up to each server."""
    if request.headers.get("authorization", "").strip() == "Bearer":
        yield from rules.bearer(request)


def _tools(request: Request) -> Iterator[str]:
    functions = [tool["function"] for tool in request.body.get("tools", ())]
    names = [function["name"] for function in functions]
    yield from rules.tool_names(names, NAME)
    for function in functions:
        if "parameters" in function:
            yield from rules.parameters(function["parameters"], f"function {function['name']!r}")
    choice = request.body.get("tool_choice")
    if choice is not None and not functions:
        yield "'tool_choice' is only allowed when 'tools' are specified."
    if isinstance(choice, dict):
        if choice["type"] != "function" or choice.keys() != {"type", "function"}:
            yield f"Invalid value: {choice!r}. Expected {{'type': 'function', 'function': ...}}."
        elif choice["function"] not in [{"name": name} for name in names]:
            yield f"Tool choice {choice['function']!r} not found in 'tools' parameter."
    elif choice not in (None, "auto", "none", "required"):
        yield f"Invalid value: {choice!r}. Supported values are: 'none', 'auto', and 'required'."


def _format(request: Request) -> Iterator[str]:
    wanted = request.body.get("response_format") or {"type": "text"}
    if wanted["type"] not in ("text", "json_object", "json_schema"):
        yield f"Invalid value: {wanted['type']!r} for 'response_format.type'."
    elif wanted["type"] == "json_schema":
        yield from rules.json_schema(
            wanted.get("json_schema") or {},
            "response_format.json_schema",
            subset=not request.path.startswith("/xai/"),
        )


def _messages(request: Request) -> Iterator[str]:
    """Refuse a conversation: above all, calls and results must match."""
    messages = request.body.get("messages")
    if not messages:
        yield "messages must not be empty."
        return
    asked: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in asked:
                yield f"No tool call has the id {message['tool_call_id']!r}."
            asked.discard(message["tool_call_id"])
            continue
        if asked:
            break
        asked = {call["id"] for call in message.get("tool_calls") or ()}
        yield from _message(message)
    if asked:
        yield f"The tool calls {sorted(asked)} have no results."


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    calls = message.get("tool_calls") or ()
    if message["role"] not in ("system", "developer", "user", "assistant"):
        yield f"There is no role {message['role']!r}."
    if not all(isinstance(call["function"]["arguments"], str) for call in calls):
        yield "The arguments of a call must be a string."
    if message.get("content") is None and not calls:
        yield "content must be text."
