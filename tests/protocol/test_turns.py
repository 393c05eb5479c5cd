"""One agent, one turn: it ends in exactly one action, or says why not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from massgraph.backends.chunks import (
    CompleteMessageChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    StreamChunk,
    UsageChunk,
)
from massgraph.backends.errors import OverloadedError, RefusedError
from massgraph.backends.usage import TokenUsage
from massgraph.nodes.events import ActionRefused, AnswersAccepted, RoundOpened, VoteCast

from .stage import (
    Actor,
    Improvised,
    Played,
    Turn,
    answer,
    begun,
    calls,
    drafts,
    play,
    vote,
    votes,
    whole,
)

TWO_VOTES = calls(
    ("vote", {"agent_id": "agent1", "reason": ""}), ("vote", {"agent_id": "agent2", "reason": ""})
)
BOTH_ACTIONS = calls(
    ("vote", {"agent_id": "agent1", "reason": ""}), ("new_answer", {"content": "Another."})
)

ILLEGAL: dict[str, tuple[Turn, str]] = {
    "two votes": (TWO_VOTES, "exactly one"),
    "the same vote twice": (
        calls(*[("vote", {"agent_id": "agent1", "reason": ""})] * 2),
        "exactly one",
    ),
    "two answers": (
        calls(("new_answer", {"content": "X."}), ("new_answer", {"content": "Y."})),
        "exactly one",
    ),
    "a vote and an answer": (BOTH_ACTIONS, "exactly one"),
    "a label that nobody has": (vote("agent9"), "agent1, agent2"),
    "an id instead of a label": (vote("alice"), "agent1, agent2"),
    "a label in other letters": (vote("Agent1"), "agent1, agent2"),
    "a vote for no text": (calls(("vote", {"agent_id": 1, "reason": ""})), "agent1, agent2"),
    "a vote for nobody": (calls(("vote", {"reason": "all good"})), "agent1, agent2"),
    "an answer that is there": (answer("One answer."), "there already"),
    "the same in other white space": (answer("  One\n\n  answer.\t"), "there already"),
    "an answer of its own again": (answer("Another one."), "there already"),
    "an empty answer": (answer(" \n\t"), "not empty"),
    "an answer without text": (calls(("new_answer", {})), "not empty"),
    "an answer that is a list": (calls(("new_answer", {"content": ["X."]})), "not empty"),
    "a tool that nobody has": (calls(("search", {"q": "x"})), "There is no tool 'search'"),
    "a vote and an unknown tool": (
        calls(("vote", {"agent_id": "agent1", "reason": ""}), ("search", {})),
        "There is no tool 'search'",
    ),
}


def second_turn(turn: Turn, *then: Turn) -> Played:
    """Play two agents with an answer each; bob's second turn is `turn`, and what follows it."""
    return play(
        alice=[answer("One answer."), vote("agent1")],
        bob=[answer("Another one."), turn, *then],
    )


@pytest.mark.parametrize(("turn", "why"), ILLEGAL.values(), ids=ILLEGAL)
def test_an_illegal_action_is_answered_within_its_turn(turn: Turn, why: str) -> None:
    """Each call of it gets a result that says why, the next try counts, and nobody restarts."""
    played = second_turn(turn, vote("agent1", "It is right."))
    _, first, second = played.heard["bob"]
    assert second.messages[: len(first.messages)] == first.messages
    assert second.unanswered() == []
    assert all(m.status == "error" and why in m.text for m in second.tool_results)
    asked = next(m for m in second.messages if isinstance(m, AIMessage))
    assert len(second.tool_results) == len(asked.tool_calls)
    assert played.outcomes("bob") == ["new_answer", "vote"]
    assert played.requests["bob", 2] == 2
    assert played.result.answers == {"alice": "One answer.", "bob": "Another one."}
    assert len(played.of(AnswersAccepted)) == 1
    assert [event.asked for event in played.of(RoundOpened)] == [["alice", "bob"]] * 2
    assert played.result.settled_by == "consensus"


@pytest.mark.parametrize(("turn", "why"), ILLEGAL.values(), ids=ILLEGAL)
def test_a_turn_has_three_tries(turn: Turn, why: str) -> None:
    """After the third the agent is failed, for a breach of the protocol, and sits out."""
    played = second_turn(turn)
    assert played.outcomes("bob") == ["new_answer", "failed"]
    assert played.requests["bob", 2] == 3
    failure = played.result.failures["bob"]
    assert (failure.kind, failure.round) == ("protocol", 2)
    assert why in failure.message
    assert [event.attempt for event in played.of(ActionRefused, "bob")] == [1, 2, 3]
    assert played.result.winner == "alice"


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_the_tries_are_the_policys(attempts: int) -> None:
    """`attempts` is the number of tries."""
    played = play({"attempts": attempts}, alice=[answer("A.")], bob=[{"text": "Hm."}])
    assert played.requests["bob", 1] == attempts
    assert played.result.failures["bob"].kind == "protocol"


