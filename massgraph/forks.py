"""Forks: copies of a thread's steps, with other values in their state, on threads of their own."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_type_hints

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base.id import uuid6
from pydantic import TypeAdapter, ValidationError

from .backends.errors import UserError
from .nodes.policy import describe
from .nodes.state import TeamState
from .steps import Step

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

FIXED = ("messages", "run", "nonce", "labels", "round", "round_id", "asked", "epoch", "outcomes")
"""What a fork keeps as it is: what the machine itself leans on."""

USEFUL = ("question", "answers", "votes", "failures", "notes", "abstained", "winner", "answer")
"""What somebody may want to change of the rest."""

BY_AGENT = ("answers", "votes", "drafts", "failures", "abstained", "usage")
"""Values of the state that have an entry for each agent."""

SHAPES = {
    "votes": "A vote has a voter, a candidate, a reason and the step's epoch: "
    "'votes.alice={voter: alice, candidate: bob, reason: TEXT, epoch: 2}'",
}
"""How a value is written that is no plain text."""

LISTS = ("pending", "ballots", "dissent")
"""Values of the state that are lists of answers or votes."""

SETTLED = "select_winner"
"""The node that needs an answer."""


async def fork_step(
    saver: BaseCheckpointSaver[Any],
    thread_id: str,
    step: Step,
    edits: Mapping[str, Any],
    to: str,
) -> None:
    """Copy a step into a new thread, whose run goes on from there.

    Args:
        saver: What keeps both threads.
        thread_id: The thread.
        step: The step.
        edits: State key -> value in the place of what it holds; `question` is the last question.
        to: The new thread.

    Raises:
        UserError: When an edit is wrong.
    """
    config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    config["configurable"]["checkpoint_id"] = step.checkpoint_id
    found = await saver.aget_tuple(config)
    if found is None:
        raise UserError(f"The step {step.number} of the thread {thread_id!r} is gone.")
    checkpoint = copy.deepcopy(found.checkpoint)
    checkpoint["id"] = str(uuid6())
    changed = edited(checkpoint["channel_values"], edits)
    checkpoint["channel_values"].update(changed)
    _check_whole(checkpoint["channel_values"], changed, step.next)
    place: Any = {"configurable": {"thread_id": to, "checkpoint_ns": ""}}
    metadata: Any = {**found.metadata, "source": "fork"}
    await saver.aput(place, checkpoint, metadata, checkpoint["channel_versions"])


def edited(values: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a state that edits change, checked.

    Args:
        values: The state.
        edits: Key -> value; an answer may be given as its text.

    Raises:
        UserError: When a key is none, may not be changed, or its value is wrong.
    """
    hints = get_type_hints(TeamState, include_extras=True)
    changed: dict[str, Any] = {}
    for key, value in edits.items():
        if key == "question":
            changed["messages"] = _asked_anew(values, value)
            continue
        if key not in hints or key in FIXED or key not in values:
            free = ", ".join(name for name in USEFUL if name in values or name == "question")
            raise UserError(f"A fork can't change {key!r}; it may change: {free}.")
        given = _answers(values, value) if key == "answers" else value
        try:
            changed[key] = TypeAdapter(hints[key]).validate_python(given)
        except ValidationError as exc:
            told = f"A fork can't take this as {key}: {describe(exc)}."
            raise UserError(told, hint=SHAPES.get(key)) from exc
        _check_agents(key, changed[key], list(values.get("labels", {}).values()))
    return changed


def _check_agents(key: str, value: Any, agents: Sequence[str]) -> None:
    """Check that a value names no agent but those of the run.

    Raises:
        UserError: When it names another one, or something stands under another agent's name.
    """
    for agent in _agents_in(key, value):
        if agent not in agents:
            raise UserError(f"There is no agent {agent!r}; there are: {', '.join(agents)}.")
    if key in BY_AGENT:
        for agent, one in value.items():
            owner = one.get("agent", one.get("voter", agent)) if isinstance(one, dict) else agent
            if owner != agent:
                raise UserError(f"A fork can't take this as {key}: {agent} is not {owner}.")


def _check_whole(
    state: Mapping[str, Any], changed: Mapping[str, Any], ahead: Sequence[str]
) -> None:
    """Check that what an edit has changed goes together with the rest of the state.

    Raises:
        UserError: When a vote or the winner is left without its answer.
    """
    if not changed.keys() & {"answers", "votes", "winner"}:
        return
    answers, votes, winner = state["answers"], state.get("votes", {}), state.get("winner")
    for voter, vote in votes.items():
        if vote["candidate"] not in answers:
            why = f"{voter} votes for {vote['candidate']}, who has no answer"
            raise UserError(f"A fork can't take this: {why}.", hint="Change the votes, too.")
    if winner is not None and winner not in answers:
        raise UserError(f"A fork can't take this: the winner, {winner}, has no answer.")
    if not answers and SETTLED in ahead:
        raise UserError(
            f"A fork can't take this: {SETTLED} comes next, and nobody has an answer.",
            hint="Fork an earlier step.",
        )


def _agents_in(key: str, value: Any) -> Iterator[str]:
    """Give out the agents that a value of the state names."""
    if key in BY_AGENT or key == "exhausted":
        yield from value
    elif key == "winner" and value is not None:
        yield value
    held: Any = value if key in LISTS else value.values() if isinstance(value, dict) else ()
    for one in held:
        if isinstance(one, dict):
            yield from (one[name] for name in ("agent", "voter", "candidate") if name in one)
            yield from one.get("ranking") or ()


def _asked_anew(values: Mapping[str, Any], question: object) -> list[Any]:
    """Return the conversation with another question at its end."""
    messages = list(values.get("messages", []))
    if not isinstance(question, str) or not question.strip():
        raise UserError("The question of a fork must be a text.")
    if not messages or messages[-1].type != "human":
        raise UserError("The run is over at this step: fork an earlier one, or ask a new question.")
    return [*messages[:-1], HumanMessage(question, id=messages[-1].id)]


def _answers(values: Mapping[str, Any], given: object) -> object:
    """Return answers, those that are given as text with their authors and the epoch."""
    if not isinstance(given, Mapping):
        return given
    known = values["answers"]
    agents = values["labels"].values()
    strangers = [agent for agent in given if agent not in agents]
    if strangers:
        raise UserError(f"There is no agent {strangers[0]!r}; there are: {', '.join(agents)}.")
    made: dict[str, Any] = {}
    for agent in agents:
        if agent in given:
            value = given[agent]
            epoch = known[agent]["epoch"] if agent in known else values["epoch"]
            text = isinstance(value, str)
            made[agent] = {"agent": agent, "text": value, "epoch": epoch} if text else value
    return made
