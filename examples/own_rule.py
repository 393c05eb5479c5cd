"""A decision rule of one's own: a specialist has a veto."""

from __future__ import annotations

from collections.abc import Sequence

from massgraph import Agent, Policy, ScriptedBackend, Team, rule
from massgraph.nodes.rules import Candidate, Decision, Electorate, RuleOptions, Vote, plurality

SPECIALIST = "carol"


@rule("specialist_veto")
def specialist_veto(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect who has the most votes, if the specialist voted so, too; none otherwise."""
    decision = plurality(ballots, candidates, electorate, options)
    agreed = [ballot["candidate"] for ballot in ballots if ballot["voter"] == SPECIALIST]
    if decision is None or agreed != [decision.winner]:
        return None  # no winner: the team debates, and everybody sees the reasons
    return decision


def agent(name: str, answer: str, *votes: tuple[str, str]) -> Agent:
    """Return an agent whose model is played by a script."""
    turns = [{"vote": label, "reason": why, "when": "answers"} for label, why in votes]
    return Agent(name, ScriptedBackend([{"new_answer": answer, "when": "no_answers"}, *turns]))


if __name__ == "__main__":
    team = Team(
        [
            agent("alice", "Ship it.", ("agent1", "It works."), ("agent3", "The leak is real.")),
            agent("bob", "Ship it on Monday.", ("agent1", "Good enough."), ("agent3", "Indeed.")),
            agent("carol", "Fix the leak first.", ("agent3", "It leaks memory.")),
        ],
        Policy(rule="specialist_veto"),
    )
    result = team.run("Can we ship?")
    print(result.answer, "--", result.settled_by)
