"""`present_final`: one agent writes the final answer, or a stored one is presented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.runtime import Runtime

from ..backends.errors import UserError
from .final_form import CallForm, Final, FinalForm, TextForm, TypedForm
from .finish import finish
from .live import Desk, LiveRun
from .machine import MachineNode
from .member import Member
from .output import OutputType
from .policy import PolicyFields
from .presenter import Presenter
from .presenting import Task, present_messages
from .state import Answer, Failure, Output, Presented, TeamState, Usage, add_usage, no_usage

Mode = Literal["present", "reuse", "synthesize"]
"""The winner writes the final answer, its stored one is final, or all answers are merged."""


def present_final(
    members: Mapping[str, Member],
    policy: PolicyFields,
    desk: Desk,
    *,
    final: Mode | None = None,
    presenter: str | None = None,
) -> MachineNode:
    """Return the node that ends a settled run with its one final answer.

    Args:
        members: The team by id.
        policy: `final`, `presenter` and `output_type` say who writes the answer, and what it is.
        desk: Where the live side of runs is found.
        final: What a graph wants in the place of the policy's `final`, of one agent alone, too.
        presenter: Whom a graph wants to write the answer; it needs none of its own.

    Raises:
        UserError: When the presenter is not in the team, or there is nothing for it to do.
        MissingError: When the output type needs a library that is not installed.
    """
    named = presenter or policy.presenter
    if final is None and presenter is None and policy.presenter_problem:
        raise UserError(f"Policy: {policy.presenter_problem}.")
    if named is not None and named not in members:
        raise UserError(f"presenter names {named!r}, who is not in the team.")
    type_ = OutputType.of(policy.output_type)

    async def present_final(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        winner = state["winner"]
        assert winner is not None
        live = desk.live(runtime, state)
        mode = final or ("reuse" if state["settled_by"] == "single" else policy.final)
        agent = presenter or (mode == "synthesize" and policy.presenter) or winner
        stored = _stored(state, winner)
        work = Presenter(state, runtime, members[agent], policy, live)
        form = _form(live, type_, policy.templates)
        if mode == "reuse" and isinstance(form, TextForm) and live.outer is None:
            end = _End(Final(stored["text"]), stored["agent"], "reuse")
        else:
            end = await _written(state, work, mode, form, stored)
        work.tell_end(end.presented, failure=end.failure, output=end.final.output)
        update = _update(state, agent, end, work.spent, typed=type_ is not None)
        answer = end.final.text
        return await finish(desk, state, runtime, update, outcome="settled", answer=answer)

    return present_final


@dataclass(frozen=True, slots=True)
class _End:
    """The final answer, whose it is, how it came about, and why nobody could write it, if so."""

    final: Final
    author: str
    presented: Presented
    failure: Failure | None = None


async def _written(
    state: TeamState, work: Presenter, mode: Mode, form: FinalForm, stored: Answer
) -> _End:
    """Return what the presenter writes, or the stored answer when it cannot."""
    agent, failure = work.member.id, None
    may_write = agent not in state["failures"]  # who has failed sits out
    if may_write and (not work.too_late or await work.is_paid()):
        task = _task(mode, wins=agent == stored["agent"])
        messages = present_messages(state, work.member, work.policy, task, form=form.asked)
        made = await work.write(messages, form)
        if isinstance(made, Final):
            return _End(made, agent, "synthesize" if mode == "synthesize" else "present")
        failure = made
    text = stored["text"]
    return _End(Final(text, form.output(text)), stored["agent"], "fallback", failure)


def _update(
    state: TeamState, agent: str, end: _End, spent: Usage, *, typed: bool
) -> dict[str, Any]:
    """Return the update that a presentation is: its message, and what it took of its agent."""
    used = add_usage(state["usage"].get(agent, no_usage()), spent)
    update: dict[str, Any] = {
        "presented": end.presented,
        "messages": [end.final.message(end.author)],
        "usage": {**state["usage"], agent: used},
    }
    if typed:
        update["output"] = Output(value=end.final.output)
    if end.failure is not None:
        update["failures"] = {**state["failures"], agent: end.failure}
    return update


def _task(mode: Mode, *, wins: bool) -> Task:
    """Return what the presenter does; whose answer did not win merges all of them."""
    if mode == "synthesize" or not wins:
        return "synthesize"
    return "restate" if mode == "reuse" else "present"


def _form(live: LiveRun, type_: OutputType | None, own: Mapping[str, str]) -> FinalForm:
    """Return which replies count; an outer team's tools come before an output type."""
    if live.outer is not None and live.outer.tools:
        return CallForm(live.outer.tools, own)
    return TextForm() if type_ is None else TypedForm(type_, own)


def _stored(state: TeamState, winner: str) -> Answer:
    """Return the winner's answer; who merges may have none, then the one registered first."""
    answers = state["answers"]
    agents = [winner, *state["labels"].values()]
    return next(answers[agent] for agent in agents if agent in answers)
