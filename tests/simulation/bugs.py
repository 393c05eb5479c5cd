"""Bugs of the protocol, planted in the engine: the simulation must catch each of them.

`python -m tests.simulation.bugs` plants them all, one after the other, and tells at which seed each
is caught; `python -m tests.simulation.bugs NAME ...` plants these.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import math
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from massgraph.graphs import transitions
from massgraph.graphs.agent import agent_node
from massgraph.nodes import (
    actions,
    certainty,
    collect_votes,
    novelty,
    present_final,
    prompts,
    settle,
    stream,
)
from massgraph.nodes.agent_turn import AgentTurn
from massgraph.nodes.debate import debate
from massgraph.nodes.events import Verdict
from massgraph.nodes.finish import finish
from massgraph.nodes.ledger import Ledger
from massgraph.nodes.live import LiveRun
from massgraph.nodes.live_round import LiveRound
from massgraph.nodes.open_round import open_round
from massgraph.nodes.restart import restart
from massgraph.nodes.rules import Electorate, RuleOptions
from massgraph.nodes.state import Answer, owing_agents
from massgraph.nodes.stream import Call
from massgraph.nodes.visibility import visible

from .bugs_of_resuming import BUGS_OF_RESUMING
from .planting import Patches, changed, everywhere, planted, under
from .simulate import drawn, drawn_resumed, play

MOST_SEEDS = 500
"""How many seeds a bug may take."""
MISFITS = (TypeError, AttributeError, NameError)
"""What is raised by a bug that does not fit the engine any more: that does not count as caught."""


def stale_votes() -> Patches:
    """Votes that were cast in the round of a new answer count in it."""
    votes = collect_votes._votes

    def all_votes(outcomes: Any, state: Any, *, dropped: bool) -> Any:
        return votes(outcomes, state, dropped=False)

    return everywhere(votes, all_votes)


def votes_kept() -> Patches:
    """A restart clears no votes, and those of its round are not dropped."""
    votes = collect_votes._votes

    def all_votes(outcomes: Any, state: Any, *, dropped: bool) -> Any:
        return votes(outcomes, state, dropped=False)

    kept = changed(restart, lambda state, update: {**update, "votes": state["votes"]})
    return [*everywhere(votes, all_votes), *kept]


def votes_kept_in_debate() -> Patches:
    """A debate does not clear the votes."""
    return changed(debate, lambda state, update: {**update, "votes": state["votes"]})


def epoch_kept() -> Patches:
    """A restart clears the votes and does not raise the epoch."""
    return changed(restart, lambda state, update: {**update, "epoch": state["epoch"]})


def lost_answer() -> Patches:
    """A new answer that nobody else's comes with gets lost."""

    def lose(state: Any, update: dict[str, Any]) -> dict[str, Any]:
        alone = len(update["pending"]) == 1 and bool(state["answers"])
        return {**update, "pending": []} if alone else update

    return changed(collect_votes.collect_votes, lose)


def lost_second_answer() -> Patches:
    """Of two answers that come in one round the second gets lost."""
    accepted = collect_votes.accepted_answers
    return everywhere(accepted, lambda outcomes, epoch: accepted(outcomes, epoch)[:1])


def equal_answers_twice() -> Patches:
    """Equal answers of one round stay two candidates."""
    numbers = itertools.count()
    return [patch.object(collect_votes, "fold_space", lambda _: next(numbers))]


def novelty_ignored() -> Patches:
    """An answer counts though it is there already."""
    return everywhere(novelty.too_close, lambda text, answers, most: None)


def trimmed_answer() -> Patches:
    """Answers lose their white space at both ends."""
    accepted = collect_votes.accepted_answers

    def trimmed(outcomes: Any, epoch: int) -> list[Answer]:
        return [Answer(**{**a, "text": a["text"].strip()}) for a in accepted(outcomes, epoch)]

    return everywhere(accepted, trimmed)


def late_answer() -> Patches:
    """Who was stopped is taken for the author of what it had begun to write."""
    accepted = collect_votes.accepted_answers

    def more(outcomes: Any, epoch: int) -> list[Answer]:
        found = accepted(outcomes, epoch)
        late = [o["agent"] for o in outcomes if o["outcome"] == "interrupted" and found]
        return [*found, *[Answer(agent=a, text=found[0]["text"], epoch=epoch) for a in late]]

    return everywhere(accepted, more)


