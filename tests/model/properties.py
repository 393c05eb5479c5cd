"""What must hold of each step of the model: S1 to S6, S8 and L1 as predicates.

They read states only, never the model's rules, or a mutant would take its own word for it. S7's
share, that epoch and round never fall and that no answer gets lost, is among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .protocol import RUNNING, Action, Config, Kind, State

Problems = Iterator[str]
Property = Callable[[Config, State, Action, State], Problems]


# --- steps inside a round ----------------------------------------------------------------------


def one_outcome(config: Config, before: State, action: Action, after: State) -> Problems:
    """S1: a turn that has ended stays as it is."""
    for agent, (old, new) in enumerate(zip(before.seats, after.seats, strict=True)):
        same_text = old.kind == "answer" and new.kind == "answer"
        if old != new and old.kind not in RUNNING and not same_text:
            yield f"S1: the turn of agent {agent} had ended"


def nothing_else(config: Config, before: State, action: Action, after: State) -> Problems:
    """S3: inside a round nothing changes but turns: a restart alone publishes."""
    if before[:9] != after[:9]:
        yield "S3: a turn changed more than itself"


def legal_actions(config: Config, before: State, action: Action, after: State) -> Problems:
    """S4, S8: a vote is for a current answer, and a new answer is below its author's cap."""
    agent = action.agent
    if action.kind == "vote":
        if not before.answers[action.arg]:
            yield f"S4: agent {agent} votes for an answer that is not there"
        if config.self_votes == "forbid" and config.agents > 1 and action.arg == agent:
            yield f"S4: agent {agent} votes for itself"
    if action.kind in ("write", "answer") and before.drafts[agent] >= config.answers:
        yield f"S8: agent {agent} is past its cap"


def stopping(config: Config, before: State, action: Action, after: State) -> Problems:
    """Whom a new answer stops: those whose work is worthless, but never a first draft."""
    new = any(seat.kind == "answer" for seat in after.seats)
    for agent, seat in enumerate(after.seats):
        if seat.kind == "interrupted":
            if not before.drafts[agent]:
                yield f"the first draft of agent {agent} was stopped"
            if config.on_new_answer == "finish" or not new:
                yield f"agent {agent} was stopped for nothing"
        goes_on = seat.kind == "thinking" and before.drafts[agent] > 0
        if goes_on and action.kind == "answer" and config.on_new_answer == "cancel":
            yield f"agent {agent} goes on with worthless work"
    for agent, (old, seat) in enumerate(zip(before.seats, after.seats, strict=True)):
        if action.kind == "answer" and old.kind == "writing" and seat.kind == "interrupted":
            yield f"agent {agent} was stopped while it wrote its answer"


# --- the end of a round ------------------------------------------------------------------------


def fresh_votes(config: Config, before: State, action: Action, after: State) -> Problems:
    """S2, S4: a vote that stands was cast by a live agent in the current epoch, for an answer."""
    for voter, vote in enumerate(after.votes):
        if vote is None:
            continue
        if vote.epoch != after.epoch:
            yield f"S2: the vote of agent {voter} was cast in another epoch"
        if not after.answers[vote.target]:
            yield f"S4: the vote of agent {voter} is for an answer that is not there"
        if after.failed[voter]:
            yield f"S4: agent {voter} has failed and has a vote"


def votes_kept(config: Config, before: State, action: Action, after: State) -> Problems:
    """S4, S5: without a new epoch, votes that stand and votes of the round all stand."""
    if after.epoch != before.epoch:
        return
    for voter, seat in enumerate(before.seats):
        vote, known = after.votes[voter], before.votes[voter]
        if known != vote and (known is not None or seat.kind != "vote"):
            yield f"S4: the vote of agent {voter} is not the one it cast"
        if seat.kind == "vote" and (vote is None or vote.target != seat.arg):
            yield f"S4: the vote of agent {voter} got lost"


def restart(config: Config, before: State, action: Action, after: State) -> Problems:
    """S3: new answers are stored, the epoch is raised, and all votes are cleared, at once."""
    new = {a for a, seat in enumerate(before.seats) if seat.kind == "answer"}
    changed = {a for a, old in enumerate(before.answers) if after.answers[a] != old}
    if changed - new:
        yield "S3: an answer changed that nobody replaced"
    if not new:
        return
    if after.epoch != before.epoch + 1 or any(after.votes):
        yield "S3: a restart raises the epoch by one and clears all votes"
    for agent in new:
        stored = after.answers[agent] == after.epoch
        if stored != (before.seats[agent].arg == agent):
            yield f"S3: what is stored of agent {agent} is not its answer of this round"


def everybody_owes(config: Config, before: State, action: Action, after: State) -> Problems:
    """S3: in a new epoch all live agents are asked; else those who owe, and nobody else."""
    if after.stage != "round":
        return
    asked = {a for a, seat in enumerate(after.seats) if seat.kind != "out"}
    live = {a for a, failed in enumerate(after.failed) if not failed}
    voted = {a for a, vote in enumerate(after.votes) if vote is not None}
    if after.epoch != before.epoch and asked != live:
        yield "S3: in a new epoch every live agent is asked"
    if after.epoch == before.epoch and asked != live - voted:
        yield "S3: those are asked who owe, and nobody else"
    if not asked:
        yield "L1: a round in which nobody is asked"