def test_plain_text_is_answered_with_a_reminder() -> None:
    """It names what may be called now, and what the agent wrote stays in its turn."""
    played = play(
        alice=[answer("A."), vote()],
        bob=[{"text": "I think it is 9.9."}, answer("B."), {"text": "Hm."}, vote()],
    )
    second = played.heard["bob"][1].messages
    assert [type(m) for m in second[-2:]] == [AIMessage, HumanMessage]
    assert second[-2].text == "I think it is 9.9."
    assert "`new_answer`" in second[-1].text
    assert "`vote`" not in second[-1].text
    assert "`vote` or `new_answer`" in played.heard["bob"][3].messages[-1].text
    assert played.outcomes("bob") == ["new_answer", "vote"]


def test_silence_is_answered_with_a_reminder_alone() -> None:
    """No empty message of an assistant is sent back: providers refuse them."""
    played = play(alice=[{"text": ""}, answer("A.")])
    first, second = played.heard["alice"]
    assert [type(m) for m in second.messages[len(first.messages) :]] == [HumanMessage]


@pytest.mark.parametrize(
    "text",
    [
        'vote {"agent_id": "agent1", "reason": "best"}',
        '<tool_call>{"name": "vote", "arguments": {"agent_id": "agent1"}}</tool_call>',
        "I vote for agent1.",
        'new_answer(content="B.")',
    ],
)
def test_text_that_looks_like_an_action_is_text(text: str) -> None:
    """Only the tool channel counts."""
    played = second_turn({"text": text}, vote("agent2"))
    assert [event.voter for event in played.of(VoteCast)] == ["alice", "bob"]
    assert played.result.votes[1].candidate == "bob"
    assert played.requests["bob", 2] == 2


def test_text_beside_an_action_does_no_harm() -> None:
    """A model may think aloud before it acts."""
    played = play(alice=[answer("A.", text="Let me see: new_answer is due.")])
    assert played.result.answer == "A."


def test_a_vote_before_any_answer_is_not_offered_and_not_taken() -> None:
    """While there is no answer, `vote` is no tool."""
    played = play(alice=[vote("agent2"), answer("A.")], bob=[answer("B.")])
    first, second = played.heard["alice"][:2]
    assert first.names == {"new_answer"}
    assert "There is no tool 'vote'" in second.tool_results[0].text
    assert played.outcomes("alice")[0] == "new_answer"


def test_the_labels_of_a_vote_are_those_with_an_answer() -> None:
    """Who has no answer yet can't be voted for."""
    played = play(
        alice=[{"error": "auth"}],
        bob=[answer("B."), vote()],
        carol=[answer("C."), vote()],
    )
    assert played.heard["bob"][1].targets == ["agent2", "agent3"]


def test_a_duplicate_is_measured_against_current_answers_alone() -> None:
    """What was given up may be said again."""
    played = play(
        alice=[answer("A."), answer("Better."), answer("A."), vote("agent1")],
        bob=[answer("B."), vote("agent1")],
    )
    assert played.outcomes("alice") == ["new_answer", "new_answer", "new_answer", "vote"]
    assert played.result.answers["alice"] == "A."