def never_asked_again() -> Patches:
    """Who was stopped for a new answer is not asked again."""

    def without(state: Any) -> list[str]:
        gone = {o["agent"] for o in state.get("outcomes", []) if o["outcome"] == "interrupted"}
        owing = owing_agents(state)
        return [agent for agent in owing if agent not in gone] or owing

    return [patch("massgraph.nodes.open_round.owing_agents", without)]


def asked_too_often() -> Patches:
    """Who has voted is asked again with the others."""

    def more(state: Any) -> list[str]:
        return [a for a in state["labels"].values() if a not in state["failures"]]

    return [patch("massgraph.nodes.open_round.owing_agents", more)]


def one_answer_too_many() -> Patches:
    """The cap on answers is off by one."""
    return under(actions.legal_actions, 2, max_answers_per_agent=lambda most: most + 1)


def one_debate_too_many() -> Patches:
    """The cap on debates is off by one."""
    return under(transitions._may_debate, 1, max_debate_rounds=lambda most: most + 1)


def one_round_too_many() -> Patches:
    """The cap on unfinished rounds is off by one."""
    return under(transitions._may_ask_again, 1, max_unfinished_rounds=lambda most: most + 1)


def one_try_too_many() -> Patches:
    """The cap on tries is off by one."""
    return under(agent_node, 1, attempts=lambda most: most + 1)


def one_call_too_many() -> Patches:
    """A run's budget of calls is off by one."""
    reserve = Ledger.reserve

    def generous(self: Any, agent: str, estimate: Any, *, run: Any, own: Any) -> Any:
        more = None if run.max_calls is None else run.max_calls + 1
        return reserve(
            self, agent, estimate, run=run.model_copy(update={"max_calls": more}), own=own
        )

    return [patch.object(Ledger, "reserve", generous)]


def labels_change() -> Patches:
    """Each round gives the labels to other agents."""

    def turn(state: Any, update: dict[str, Any]) -> dict[str, Any]:
        agents = list(state["labels"].values())
        return {
            **update,
            "labels": dict(zip(state["labels"], agents[1:] + agents[:1], strict=True)),
        }

    return changed(open_round, turn)


def votes_by_place() -> Patches:
    """A label is taken for a place in the list of what may be voted for."""
    legal = actions.legal_actions

    def placed(*args: Any) -> Any:
        found = legal(*args)
        agents = sorted(found.targets.values(), reverse=True)
        targets = dict(zip(found.targets, agents, strict=True))
        return actions.Legal(found.answer, targets, found.ranked)

    return everywhere(legal, placed)


def votes_for_oneself() -> Patches:
    """A policy that forbids votes for oneself does not hold."""
    return under(actions.legal_actions, 2, self_votes=lambda _: "allow")


def all_are_seen() -> Patches:
    """Everybody sees all answers, whatever the policy says."""

    def everything(state: Any, agent: str, policy: Any) -> Any:
        answers = state["answers"]
        return {label: answers[a] for label, a in state["labels"].items() if a in answers}

    return everywhere(visible, everything)


def failed_votes() -> Patches:
    """Who has failed is taken to vote for the first answer."""
    found = collect_votes.outcomes_of_round

    def voting(state: Any) -> Any:
        first = next(iter(state["answers"]), None)
        votes = {"outcome": "vote", "candidate": first, "text": "it failed"}
        fails = "failed" if first else ""
        return [{**o, **votes} if o["outcome"] == fails else o for o in found(state)]

    return [patch.object(collect_votes, "outcomes_of_round", voting)]


def lost_dissent() -> Patches:
    """The first vote that lost is not among the dissent."""
    dissent = settle.dissent_of
    return everywhere(dissent, lambda *args: dissent(*args)[1:])


def wrong_tie() -> Patches:
    """Ties are settled by another rule than the policy's."""

    def other(quorum: Any, tie: Any, seed: int, threshold: Any) -> Any:
        ties: dict[str, Any] = {"registration": "earliest_answer", "earliest_answer": "random"}
        return RuleOptions(quorum, ties.get(tie, "registration"), seed, threshold)

    return [patch.object(settle, "RuleOptions", other)]


