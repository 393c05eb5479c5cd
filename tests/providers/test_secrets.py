"""Whatever a server says and whatever is logged: nobody reads a key, or a part of one."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping

import pytest
from langchain_core.messages import HumanMessage

from massgraph.backends.base import LLMBackend
from massgraph.backends.errors import BackendError, UserError

from ..wire.reply import Reply
from .breaking import Play, fails, refuse, whole
from .conftest import Board
from .seats import KEY, SEATS, Seat

OTHER = "hunter22-of-the-gateway"
"""What another header holds."""
ALL: Mapping[str, Seat] = {
    **SEATS,
    **{
        model: Seat(provider="langchain", model=model, path=path, llmock="")
        for model, path in (("openai:gpt-5.4", "/v1"), ("anthropic:claude-sonnet-5", ""))
    },
}
"""Those of the table, and LangChain's own adapters."""


@pytest.fixture(params=ALL)
def seat(request: pytest.FixtureRequest) -> Seat:
    """Return one provider after the other."""
    return ALL[request.param]


async def ask(backend: LLMBackend) -> str:
    """Return all that may be read of a call's error; nothing where there is none."""
    try:
        async for _ in backend.stream_with_tools([HumanMessage("Hi.")], ()):
            pass
    except BackendError as error:
        shown = [*traceback.format_exception(error), repr(error), repr(vars(error))]
        return "\n".join(shown)
    return ""


def refused_at(offset: int) -> Play:
    """Refuse, with the key so far behind the start of the words."""
    return refuse(400, message=f"{'x' * offset}{KEY}")


def failed_at(offset: int) -> Play:
    """Fail in the middle of a stream, with the key so far behind the start of the words."""
    return fails("bad_request", message=f"{'x' * offset}{KEY}")


@pytest.mark.parametrize("play", [refused_at, failed_at])
async def test_a_key_is_not_cut_in_two(seat: Seat, board: Board, play: type[Play]) -> None:
    """Wherever the words of a server are cut, no half of a key is left of them."""
    backend = seat.open(board.server.origin)
    for offset in range(150, 206, 3):
        board.set(play(offset))
        shown = await ask(backend)
        assert "xxx" in shown
        assert KEY[:6] not in shown, offset
    await backend.aclose()


@pytest.mark.parametrize("play", [whole(), refuse(401, message=f"Not {KEY}, nor {OTHER}.")])
async def test_no_log_holds_a_key(
    seat: Seat, board: Board, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even with all loggers of all libraries at their most talkative."""
    caplog.set_level(logging.DEBUG)
    board.set(play)
    more = {} if seat.provider == "langchain" else {"extra_headers": {"X-Gate": f"Bearer {OTHER}"}}
    backend = seat.open(board.server.origin, **more)
    shown = await ask(backend)
    await backend.aclose()
    (request,) = board.server.requests
    if more:
        assert request.headers["x-gate"] == f"Bearer {OTHER}"
    assert any(KEY in value for value in request.headers.values()), "it was sent"
    assert any(record.name != "massgraph" for record in caplog.records)
    for secret in (KEY, OTHER) if more else (KEY,):
        assert secret not in caplog.text + shown + repr(backend)
        assert not any(secret in repr(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("value", [f"{OTHER}\n", f"a\r\nX-B: {OTHER}", f"{OTHER}é", f"\0{OTHER}"])
def test_a_header_that_cannot_be_sent(value: str) -> None:
    """It is refused before the first call, and is not repeated."""
    for seat in SEATS.values():
        with pytest.raises(UserError) as caught:
            seat.open("http://127.0.0.1:9", extra_headers={"X-A": value})
        said = "extra_headers: the value of X-A holds characters that cannot be sent."
        assert str(caught.value) == said


@pytest.mark.parametrize("model", ["sk-ant-very-secret", "AIzaVerySecret", "gsk_VerySecret"])
def test_a_key_for_a_model(model: str) -> None:
    """It is refused, and is not repeated."""
    for seat in SEATS.values():
        with pytest.raises(UserError, match="looks like a key") as caught:
            seat.open("http://127.0.0.1:9", model=model)
        assert "ecret" not in str(caught.value)


async def test_a_redirect_in_words(seat: Seat, board: Board) -> None:
    """It says what to look at, in words of our own."""
    board.set(lambda _: Reply(status=307, body=b"", headers={"Location": "/elsewhere"}))
    backend = seat.open(board.server.origin)
    shown = await ask(backend)
    await backend.aclose()
    assert "sends requests elsewhere, so base_url is wrong (HTTP 307)." in shown


async def test_a_model_that_is_not_there(seat: Seat, board: Board) -> None:
    """Each provider's error names the model and asks about the URL."""
    board.set(refuse(404, message="Nothing."))
    backend = seat.open(board.server.origin)
    shown = await ask(backend)
    await backend.aclose()
    model = seat.model.rpartition(":")[2]
    assert f"has no model {model!r}, or base_url is wrong (HTTP 404): Nothing." in shown