def test_a_stream_that_breaks_counts_as_a_try() -> None:
    """What came is discarded, counted as wasted, and leaves no trace in the next try."""
    half = "Half of an answer that nobody will ever read."
    played = play(
        alice=[
            {"text": half, "error": "incomplete_stream"},
            {"text": half, "error": "overloaded"},
            answer("A."),
        ]
    )
    first, second, third = played.heard["alice"]
    assert first.messages == second.messages == third.messages
    assert played.outcomes("alice")[0] == "new_answer"
    usage = played.result.usage["alice"]
    assert (usage.calls, usage.retries) == (3, 0)
    assert usage.wasted_tokens == 2 * -(-len(half) // 4)
    assert [event.what for event in played.of(ActionRefused)] == ["call", "call"]


def test_broken_streams_and_illegal_actions_share_the_tries() -> None:
    """Three tries are three, whatever was wrong with each."""
    played = play(
        alice=[answer("A."), vote()],
        bob=[
            {"text": "Half", "error": "incomplete_stream"},
            {"text": "No call."},
            calls(("search", {})),
            answer("Too late."),
        ],
    )
    assert played.requests["bob", 1] == 3
    assert played.result.failures["bob"].kind == "protocol"


def test_what_was_used_by_refused_tries_is_counted() -> None:
    """A reply that does not count was paid for all the same."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 1:
            yield whole("nothing", x=1)
        else:
            yield whole("new_answer", content="A.")
        yield UsageChunk(TokenUsage(input_tokens=10, output_tokens=3, cached_tokens=4))
        yield DoneChunk("tool_calls")

    usage = play(alice=Improvised(act)).result.usage["alice"]
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (2, 20, 6)
    assert (usage.cached_tokens, usage.wasted_tokens) == (8, 0)


def test_arguments_that_are_no_json_count_as_a_try() -> None:
    """Nothing of them can be sent back, so the same is asked again."""
    broken = {"tool_calls": [{"name": "new_answer", "args": '{"content": "Half'}]}
    played = play(alice=[broken, answer("A.")], bob=[broken])
    assert played.result.answer is not None
    assert played.requests["alice", 1] == 2
    assert played.requests["bob", 1] == 3
    assert played.result.failures["bob"].kind == "malformed"


def test_a_refusal_ends_the_turn() -> None:
    """A model that declines is not asked to say so three times."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        yield ContentChunk("I can't help with that.")
        yield DoneChunk("refusal")

    played = play(alice=Improvised(act), bob=[answer("B."), vote()])
    assert played.requests["alice", 1] == 1
    failure = played.result.failures["alice"]
    assert (failure.kind, failure.message) == ("refused", "I can't help with that.")


@pytest.mark.parametrize("first", [ErrorChunk(RefusedError("No.")), None])
def test_an_error_that_says_no_is_not_retried(first: StreamChunk | None) -> None:
    """Neither before the first chunk nor after it."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if first is None:
            yield ContentChunk("Well")
        yield ErrorChunk(RefusedError("No."))

    actor = Improvised(act)
    played = play(alice=actor, bob=[answer("B."), vote()])
    assert actor.calls == 1
    assert played.result.failures["alice"].kind == "refused"


@pytest.mark.parametrize("where", ["raised", "sent"])
@pytest.mark.parametrize("late", [False, True], ids=["at once", "after a chunk"])
def test_an_error_that_is_raised_is_as_good_as_one_that_is_sent(where: str, late: bool) -> None:
    """An adapter may do either, and both lead to the same failure."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if late:
            yield ContentChunk("Well")
        if where == "raised":
            raise OverloadedError("Later.")
        yield ErrorChunk(OverloadedError("Later."))

    actor = Improvised(act)
    played = play(alice=actor, bob=[answer("B."), vote()])
    assert actor.calls == 3
    assert played.result.failures["alice"].kind == "overloaded"


def test_an_adapter_that_cancels_itself_is_failed() -> None:
    """A cancellation that nobody asked for is a bug of one adapter, and no end of the run."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        yield ContentChunk("Well")
        raise asyncio.CancelledError

    played = play(alice=Improvised(act), bob=[answer("B."), vote()])
    assert played.result.failures["alice"].kind == "internal"
    assert played.result.winner == "bob"


def test_an_adapter_that_cannot_tell_its_price_loses_nothing_but_the_price() -> None:
    """What goes wrong around a call is its agent's affair alone."""

    class Priceless(Actor):
        def calculate_cost(self, usage: TokenUsage) -> float | None:
            raise KeyError("no such model")

    played = play(alice=Priceless([answer("A."), vote()]), bob=[answer("B."), vote()])
    assert played.result.outcome == "settled"
    assert played.result.usage["alice"].cost_usd is None


def test_nothing_after_done_is_read() -> None:
    """`done` is the end, whatever an adapter sends after it."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        async for chunk in drafts("A."):
            yield chunk
        yield ContentChunk("More!")
        raise AssertionError("nobody asks for this")

    played = play(alice=Improvised(act))
    assert played.result.answer == "A."
    assert not any("More!" in str(event) for event in played.events)


def test_a_stream_without_its_terminal_marker_is_no_success() -> None:
    """An answer that was complete but for `done` does not count."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        yield whole("new_answer", content="A.")

    played = play(alice=Improvised(act))
    assert played.result.outcome == "no_answer"
    assert played.result.failures["alice"].kind == "incomplete_stream"


def test_the_message_that_a_provider_wants_back_is_sent_back() -> None:
    """`complete_message` is echoed as it came, vendor's extras and all."""
    extras = {"thought_signature": "c2lnbmVk"}

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number > 1:
            async for chunk in drafts("A."):
                yield chunk
            return
        chunk = whole("nothing")
        yield chunk
        message = AIMessage("", tool_calls=list(chunk.tool_calls), additional_kwargs=extras)
        yield CompleteMessageChunk(message)
        yield DoneChunk("tool_calls")

    played = play(alice=Improvised(act))
    echoed = [m for m in played.heard["alice"][1].messages if isinstance(m, AIMessage)]
    assert [m.additional_kwargs for m in echoed] == [extras]


def test_two_calls_with_one_id_are_answered_both() -> None:
    """Ids that a server repeats are made different, so that each call has its own result."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 1:
            yield begun("search")
            yield begun("look")
            yield DoneChunk("tool_calls")
            return
        async for chunk in drafts("A.") if "vote" not in tools else votes():
            yield chunk

    second = play(alice=Improvised(act)).heard["alice"][1]
    assert second.unanswered() == []


def test_the_role_is_always_sent() -> None:
    """Every call, also the presenting one, begins with the agent's own system message."""
    actors = {"alice": Actor([answer("A."), vote()]), "bob": Actor([answer("B."), vote()])}
    more = {
        "alice": {"system_message": "You check facts."},
        "bob": {"system_message": "You write."},
    }
    played = play(more=more, **actors)
    for agent, role in (("alice", "You check facts."), ("bob", "You write.")):
        heard = played.heard[agent]
        assert heard
        assert all(call.messages[0].type == "system" for call in heard)
        assert all(call.messages[0].text.startswith(role) for call in heard)
    assert len(played.heard["alice"]) == 3
