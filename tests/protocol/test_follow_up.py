"""Follow-up questions: a thread remembers the conversation, and nothing else of what was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Agent, Policy, Result, Team, UserError
from massgraph.nodes.events import RoundOpened, TurnStarted

from ..vloop import run_virtual
from .stage import Actor, Played, Script, answer, cast_of, final, play_team, vote

FIRST, SECOND = "What is larger, 9.11 or 9.9?", "And of 9.11 and 9.2?"

SCRIPTS: dict[str, Script] = {
    "alice": [
        answer("A1.", when="no_answers"),
        vote("agent1", when="answers"),
        final("First answer."),
        answer("A2.", when="no_answers"),
        final("Second answer."),
    ],
    "bob": [
        answer("B1.", when="no_answers"),
        vote("agent1", when="answers"),
        answer("B2.", when="no_answers"),
    ],
}


def team(scripts: dict[str, Script] | None = None, **policy: Any) -> tuple[Team, dict[str, Any]]:
    """Return a team that keeps threads in memory, and its cast."""
    cast = cast_of(scripts or SCRIPTS)
    agents = [Agent(name, part) for name, part in cast.items()]
    return Team(agents, Policy(**policy), checkpointer=InMemorySaver()), cast


def conversation(*questions: str, scripts: dict[str, Script] | None = None) -> list[Played]:
    """Ask a team several questions on one thread."""

    async def ask_all() -> list[Played]:
        asked, cast = team(scripts)
        return [await play_team(asked, question, cast, thread_id="t") for question in questions]

    return run_virtual(ask_all())


def test_a_follow_up_sees_the_conversation() -> None:
    """The question and the final answer before it, in order, and the new question last."""
    _, second = conversation(FIRST, SECOND)
    drafting = [call for call in second.heard["bob"] if FIRST in call.text and SECOND in call.text]
    messages = drafting[0].messages
    assert [m.type for m in messages] == ["system", "human", "ai", "human"]
    assert [m.text for m in messages[1:3]] == [FIRST, "First answer."]
    assert messages[3].text.startswith(SECOND)
    assert second.result.answer == "Second answer."


def test_what_led_to_the_answer_is_not_part_of_the_conversation() -> None:
    """Drafts, votes and labels of the question before are gone."""
    _, second = conversation(FIRST, SECOND)
    asked = [call for call in second.heard["bob"] if SECOND in call.text]
    assert asked
    assert not any("A1." in call.text or "B1." in call.text for call in asked)
    assert asked[0].names == {"new_answer"}


def test_nobody_is_named_in_the_conversation() -> None:
    """Who wrote the final answer stays hidden from the agents."""
    _, second = conversation(FIRST, SECOND)
    asked = [call for call in second.heard["bob"] if SECOND in call.text]
    spoken = [m for call in asked for m in call.messages if isinstance(m, AIMessage)]
    assert spoken
    assert all(message.name is None for message in spoken)


def test_rounds_and_epochs_never_restart() -> None:
    """Within a thread they only grow; what a result counts begins anew."""
    first, second = conversation(FIRST, SECOND)
    assert [(e.round, e.epoch) for e in first.of(RoundOpened)] == [(1, 1), (2, 2)]
    assert [(e.round, e.epoch) for e in second.of(RoundOpened)] == [(3, 3), (4, 4)]
    assert first.result.rounds == second.result.rounds == 2
    assert first.result.total.calls == second.result.total.calls == 5
    assert second.events[0].t == 0
    assert [e.answers for e in second.of(TurnStarted)][:2] == [[], []]


def test_an_agent_that_failed_is_back_for_the_next_question() -> None:
    """A failure lasts for the question."""
    scripts = {**SCRIPTS, "bob": [{"error": "auth"}, *SCRIPTS["bob"][2:], SCRIPTS["bob"][1]]}
    first, second = conversation(FIRST, SECOND, scripts=scripts)
    assert list(first.result.failures) == ["bob"]
    assert second.result.failures == {}
    assert second.result.answers == {"alice": "A2.", "bob": "B2."}


def test_the_cap_of_answers_begins_anew() -> None:
    """An agent that gave all it may may give as many again."""

    async def ask_twice() -> list[Result]:
        one = [answer("A.", when="no_answers"), vote(when="answers")]
        asked, _ = team({"alice": one, "bob": one}, max_answers_per_agent=1)
        return [await asked.arun(question, thread_id="t") for question in (FIRST, SECOND)]

    assert [result.answer for result in run_virtual(ask_twice())] == ["A.", "A."]


def test_a_question_without_an_answer_can_be_followed_up() -> None:
    """It is part of the conversation, and the next one runs as ever."""
    failing: Script = [{"error": "auth", "when": "no_answers"}, answer("Better now.")]
    first, second = conversation(FIRST, SECOND, scripts={"alice": failing})
    assert first.result.outcome == "no_answer"
    assert (second.result.outcome, second.result.answer) == ("settled", "Better now.")


def test_a_cancelled_run_can_be_followed_up() -> None:
    """Nothing of its unfinished round comes back."""

    async def cancel_and_ask() -> tuple[Result, Played]:
        slow: Script = [answer("Old.", delay=50), *SCRIPTS["bob"]]
        asked, cast = team({"alice": SCRIPTS["alice"], "bob": slow})
        run = asked.start(FIRST, thread_id="t")
        await asyncio.sleep(10)
        run.cancel()
        return await run.result(), await play_team(asked, SECOND, cast, thread_id="t")

    cancelled, second = run_virtual(cancel_and_ask())
    assert cancelled.outcome == "cancelled"
    assert second.result.outcome == "settled"
    assert [e.answers for e in second.of(TurnStarted)][:2] == [[], []]
    assert [e.round for e in second.of(RoundOpened)] == [2, 3]
    assert "Old." not in second.result.answers.values()


def test_threads_know_nothing_of_each_other() -> None:
    """Each has its own conversation."""

    async def ask_apart() -> dict[str, Actor]:
        asked, cast = team()
        await asyncio.gather(
            asked.arun(FIRST, thread_id="one"), asked.arun(SECOND, thread_id="two")
        )
        return cast

    for actor in run_virtual(ask_apart()).values():
        assert not any(FIRST in call.text and SECOND in call.text for call in actor.heard)


def test_without_a_thread_id_nothing_is_remembered() -> None:
    """Every run has a thread of its own."""

    async def ask_apart() -> tuple[list[Result], dict[str, Actor]]:
        asked, cast = team()
        return [await asked.arun(question) for question in (FIRST, SECOND)], cast

    results, cast = run_virtual(ask_apart())
    assert len({result.thread_id for result in results}) == 2
    assert not any(FIRST in c.text and SECOND in c.text for c in cast["alice"].heard)


def refused(ask: Callable[[Team], Coroutine[Any, Any, Any]], team_: Team) -> str:
    """Return what is said when a call is refused."""
    with pytest.raises(UserError) as caught:
        run_virtual(ask(team_))
    return str(caught.value)


def test_a_second_run_on_a_thread_is_refused_while_the_first_runs() -> None:
    """At once; and when the first has ended, in whatever way, the thread is free again."""

    async def ask_twice() -> Result:
        asked, _ = team()
        run = asked.start(FIRST, thread_id="t")
        with pytest.raises(UserError, match="going on on the thread 't'"):
            asked.start(SECOND, thread_id="t")
        with pytest.raises(UserError, match="going on on the thread 't'"):
            await asked.arun(SECOND, thread_id="t")
        run.cancel()
        await run.result()
        return await asked.arun(SECOND, thread_id="t")

    assert run_virtual(ask_twice()).outcome == "settled"


@pytest.mark.parametrize("thread_id", ["", "-x", ".x", "a b", "a/b", "ä", "x" * 129, "a\n", "a|b"])
def test_a_thread_id_that_is_none(thread_id: str) -> None:
    """Letters, digits and three signs, 128 at most."""
    said = refused(lambda t: t.arun(FIRST, thread_id=thread_id), team()[0])
    assert repr(thread_id) in said


@pytest.mark.parametrize("thread_id", ["a", "0", "A.b_c-d", "x" * 128])
def test_a_thread_id_that_is_one(thread_id: str) -> None:
    """Any thread begins with its first question."""
    assert run_virtual(team()[0].arun(FIRST, thread_id=thread_id)).thread_id == thread_id


def test_a_thread_needs_a_place() -> None:
    """A team without a checkpointer says how to get one."""
    alone = Team([Agent("alice", Actor([answer("A.")]))])
    assert "db='memory:'" in refused(lambda t: t.arun(FIRST, thread_id="t"), alone)


def test_a_place_in_memory_by_its_url() -> None:
    """`db="memory:"` is all that follow-up questions need."""

    async def ask_twice() -> Actor:
        actor = Actor([answer("A.")])
        asked = Team([Agent("alice", actor)], db="memory:")
        for question in (FIRST, SECOND):
            await asked.arun(question, thread_id="t")
        return actor

    assert FIRST in run_virtual(ask_twice()).heard[-1].text