def failures(config: Config, before: State, action: Action, after: State) -> Problems:
    """A failed agent sits out the rest of the question, and nobody else does."""
    for agent, seat in enumerate(before.seats):
        if after.failed[agent] != (before.failed[agent] or seat.kind == "failed"):
            yield f"agent {agent} is live or has failed against what its turn says"


def settling(config: Config, before: State, action: Action, after: State) -> Problems:
    """S5: settling needs of every live agent a vote or a reason, and no new answer."""
    if after.stage == "round":
        return
    for agent, failed in enumerate(after.failed):
        if not failed and after.votes[agent] is None and before.seats[agent].kind != "abstained":
            yield f"S5: neither a vote nor a reason from agent {agent}"
        again = not after.limit and before.opened <= config.unfinished
        if again and not failed and after.votes[agent] is None and _may_act(config, after, agent):
            yield f"S5: agent {agent} owes a vote, and may be asked again"
    if any(seat.kind == "answer" for seat in before.seats):
        yield "S5: a run settles though there is a new answer"
    if (after.outcome == "no_answer") == any(before.answers):
        yield "S5: `no_answer` is the outcome exactly when there is none"
    if after.stage == "settled":
        yield from winner(config, after)


def _may_act(config: Config, state: State, agent: int) -> bool:
    if config.agents == 1 and config.single == "answer" and any(state.answers):
        return False
    others = [epoch for peer, epoch in enumerate(state.answers) if peer != agent]
    to_vote_for = others if config.self_votes == "forbid" and others else state.answers
    return state.drafts[agent] < config.answers or any(to_vote_for)


def winner(config: Config, after: State) -> Problems:
    """S5: the winner is a pure function of answers and votes: worked out a second time."""
    ignored = config.self_votes == "ignore" and config.agents > 1
    votes = [0] * config.agents
    for voter, vote in enumerate(after.votes):
        if vote is not None and not (ignored and vote.target == voter):
            votes[vote.target] += 1
    there = [(-votes[a], epoch, a) for a, epoch in enumerate(after.answers) if epoch]
    if after.winner != min(there)[2]:
        yield "S5: the winner is not the rule's"
    agree = sum(votes) == votes[after.winner] > 0
    if after.settled_by == "consensus" and not agree:
        yield "S5: there is no consensus"
    if after.settled_by in ("deadline", "budget") and after.limit != after.settled_by:
        yield "S5: settled by a limit that was not reached"


def limits(config: Config, before: State, action: Action, after: State) -> Problems:
    """S8: caps hold."""
    if max(after.drafts) > config.answers:
        yield "S8: more answers than allowed"
    if after.debates > config.debates:
        yield "S8: more debates than allowed"
    if after.opened > 1 + config.unfinished:
        yield "S8: asked more often than allowed"


def never_falls(config: Config, before: State, action: Action, after: State) -> Problems:
    """S7: epoch and round never decrease, and a standing answer is kept or replaced."""
    if after.epoch < before.epoch or after.round < before.round:
        yield "S7: the epoch or the round fell"
    for agent, epoch in enumerate(before.answers):
        if epoch and not after.answers[agent] and before.seats[agent].kind != "answer":
            yield f"S7: the answer of agent {agent} got lost"


# --- after settling, and everywhere ------------------------------------------------------------


def the_end(config: Config, before: State, action: Action, after: State) -> Problems:
    """S6: one presentation, and nothing is accepted after settling."""
    if before.presented or not after.presented or after.stage != "end":
        yield "S6: exactly one final presentation"
    kept = (before.answers, before.votes, before.winner, before.settled_by, before.epoch)
    if kept != (after.answers, after.votes, after.winner, after.settled_by, after.epoch):
        yield "S6: something was accepted after settling"


def progress(config: Config, before: State, action: Action, after: State) -> Problems:
    """L1: each step but a crash brings a run nearer to its end, so there is no way round."""
    if action.kind != "crash" and rank(config, after) <= rank(config, before):
        yield "L1: a step that leads no nearer to the end"


def rank(config: Config, state: State) -> int:
    """Return how far a run has come: its answers and failures, debates, rounds and turns."""
    if state.stage != "round":
        return 10**9 + (state.stage == "end")
    come = 0
    for failed, drafts in zip(state.failed, state.drafts, strict=True):
        come += config.answers + 1 if failed else drafts
    turns = 0
    for seat in state.seats:
        turns += 0 if seat.kind == "thinking" else 1 if seat.kind == "writing" else 2
    at = (come * (config.debates + 2) + state.debates) * (config.unfinished + 3) + state.opened
    return at * (2 * config.agents + 1) + turns


INSIDE: tuple[Property, ...] = (one_outcome, nothing_else, legal_actions, stopping, progress)
CLOSING: tuple[Property, ...] = (
    fresh_votes,
    votes_kept,
    restart,
    everybody_owes,
    failures,
    settling,
    limits,
    never_falls,
    progress,
)
ENDING: tuple[Property, ...] = (the_end, progress)
OF: dict[Kind, tuple[Property, ...]] = {
    "close": CLOSING,
    "present": ENDING,
    "present_fails": ENDING,
}
"""What must hold of steps of a kind; of all others, what must hold inside a round."""


def problems(config: Config, before: State, action: Action, after: State) -> list[str]:
    """Return what is wrong with a step."""
    found: list[str] = []
    for holds in OF.get(action.kind, INSIDE):
        found += holds(config, before, action, after)
    return found
