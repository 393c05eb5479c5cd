"""Gemini's generate content, chunk by chunk as `google.genai.types` describes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .gemini_json import as_key, is_three, signature
from .gemini_rules import problem as problem
from .reply import Reply, Request
from .turn import Args, ErrorKind, Finish, HttpError, WireTurn, parsed

FINISH: dict[Finish, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "refusal": "SAFETY",
    "pause": "STOP",
}
ERRORS: dict[ErrorKind, int] = {
    "rate_limit": 429,
    "overloaded": 503,
    "server": 500,
    "bad_request": 400,
}
STATUS: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
NEWLINE = "\r\n"

Json = dict[str, Any]


def http_error(said: HttpError) -> Reply:
    """Return a refusal in Google's body."""
    error: Json = _error(said.status, said.message, said.code)
    if said.retry_after is not None:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        error["details"] = [{"@type": kind, "retryDelay": f"{said.retry_after}s"}]
    return said.reply({"error": error})


def _error(status: int, message: str, code: str | None = None) -> Json:
    return {"code": status, "message": message, "status": code or STATUS.get(status, "UNKNOWN")}


def encode(turn: WireTurn, request: Request) -> Reply:
    """Return a turn as Google streams it."""
    failure = {"error": _error(ERRORS[turn.error or "server"], turn.message)}
    if turn.refusal and not turn.text:
        feedback = {"blockReason": "SAFETY", "blockReasonMessage": turn.refusal}
        blocked = _chunk(turn, request, 0, promptFeedback=feedback)
        return turn.reply([], [blocked], [failure], NEWLINE)
    chunks = [
        _chunk(turn, request, number, candidates=[_candidate([part])])
        for number, part in enumerate(_parts(turn, request))
    ]
    return turn.reply(chunks, [_last(turn, request)], [failure], NEWLINE)


def _chunk(turn: WireTurn, request: Request, number: int, **content: Any) -> Json:
    usage, said = turn.usage, max(turn.usage.output - turn.usage.reasoning, 0)
    spoken = min(said, number)
    return {
        **content,
        "usageMetadata": {
            "promptTokenCount": usage.input,
            "cachedContentTokenCount": usage.cached,
            "candidatesTokenCount": spoken,
            "thoughtsTokenCount": usage.reasoning,
            "totalTokenCount": usage.input + usage.reasoning + spoken,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
        },
        "modelVersion": request.model,
        "responseId": f"response_{request.number}",
    }


def _candidate(parts: list[Json], **rest: Any) -> Json:
    return {"content": {"parts": parts, "role": "model"}, "index": 0, **rest}


def _last(turn: WireTurn, request: Request) -> Json:
    """Return the chunk that holds the finish reason, the sources and all tokens."""
    end: Json = {"text": ""}
    if is_three(request.model) and not turn.calls:
        end["thoughtSignature"] = signature("text")
    rest: Json = {"finishReason": FINISH[turn.finished]}
    if any(_is_broken(args) for _, args in turn.calls):
        rest["finishReason"] = "MALFORMED_FUNCTION_CALL"
    if turn.refusal:
        rest["finishMessage"] = turn.refusal
    if turn.searches or turn.citations:
        rest["groundingMetadata"] = _grounding(turn)
    if turn.fetches:
        found = "URL_RETRIEVAL_STATUS_SUCCESS"
        pages = [{"retrievedUrl": url, "urlRetrievalStatus": found} for url, _ in turn.fetches]
        rest["urlContextMetadata"] = {"urlMetadata": pages}
    return _chunk(turn, request, turn.usage.output, candidates=[_candidate([end], **rest)])


def _is_broken(args: Args) -> bool:
    """Return whether arguments are no JSON: Google reports such a call instead of sending it."""
    if not isinstance(args, str):
        return False
    try:
        return not isinstance(json.loads(args), dict)
    except ValueError:
        return True


def _parts(turn: WireTurn, request: Request) -> Iterator[Json]:
    for piece in turn.pieces(turn.reasoning):
        yield {"text": piece, "thought": True}
    if as_key(as_key(request.body, "toolConfig", {}), "includeServerSideToolInvocations"):
        yield from _invocations(turn, request)
    for code, output in turn.code_runs:
        yield {"executableCode": {"language": "PYTHON", "code": code}}
        yield {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": output}}
    for piece in turn.pieces(turn.text):
        yield {"text": piece}
    for index, (name, args) in enumerate(turn.calls):
        if not _is_broken(args):
            yield _call(request, index, name, parsed(args))


def _call(request: Request, index: int, name: str, args: Json) -> Json:
    if not is_three(request.model):
        return {"functionCall": {"name": name, "args": args}}
    made = f"call_{request.number}_{index}"
    part: Json = {"functionCall": {"id": made, "name": name, "args": args}}
    if index == 0:
        part["thoughtSignature"] = signature("call", name, made)
    return part


def _invocations(turn: WireTurn, request: Request) -> Iterator[Json]:
    """Yield the calls of builtin tools, each with its response."""
    calls: list[tuple[str, Json, Json]] = [
        ("GOOGLE_SEARCH_WEB", {"queries": [query]}, {"search_suggestions": query})
        for query, _ in turn.searches
    ]
    calls += [("URL_CONTEXT", {"urls": [url]}, {"text": text}) for url, text in turn.fetches]
    for index, (kind, args, response) in enumerate(calls):
        made = f"tool_{request.number}_{index}"
        sealed = signature("tool", made)
        call = {"id": made, "toolType": kind, "args": args}
        answer = {"id": made, "toolType": kind, "response": response}
        yield {"toolCall": call, "thoughtSignature": sealed}
        yield {"toolResponse": answer, "thoughtSignature": sealed}


def _grounding(turn: WireTurn) -> Json:
    pages = [page for _, found in turn.searches for page in found]
    pages += [(url, title) for url, title, _ in turn.citations]
    pages = list(dict.fromkeys(pages))
    supports = [
        {
            "segment": {
                "startIndex": len(turn.text[:start].encode()),  # in bytes
                "endIndex": len(turn.text[:end].encode()),
                "text": cited,
            },
            "groundingChunkIndices": [pages.index((url, title))],
        }
        for (url, title, cited), (start, end) in zip(turn.citations, turn.spans(), strict=True)
    ]
    return {
        "webSearchQueries": [query for query, _ in turn.searches],
        "searchEntryPoint": {"renderedContent": "<div></div>"},
        "groundingChunks": [{"web": {"uri": url, "title": title}} for url, title in pages],
        "groundingSupports": supports,
    }
