"""The tape of a reply: small, however the reply came, and the same turn when it is played."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from massgraph.backends.chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    ContentChunk,
    DoneChunk,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    UsageChunk,
)
from massgraph.backends.errors import BackendError
from massgraph.backends.fold import Turn, fold
from massgraph.backends.reply import MERGED_S, ReplyTape
from massgraph.backends.usage import TokenUsage

pieces = st.sampled_from(["a", "{", "}", '"x": 1', " ", ""])
chunks = st.lists(
    st.builds(ContentChunk, pieces)
    | st.builds(ReasoningChunk, pieces, st.sampled_from([None, None, "signed"]))
    | st.builds(
        ToolCallDeltaChunk,
        st.integers(0, 1),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([None, "f", "g"]),
        pieces | st.just('{"x": 1}'),
    )
    | st.builds(lambda n: UsageChunk(TokenUsage(output_tokens=n)), st.integers(0, 9))
    | st.builds(AgentStatusChunk, pieces)
    | st.just(BuiltinToolResultsChunk(({"type": "web_search"},))),
    max_size=12,
)


def taped(said: list[StreamChunk], step_s: float = 0.0) -> list[StreamChunk]:
    """Return what is stored of chunks, each of which takes so many seconds."""
    clock = count()
    tape = ReplyTape(lambda: next(clock) * step_s)
    for chunk in said:
        tape.take(chunk)
    return [one.chunk for one in tape.reply().said]


def folded(said: list[StreamChunk]) -> Turn | str:
    """Return the turn, or why there is none."""
    try:
        return fold([*said, DoneChunk()])
    except BackendError as exc:
        return str(exc)


@given(chunks, st.sampled_from([0.0, MERGED_S / 2, 1.0]))
def test_the_same_turn(said: list[StreamChunk], step_s: float) -> None:
    """What is stored makes the turn that came, broken or whole, whatever was merged."""
    assert folded(taped(said, step_s)) == folded(said)


def test_kinds_in_turn_are_merged() -> None:
    """Text, reasoning, figures and two calls that come in turn take one place each."""
    first: list[StreamChunk] = [
        ToolCallDeltaChunk(0, "a", "f", "{"),
        ToolCallDeltaChunk(1, "b", "g", "{"),
    ]
    turn: list[StreamChunk] = [
        ContentChunk("x"),
        ReasoningChunk("y"),
        ToolCallDeltaChunk(0, arguments=" "),
        ToolCallDeltaChunk(1, "b", "g", " "),
        UsageChunk(TokenUsage(output_tokens=1)),
        AgentStatusChunk("searching"),
    ]
    stored = taped([*first, *turn * 1000, UsageChunk(TokenUsage(output_tokens=2))])
    assert len(stored) == 6
    assert ContentChunk("x" * 1000) in stored
    assert UsageChunk(TokenUsage(output_tokens=2)) in stored


def test_time_is_kept() -> None:
    """What comes later than a moment after the first is stored by itself."""
    assert taped([ContentChunk("a"), ContentChunk("b")], MERGED_S * 2) == [
        ContentChunk("a"),
        ContentChunk("b"),
    ]