def quorum_ignored() -> Patches:
    """Any one ballot is a quorum."""
    return [patch.object(settle, "RuleOptions", lambda _, *rest: RuleOptions(1, *rest))]


def weights_ignored() -> Patches:
    """All votes weigh the same."""
    return [patch.object(settle, "Electorate", lambda ids, live, _: Electorate(ids, live, {}))]


def first_come() -> Patches:
    """The winner is whoever the first vote that came in is for."""
    came: list[str] = []
    note, decide = LiveRound.note, settle.settle

    def noted(self: Any, outcome: Any) -> None:
        came.append(outcome["agent"])
        note(self, outcome)

    def by_arrival(state: Any, policy: Any) -> Any:
        winner, by = decide(state, policy)
        votes = [state["votes"][agent] for agent in came if agent in state["votes"]]
        return (votes[0]["candidate"] if votes else winner), by

    return [patch.object(LiveRound, "note", noted), *everywhere(decide, by_arrival)]


def settles_too_soon() -> Patches:
    """One vote settles a run that may settle early."""
    return everywhere(certainty.certain, lambda state, policy, outstanding: bool(state["votes"]))


def draft_stopped() -> Patches:
    """A new answer stops those who write their first draft."""
    watch = AgentTurn.watch

    def stopping(self: Any, *args: Any) -> Any:
        found = watch(self, *args)
        found.spared = lambda: False
        self.round.turn(self.member.id, self.live.now).spared = found.spared
        return found

    return [patch.object(AgentTurn, "watch", stopping)]


def release_ignored() -> Patches:
    """Who is told to be stopped runs on."""
    watch = AgentTurn.watch

    def running(self: Any, *args: Any) -> Any:
        found = watch(self, *args)
        found.released = None
        return found

    return [patch.object(AgentTurn, "watch", running)]


def no_round_deadline() -> Patches:
    """A round's deadline stops nobody."""
    watch = AgentTurn.watch

    def endless(self: Any, *args: Any) -> Any:
        found = watch(self, *args)
        found.hard = self.policy.run_deadline_s
        return found

    return [patch.object(AgentTurn, "watch", endless)]


def no_run_deadline() -> Patches:
    """A run's deadline ends nothing."""

    def never(_: float) -> float:
        return math.inf

    return [
        *under(agent_node, 1, run_deadline_s=never),
        *under(collect_votes.collect_votes, 0, run_deadline_s=never),
        *under(present_final.present_final, 1, run_deadline_s=never),
    ]


def presents_twice() -> Patches:
    """The final answer is written twice."""
    written = present_final._written

    async def twice(*args: Any) -> Any:
        await written(*args)
        return await written(*args)

    return [patch.object(present_final, "_written", twice)]


def wrong_answer_presented() -> Patches:
    """A stored answer is presented that is not the winner's."""
    return [
        patch.object(
            present_final, "_stored", lambda state, winner: list(state["answers"].values())[-1]
        )
    ]


def goes_on_after_the_end() -> Patches:
    """An event comes after the last one."""

    async def more(desk: Any, state: Any, runtime: Any, *args: Any, **named: Any) -> Any:
        live = desk.live(runtime, state)
        update = await finish(desk, state, runtime, *args, **named)
        live.emit(runtime, state, Verdict(verdict="settled"))
        return update

    return everywhere(finish, more)


def skipped_number() -> Patches:
    """An event's number is left out, now and then."""
    stamp = LiveRun.stamp

    def skipping(self: Any, *args: Any, **named: Any) -> Any:
        self._seq += self._seq % 11 == 5
        return stamp(self, *args, **named)

    return [patch.object(LiveRun, "stamp", skipping)]


def untold_failure() -> Patches:
    """Nobody is told that an agent has failed."""
    tell = AgentTurn.tell_ended

    def silent(self: Any, outcome: str, **named: Any) -> None:
        if outcome != "failed":
            tell(self, outcome, **named)  # type: ignore[arg-type]

    return [patch.object(AgentTurn, "tell_ended", silent)]


def usage_twice() -> Patches:
    """What a turn has used counts twice."""
    usage = collect_votes._usage

    def doubled(state: Any, outcomes: Any) -> Any:
        return usage(state, [*outcomes, *outcomes])

    return everywhere(usage, doubled)


