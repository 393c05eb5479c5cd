"""The coordination protocol as a model: states are tuples, and `steps` gives all that may follow.

It shares no code with the engine, so the two can be held against each other. Agents are numbers
in registration order. What an answer says is left out but for this: whether it is the same as a
peer's of the same round. (One that is the same as a current answer is refused, and an earlier one
that is not current any more is as good as a fresh one.) What agents do, and when, is up to an
adversary; so is a crash, which loses the turns that have not ended, and the signal that a new
answer has set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

SeatKind = Literal[
    "out", "thinking", "writing", "answer", "vote", "failed", "abstained", "interrupted"
]
Kind = Literal[
    "write",  # begins to write a new answer
    "answer",  # a new answer; `arg` is the peer who has said the same in this round, or NOBODY
    "vote",  # a vote; `arg` is whom it is for
    "fail",  # a fault of the provider, or too many illegal actions
    "break",  # a spared writer does not finish its answer after all
    "cut",  # the round's deadline
    "deadline",  # the run's
    "budget",  # the run's budget does not allow the calls of this round
    "crash",  # and resume
    "close",  # the machine reads the round
    "present",
    "present_fails",
]
NOBODY = -1


class Config(NamedTuple):
    """The size of a team, its policy, and which faults there are."""

    agents: int
    answers: int
    on_new_answer: Literal["cancel", "finish"] = "cancel"
    debates: int = 1
    unfinished: int = 1
    self_votes: Literal["allow", "ignore", "forbid"] = "allow"
    quorum: int | float = 1
    rule: Literal["plurality", "majority", "unanimity"] = "plurality"
    single: Literal["answer", "coordinate"] = "coordinate"
    crashes: bool = True
    limits: bool = True


class Seat(NamedTuple):
    """Where an agent's turn stands; `arg` is whom a vote is for, or the author of the same text."""

    kind: SeatKind
    arg: int = NOBODY


class Vote(NamedTuple):
    """A vote that stands, and the epoch that its voter saw."""

    target: int
    epoch: int


class Action(NamedTuple):
    """What happens next."""

    kind: Kind
    agent: int = NOBODY
    arg: int = NOBODY


class State(NamedTuple):
    """Everything the protocol knows; of an answer the epoch of its acceptance, 0 for none."""

    stage: Literal["round", "settled", "end"]
    round: int
    epoch: int
    opened: int
    debates: int
    drafts: tuple[int, ...]
    answers: tuple[int, ...]
    votes: tuple[Vote | None, ...]
    failed: tuple[bool, ...]
    seats: tuple[Seat, ...]
    released: bool = False
    limit: Literal["", "deadline", "budget"] = ""
    verdict: str = ""
    winner: int = NOBODY
    settled_by: str = ""
    presented: str = ""
    outcome: str = ""


OUT, THINKING, WRITING = Seat("out"), Seat("thinking"), Seat("writing")
FAILED, ABSTAINED, INTERRUPTED = Seat("failed"), Seat("abstained"), Seat("interrupted")
RUNNING = frozenset({"thinking", "writing"})


def changed(values: Sequence[Seat], agent: int, seat: Seat) -> tuple[Seat, ...]:
    """Return the seats with one of them changed."""
    return (*values[:agent], seat, *values[agent + 1 :])


