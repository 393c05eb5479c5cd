"""Cells: a team, what it can do and by which rules it works; run on the real engine."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from massgraph import Agent, Policy, Result, Team
from massgraph.graphs.self_consistency import self_consistency
from tests.vloop import VirtualLoop

from . import exact
from .agents import Ability, Bill, SimulatedBackend
from .exam import TRAPPED, Exam, choice_in


@dataclass(frozen=True, slots=True)
class Cell:
    """What is varied; where nothing is said, it is as in the team that all others differ from.

    Args:
        graph: The prebuilt graph.
        size: How many agents there are; of `self_consistency`, how many samples.
        accuracy: That of each agent.
        best: That of the first agent, when it differs.
        skill: Voting skill; None: votes by chance.
        rule: The decision rule; "": the graph's own.
        on_new_answer: What becomes of peers' work when somebody revises.
        visibility: Whose answers are seen.
        revises: How often an agent that may do either revises instead of voting.
        revised: The accuracy of that.
        follows: How often a voter goes with most of the shown answers.
        traps: The share of questions on which all mistakes are the same.
        fooled: Whether traps fool voters, too.
        taste: Whether voters agree which one is best of answers that say the same.
        short: Whether equal answers are equal texts.
    """

    graph: str = "team"
    size: int = 5
    accuracy: float = 0.6
    best: float | None = None
    skill: float | None = 0.8
    rule: str = ""
    on_new_answer: str = "cancel"
    visibility: str = "all"
    revises: float = 0.0
    revised: float = 0.6
    follows: float = 0.0
    traps: float = 0.0
    fooled: bool = False
    taste: bool = False
    short: bool = False

    @property
    def name(self) -> str:
        """What tells it from others."""
        changed = [
            f"{one.name}={getattr(self, one.name)}"
            for one in fields(self)
            if one.name in ("size", "accuracy") or getattr(self, one.name) != one.default
        ]
        return " ".join(changed)

    @property
    def alone(self) -> float:
        """The accuracy of its best agent alone."""
        return self.best or self.accuracy

    @property
    def theory(self) -> float | None:
        """The exact value, where it is known."""
        if self.graph == "self_consistency":
            return sampled(self, self.size)
        if self.size == 1:
            return self.accuracy
        usual = Cell(size=self.size, accuracy=self.accuracy, skill=self.skill)
        if self == replace(usual, taste=True) and self.skill is not None and self.size % 2:
            return exact.jury(self.size, self.accuracy, self.skill)
        return exact.plurality(self.size, self.accuracy, self.skill) if self == usual else None


def sampled(cell: Cell, samples: int) -> float:
    """Return what self-consistency of a cell's best agent would be worth, exactly."""
    if not cell.traps:
        return exact.self_consistency(samples, cell.alone)
    exam = Exam(traps=cell.traps)
    other = cell.alone * (1 - exam.traps * TRAPPED) / (1 - exam.traps)
    trapped = exact.self_consistency(samples, cell.alone * TRAPPED, wrong=1)
    return exam.traps * trapped + (1 - exam.traps) * exact.self_consistency(samples, other)


@dataclass(slots=True)
class Score:
    """What a cell came to.

    Args:
        right: Whether each question was answered right.
        bill: What all of it cost.
        seconds: How long all of it took, one question after the other.
        settled_by: How often a run was settled by what.
    """

    right: list[bool] = field(default_factory=list)
    bill: Bill = field(default_factory=Bill)
    seconds: float = 0.0
    settled_by: Counter[str] = field(default_factory=Counter)

    def add(self, right: bool, result: Result) -> None:
        """Add a question."""
        self.right.append(right)
        self.seconds += result.duration_s
        self.settled_by[str(result.settled_by)] += 1

    def __add__(self, other: Score) -> Score:
        """Return the score of further questions, too."""
        bill = Bill(
            self.bill.calls + other.bill.calls,
            self.bill.input_tokens + other.bill.input_tokens,
            self.bill.output_tokens + other.bill.output_tokens,
        )
        seconds = self.seconds + other.seconds
        return Score(self.right + other.right, bill, seconds, self.settled_by + other.settled_by)


def played(cell: Cell, questions: Sequence[int], seed: int = 1) -> Score:
    """Ask a cell's team some questions, on a virtual clock."""
    exam, score = Exam(seed, traps=cell.traps), Score()
    team = team_of(cell, exam, score.bill)
    loop = VirtualLoop()
    threshold = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    try:
        for number in questions:
            question = exam.question(number)
            result = loop.run_until_complete(team.arun(question.text))
            score.add(choice_in(result.require_answer()) == question.right, result)
    finally:
        gc.set_threshold(*threshold)
        loop.close()
    return score


def team_of(cell: Cell, exam: Exam, bill: Bill) -> Team:
    """Return the team of a cell; its final answer is the winner's, as it stands."""
    sampling = cell.graph == "self_consistency"
    ids = [f"agent_{number}" for number in range(1 if sampling else cell.size)]
    agents = [Agent(one, SimulatedBackend(one, _ability(cell, one), exam, bill)) for one in ids]
    keys: dict[str, Any] = {"rule": cell.rule} if cell.rule else {}
    if cell.graph == "council":
        keys["presenter"] = None  # its chair, who goes with a presented answer
    policy = Policy(
        final="reuse", on_new_answer=cell.on_new_answer, visibility=cell.visibility, **keys
    )
    if not sampling:
        return Team(agents, policy, graph=cell.graph)
    return Team(
        agents,
        policy,
        graph=lambda members, policy: self_consistency(
            members, policy, samples=cell.size, key=choice_in
        ),
    )


def _ability(cell: Cell, agent: str) -> Ability:
    return Ability(
        accuracy=cell.alone if agent == "agent_0" else cell.accuracy,
        skill=cell.skill,
        fooled=cell.fooled,
        follows=cell.follows,
        revises=cell.revises,
        revised=cell.revised,
        taste=cell.taste,
        short=cell.short,
    )