def untold_stop() -> Patches:
    """Nobody is told of a call that was stopped."""
    tell = Call._tell_end

    def silent(self: Any, end: object, usage: Any, **named: Any) -> None:
        if not usage["stopped"]:
            tell(self, end, usage, **named)

    return [patch.object(Call, "_tell_end", silent)]


def swapped_in_prompts() -> Patches:
    """Each answer is shown under the label of another, in prompts alone."""
    messages = prompts.turn_messages

    def swapped(state: Any, *rest: Any) -> Any:
        answers = state["answers"]
        texts = [answer["text"] for answer in answers.values()]
        turned = zip(answers.items(), texts[1:] + texts[:1], strict=True)
        other = {agent: {**answer, "text": text} for (agent, answer), text in turned}
        return messages({**state, "answers": other}, *rest)

    return everywhere(messages, swapped)


def no_soft_deadline() -> Patches:
    """Nobody is told to hurry when a round's time is nearly up."""
    watch = AgentTurn.watch

    def calm(self: Any, *args: Any) -> Any:
        found = watch(self, *args)
        found.soft = math.inf
        return found

    return [patch.object(AgentTurn, "watch", calm)]


def _never(key: str) -> Patches:
    race = stream.race

    async def patient(work: Any, watch: Any, live: Any) -> Any:
        setattr(watch, key, math.inf)
        return await race(work, watch, live)

    return [patch.object(stream, "race", patient)]


def no_idle_timeout() -> Patches:
    """No silence of a provider is too long."""
    return _never("idle_s")


def no_call_timeout() -> Patches:
    """No call takes too long."""
    return _never("call")


BUGS: dict[str, Callable[[], Patches]] = {
    bug.__name__: bug
    for bug in (
        stale_votes,
        votes_kept,
        votes_kept_in_debate,
        epoch_kept,
        lost_answer,
        lost_second_answer,
        equal_answers_twice,
        novelty_ignored,
        trimmed_answer,
        late_answer,
        never_asked_again,
        asked_too_often,
        one_answer_too_many,
        one_debate_too_many,
        one_round_too_many,
        one_try_too_many,
        one_call_too_many,
        labels_change,
        votes_by_place,
        votes_for_oneself,
        all_are_seen,
        failed_votes,
        lost_dissent,
        wrong_tie,
        quorum_ignored,
        weights_ignored,
        first_come,
        settles_too_soon,
        draft_stopped,
        release_ignored,
        no_round_deadline,
        no_run_deadline,
        presents_twice,
        wrong_answer_presented,
        goes_on_after_the_end,
        skipped_number,
        untold_failure,
        usage_twice,
        untold_stop,
        swapped_in_prompts,
        no_soft_deadline,
        no_idle_timeout,
        no_call_timeout,
    )
}
"""Bugs by name, without those of resuming."""


def caught(name: str, most: int = MOST_SEEDS) -> tuple[int, str] | None:
    """Plant a bug and run seeds until one catches it.

    Args:
        name: The bug's; one of resuming gets runs that are cut alone.
        most: How many seeds it may take.

    Returns:
        How many seeds it took, and what was said; None when none of them caught it.

    Raises:
        RuntimeError: When the bug can't be planted any more as it is.
    """
    resumes = name in BUGS_OF_RESUMING
    family = drawn_resumed if resumes else drawn
    with planted((BUGS | BUGS_OF_RESUMING)[name]()):
        for number in range(most):
            try:
                play(family(number), number)
            except AssertionError as exc:
                if isinstance(exc.__cause__, MISFITS):
                    raise RuntimeError(f"the bug {name} does not fit the engine") from exc
                return number + 1, str(exc).partition("\n")[0]
    return None


def main(argv: list[str] | None = None) -> int:
    """Plant bugs, and print when each is caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.bugs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="bugs; all of them, without any")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="seeds that a bug may take")
    given = parser.parse_args(argv)
    logging.disable()
    missed = 0
    bugs = BUGS | BUGS_OF_RESUMING
    for name in given.names or bugs:
        begun = time.process_time()
        found = caught(name, given.seeds)
        missed += found is None
        seeds, said = found or ("none", bugs[name].__doc__ or "")
        seconds = time.process_time() - begun
        sys.stdout.write(f"{name:24} {seeds!s:>5} seeds {seconds:6.1f} s  {said[:90]}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{missed} not caught within {given.seeds} seeds\n")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