class Protocol:
    """The rules; each method is one sentence of them, and what a mutant overrides."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.everybody = range(config.agents)

    # --- a run from its beginning --------------------------------------------------------------

    def start(self) -> State:
        """Return the first round."""
        n = self.config.agents
        blank = State(
            "round", 0, 1, 0, 0, (0,) * n, (0,) * n, (None,) * n, (False,) * n, (OUT,) * n
        )
        return self.opened(blank)

    def steps(self, state: State) -> Iterator[tuple[Action, State]]:
        """Give out all that may happen next, each with the state that follows."""
        if state.stage == "settled":
            yield from self.presentations(state)
        elif state.stage == "round":
            running = [a for a in self.everybody if state.seats[a].kind in RUNNING]
            if not running:
                yield Action("close"), self.closed(state)
                return
            for agent in running:
                yield from self.turns(state, agent)
            yield from self.faults(state, running)

    # --- a round -------------------------------------------------------------------------------

    def owes(self, state: State, agent: int) -> bool:
        """Whether an agent owes an action: it is live, and has no vote in this epoch."""
        return not state.failed[agent] and state.votes[agent] is None

    def may_answer(self, state: State, agent: int) -> bool:
        """Whether an agent is below its cap."""
        return not self.done_alone(state) and state.drafts[agent] < self.config.answers

    def targets(self, state: State, agent: int) -> list[int]:
        """Whom an agent may vote for."""
        if self.done_alone(state):
            return []
        forbidden = self.config.self_votes == "forbid" and self.config.agents > 1
        return [
            peer
            for peer in self.everybody
            if state.answers[peer] and not (forbidden and peer == agent)
        ]

    def done_alone(self, state: State) -> bool:
        """Whether this is one agent alone, whose answer needs no vote."""
        return self.config.agents == 1 and self.config.single == "answer" and any(state.answers)

    def can_act(self, state: State, agent: int) -> bool:
        """Whether anything is legal for an agent."""
        return self.may_answer(state, agent) or bool(self.targets(state, agent))

    def opened(self, state: State) -> State:
        """Ask everybody who owes; for whom nothing is legal, or a limit is reached, abstains."""
        seats = tuple(
            OUT
            if not self.owes(state, agent)
            else THINKING
            if not state.limit and self.can_act(state, agent)
            else ABSTAINED
            for agent in self.everybody
        )
        return state._replace(
            round=state.round + 1, opened=state.opened + 1, seats=seats, released=False
        )

    def turns(self, state: State, agent: int) -> Iterator[tuple[Action, State]]:
        """Give out what a running agent may do."""
        seats = state.seats
        if seats[agent] == THINKING:
            for peer in self.targets(state, agent):
                ended = changed(seats, agent, Seat("vote", peer))
                yield Action("vote", agent, peer), state._replace(seats=ended)
        if seats[agent] == THINKING and self.may_answer(state, agent):
            yield Action("write", agent), state._replace(seats=changed(seats, agent, WRITING))
        if seats[agent] == WRITING:
            for same in (NOBODY, *self.authors(seats)):
                yield Action("answer", agent, same), self.answered(state, agent, same)
        if seats[agent] == WRITING and state.released and self.stoppable(state, agent):
            stopped = changed(seats, agent, INTERRUPTED)
            yield Action("break", agent), state._replace(seats=stopped)
        yield Action("fail", agent), state._replace(seats=changed(seats, agent, FAILED))

    def authors(self, seats: Sequence[Seat]) -> list[int]:
        """Who has said something in this round that nobody registered earlier has said, too."""
        return [a for a in self.everybody if seats[a] == Seat("answer", a)]

    def answered(self, state: State, agent: int, same: int) -> State:
        """End a turn with a new answer, and stop whose work it makes worthless."""
        first = agent if same == NOBODY else min(agent, same)
        seats = tuple(
            Seat("answer", first) if a == agent or s == Seat("answer", same) else s
            for a, s in enumerate(state.seats)
        )
        if self.config.on_new_answer == "finish" or state.released:
            return state._replace(seats=seats)
        kept = tuple(
            INTERRUPTED if s == THINKING and self.stoppable(state, a) else s
            for a, s in enumerate(seats)
        )
        return state._replace(seats=kept, released=True)

    def stoppable(self, state: State, agent: int) -> bool:
        """Whether a peer's answer stops an agent: everybody finishes a first draft."""
        return state.drafts[agent] > 0

    def faults(self, state: State, running: Sequence[int]) -> Iterator[tuple[Action, State]]:
        """Give out what may befall a round as a whole."""
        seats = state.seats
        cut = tuple(ABSTAINED if s.kind in RUNNING else s for s in seats)
        yield Action("cut"), state._replace(seats=cut)
        if self.config.limits:
            yield Action("deadline"), state._replace(seats=cut, limit="deadline")
            untouched = all(s in (OUT, THINKING, ABSTAINED) for s in seats)
            first = not any((*state.drafts, *state.failed, state.debates, state.opened > 1))
            if untouched and not first:
                yield Action("budget"), state._replace(seats=cut, limit="budget")
        if self.config.crashes:
            again = tuple(THINKING if a in running else s for a, s in enumerate(seats))
            if state.released or again != seats:
                yield Action("crash"), state._replace(seats=again, released=False)

    # --- what a round amounts to ---------------------------------------------------------------

    def closed(self, state: State) -> State:
        """Read the turns of a round, judge them, and do what the verdict says."""
        failed = tuple(
            f or s.kind == "failed" for f, s in zip(state.failed, state.seats, strict=True)
        )
        drafts = tuple(
            d + (s.kind == "answer") for d, s in zip(state.drafts, state.seats, strict=True)
        )
        read = state._replace(failed=failed, drafts=drafts, votes=self.counted(state))
        verdict = self.verdict(read)
        after = read._replace(verdict=verdict)
        match verdict:
            case "new_answer":
                return self.opened(self.restarted(after))
            case "unfinished":
                return self.opened(after)
            case "no_answer":
                return after._replace(stage="end", outcome="no_answer")
            case "no_consensus":
                return self.opened(self.debated(after))
            case _:
                winner, settled_by = self.settled(after)
                return after._replace(stage="settled", winner=winner, settled_by=settled_by)

    def counted(self, state: State) -> tuple[Vote | None, ...]:
        """Return the votes that stand: those of this round too, unless there is a new answer."""
        if self.authors(state.seats):
            return state.votes
        return tuple(
            Vote(seat.arg, state.epoch) if seat.kind == "vote" else vote
            for seat, vote in zip(state.seats, state.votes, strict=True)
        )

    def verdict(self, state: State) -> str:
        """Return the first of the five that holds."""
        if self.authors(state.seats):
            return "new_answer"
        live = [agent for agent in self.everybody if not state.failed[agent]]
        open_ = not state.limit
        if (
            open_
            and self.may_ask_again(state)
            and any(self.owes(state, a) and self.can_act(state, a) for a in live)
        ):
            return "unfinished"
        if not any(state.answers):
            return "no_answer"
        if (
            open_
            and self.may_debate(state)
            and any(self.can_act(state, a) for a in live)
            and self.elected(state) is None
        ):
            return "no_consensus"
        return "settled"

    def may_ask_again(self, state: State) -> bool:
        """Whether those who owe may be asked once more in this epoch."""
        return state.opened <= self.config.unfinished

    def may_debate(self, state: State) -> bool:
        """Whether there are debate rounds left."""
        return state.debates < self.config.debates

    def restarted(self, state: State) -> State:
        """Publish the new answers: the epoch rises, and all votes are cleared."""
        epoch = state.epoch + 1
        answers = tuple(
            (epoch if seat.arg == agent else 0) if seat.kind == "answer" else known
            for agent, (seat, known) in enumerate(zip(state.seats, state.answers, strict=True))
        )
        return state._replace(epoch=epoch, answers=answers, votes=self.no_votes(state), opened=0)

    def debated(self, state: State) -> State:
        """Open a debate: the epoch rises, and everybody votes again."""
        votes = self.no_votes(state)
        epoch, debates = state.epoch + 1, state.debates + 1
        return state._replace(epoch=epoch, debates=debates, votes=votes, opened=0)

    def no_votes(self, state: State) -> tuple[Vote | None, ...]:
        """Return the votes after they were cleared."""
        return (None,) * self.config.agents

    # --- the end -------------------------------------------------------------------------------

    def ballots(self, state: State) -> list[int]:
        """Whom the votes that count are for."""
        ignored = self.config.self_votes == "ignore" and self.config.agents > 1
        return [
            vote.target
            for voter, vote in enumerate(state.votes)
            if vote is not None and not (ignored and vote.target == voter)
        ]

    def quorum_met(self, state: State) -> bool:
        """Whether enough ballots were cast."""
        quorum, live = self.config.quorum, state.failed.count(False)
        least = quorum if isinstance(quorum, int) else quorum * live
        return len(self.ballots(state)) >= least

    def most_votes(self, state: State) -> tuple[int, bool]:
        """Return who has most votes, of equals the earliest answer's author, and whether tied."""
        ballots = self.ballots(state)
        there = [agent for agent in self.everybody if state.answers[agent]]
        most = max(ballots.count(agent) for agent in there)
        best = [agent for agent in there if ballots.count(agent) == most]
        return min(best, key=lambda agent: (state.answers[agent], agent)), len(best) > 1

    def elected(self, state: State) -> tuple[int, bool] | None:
        """Return whom the rule elects, if anybody, and whether the tie policy had to choose."""
        ballots = self.ballots(state)
        if not ballots or not self.quorum_met(state):
            return None
        winner, tied = self.most_votes(state)
        share = ballots.count(winner) / len(ballots)
        match self.config.rule:
            case "majority":
                return (winner, tied) if share > 1 / 2 else None
            case "unanimity":
                return (winner, tied) if share == 1 else None
            case _:
                return winner, tied

    def settled(self, state: State) -> tuple[int, str]:
        """Return who wins, and by what."""
        decision = self.elected(state)
        if self.done_alone(state):
            return self.most_votes(state)[0], "single"
        if decision is None:
            return self.most_votes(state)[0], state.limit or "debate_limit"
        winner, tied = decision
        if state.limit and any(self.owes(state, agent) for agent in self.everybody):
            return winner, state.limit
        if set(self.ballots(state)) == {winner}:
            return winner, "consensus"
        return winner, "tie_break" if tied else "rule"

    def presentations(self, state: State) -> Iterator[tuple[Action, State]]:
        """Give out how the final answer comes about; who has failed is not asked."""
        end = state._replace(stage="end", outcome="settled")
        if state.settled_by == "single":
            yield Action("present", state.winner), end._replace(presented="reuse")
        elif state.failed[state.winner] or state.limit:
            yield Action("present", state.winner), end._replace(presented="fallback")
        else:
            yield Action("present", state.winner), end._replace(presented="present")
            failed = tuple(f or a == state.winner for a, f in enumerate(state.failed))
            gone = end._replace(presented="fallback", failed=failed)
            yield Action("present_fails", state.winner), gone
