"""The model with one rule broken: what the explorer must find, or it is no proof of anything."""

from __future__ import annotations

from collections.abc import Sequence

from .protocol import INTERRUPTED, THINKING, WRITING, Protocol, State, Vote


class VotesNotCleared(Protocol):
    """A restart and a debate forget to clear the votes."""

    def no_votes(self, state: State) -> tuple[Vote | None, ...]:
        return state.votes


class EpochForgotten(Protocol):
    """A restart does not raise the epoch."""

    def restarted(self, state: State) -> State:
        return super().restarted(state)._replace(epoch=state.epoch)


class StaleVotesCounted(Protocol):
    """Votes count, though there are new answers, as if their voters had seen them."""

    def counted(self, state: State) -> tuple[Vote | None, ...]:
        return tuple(
            Vote(seat.arg, state.epoch) if seat.kind == "vote" else vote
            for seat, vote in zip(state.seats, state.votes, strict=True)
        )

    def restarted(self, state: State) -> State:
        after = super().restarted(state)
        votes = tuple(vote and Vote(vote.target, after.epoch) for vote in state.votes)
        return after._replace(votes=votes)


class OneAnswerTooMany(Protocol):
    """The cap on answers is off by one."""

    def may_answer(self, state: State, agent: int) -> bool:
        return not self.done_alone(state) and state.drafts[agent] <= self.config.answers


class VoteForNoAnswer(Protocol):
    """Anybody may be voted for, also who has no answer."""

    def targets(self, state: State, agent: int) -> list[int]:
        return list(self.everybody) if any(state.answers) else []


class FirstDraftStopped(Protocol):
    """A new answer stops everybody who has not begun one."""

    def stoppable(self, state: State, agent: int) -> bool:
        return True


class WriterStopped(Protocol):
    """A new answer stops those, too, who are writing their own."""

    def answered(self, state: State, agent: int, same: int) -> State:
        after = super().answered(state, agent, same)
        writes = {a for a, s in enumerate(after.seats) if s == WRITING and state.drafts[a]}
        stopped = [INTERRUPTED if a in writes else s for a, s in enumerate(after.seats)]
        return after._replace(seats=tuple(stopped)) if after.released else after


class NobodyStopped(Protocol):
    """The signal of a new answer reaches nobody."""

    def answered(self, state: State, agent: int, same: int) -> State:
        after = super().answered(state, agent, same)
        pairs = zip(state.seats, after.seats, strict=True)
        return after._replace(seats=tuple(THINKING if n == INTERRUPTED else n for _, n in pairs))


class LoserWins(Protocol):
    """Of those with most votes the one registered last wins, whose answer was later."""

    def most_votes(self, state: State) -> tuple[int, bool]:
        _, tied = super().most_votes(state)
        ballots = self.ballots(state)
        there = [agent for agent in self.everybody if state.answers[agent]]
        return max(there, key=lambda agent: (ballots.count(agent), agent)), tied


class DebateForEver(Protocol):
    """Debates are not counted."""

    def debated(self, state: State) -> State:
        return super().debated(state)._replace(debates=state.debates)


class AskedForEver(Protocol):
    """Those who owe are asked again without end."""

    def may_ask_again(self, state: State) -> bool:
        return True


class SettledTooSoon(Protocol):
    """A run settles as soon as somebody has voted, whoever still owes."""

    def verdict(self, state: State) -> str:
        found = super().verdict(state)
        return "settled" if found == "unfinished" and any(state.votes) else found


class FailedAreAsked(Protocol):
    """A failed agent is asked again."""

    def owes(self, state: State, agent: int) -> bool:
        return state.votes[agent] is None


class SomebodyNotAsked(Protocol):
    """After a restart only those are asked who gave no answer."""

    def owes(self, state: State, agent: int) -> bool:
        return super().owes(state, agent) and state.answers[agent] != state.epoch


class AnswerLost(Protocol):
    """A restart publishes one answer only, of several that came in the same round."""

    def restarted(self, state: State) -> State:
        after = super().restarted(state)
        new = [a for a in self.everybody if after.answers[a] == after.epoch]
        kept = [0 if a in new[1:] else epoch for a, epoch in enumerate(after.answers)]
        return after._replace(answers=tuple(kept))


class TwinsStandTwice(Protocol):
    """Answers of one round that are the same stand under each of their authors."""

    def restarted(self, state: State) -> State:
        after = super().restarted(state)
        gave = [seat.kind == "answer" for seat in state.seats]
        pairs = zip(gave, after.answers, strict=True)
        return after._replace(answers=tuple(after.epoch if new else old for new, old in pairs))


class SelfVotesAllowed(Protocol):
    """Where votes for oneself are forbidden, they are legal all the same."""

    def targets(self, state: State, agent: int) -> list[int]:
        return [peer for peer in self.everybody if state.answers[peer]]


class CrashLosesTurns(Protocol):
    """After a crash, agents whose turn had ended are asked again."""

    def faults(self, state: State, running: Sequence[int]):  # noqa: ANN201 - as the rule's own
        for action, after in super().faults(state, running):
            if action.kind == "crash":
                seats = [s if s.kind == "out" else THINKING for s in state.seats]
                yield action, after._replace(seats=tuple(seats))
            else:
                yield action, after


MUTANTS: tuple[type[Protocol], ...] = (
    VotesNotCleared,
    EpochForgotten,
    StaleVotesCounted,
    OneAnswerTooMany,
    VoteForNoAnswer,
    FirstDraftStopped,
    WriterStopped,
    NobodyStopped,
    LoserWins,
    DebateForEver,
    AskedForEver,
    SettledTooSoon,
    FailedAreAsked,
    SomebodyNotAsked,
    AnswerLost,
    TwinsStandTwice,
    SelfVotesAllowed,
    CrashLosesTurns,
)
