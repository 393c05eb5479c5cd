"""The lines of an event stream, as Google's SDK reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from massgraph.backends.errors import BackendError
from massgraph.backends.gemini.events import plain_events

from .gemini_calls import frames, said, turn_of


async def plain(*chunks: bytes) -> bytes:
    """Return what comes of chunks."""

    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return b"".join([piece async for piece in plain_events(stream())])


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b'data: {"a": 1}\r\n\r\n', b'data: {"a": 1}\r\n\r\n'),
        (b'data:{"a": 1}\n\n', b'data: {"a": 1}\n\n'),
        (b"data: {\ndata: }\n\n", b"data: {\ndata: }\n\n"),
        (b": alive\n\ndata: {}\n\n:\n", b"\ndata: {}\n\n"),
        (b"event: x\nid: 7\nretry: 5\ndata: {}\n\n", b"data: {}\n\n"),
        (b"data: {}\r\rdata: {}\r\r", b"data: {}\r\rdata: {}\r\r"),
        (b'{"error":\n{"code": 503}}', b'{"error":\n{"code": 503}}'),
        (b"data: {}", b"data: {}"),
        (b"", b""),
    ],
)
async def test_lines(sent: bytes, read: bytes) -> None:
    """Comments and fields that the SDK does not know go; the rest stays, cut anywhere."""
    assert await plain(sent) == read
    assert await plain(*(bytes([byte]) for byte in sent)) == read
    assert await plain(b"", *(part for byte in sent for part in (bytes([byte]), b""))) == read


@given(
    st.lists(
        st.sampled_from([b"data: {}\n\n", b"data:{}\r\r", b"\r", b"\r\n", b":x", b"id:1", b"{}"])
    ),
    st.lists(st.integers(0, 99), max_size=6),
)
async def test_pieces_make_no_difference(lines: list[bytes], cuts: list[int]) -> None:
    """However a stream is cut into chunks, it says the same."""
    sent = b"".join(lines)
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    assert await plain(*(sent[a:b] for a, b in pairwise(places))) == await plain(sent)


@pytest.mark.parametrize(
    "data",
    [
        b"null",
        b'"text"',
        b"[1, 2]",
        b"5",
        b"",
        b"[DONE]",
        b"<html>",
        b'{"candidates": "text"}',
        b'{"candidates": {}}',
        b'{"candidates": ["text"]}',
        b'{"candidates": [{"content": "text"}]}',
        b'{"candidates": [{"content": {"parts": "text"}}]}',
        b'{"candidates": [{"content": {"parts": ["t"]}}]}',
        b'{"responseId": "\\ud83d"}',
        b'{"responseId": "\xff"}',
    ],
)
async def test_data_that_are_no_frame(data: bytes) -> None:
    """The SDK would pass over most of them without a word: something may be missing."""
    for end in (b"\n\n", b""):
        with pytest.raises(ValidationError):
            await plain(b"data: {}\n\ndata: " + data + end)
    with pytest.raises(BackendError) as caught:
        await turn_of([frames(b"data: " + data + b"\n\n", said("ok", finishReason="STOP"))])
    assert caught.value.kind == "malformed"


async def test_a_chunk_is_not_kept() -> None:
    """A frame goes on as soon as it is complete."""
    fed: list[int] = []

    async def stream() -> AsyncIterator[bytes]:
        for number in range(3):
            fed.append(number)
            yield b"data: {}\r\n\r\n"

    async for _ in plain_events(stream()):
        assert len(fed) == 1
        return


async def test_a_server_that_sends_more_than_google() -> None:
    """Signs of life of servers in between, and names of events, break no answer."""
    sent = (
        b": keep-alive\n\n",
        said("Wet"),
        b": keep-alive\n\n",
        b'event: message\ndata:{"candidates": [{"content": {"parts": [{"text": "!"}]}}]}\n\n',
        said(finishReason="STOP"),
        b"data: [DONE]\n\n",
    )
    turn = await turn_of([frames(*sent)])
    assert (turn.text, turn.finish_reason) == ("Wet!", "stop")
