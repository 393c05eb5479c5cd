"""The view: what is known of a run at one moment, as plain values folded from its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...nodes.state import OutcomeKind, Usage, add_usage, no_usage
from .page import Page

Doing = Literal[
    "waiting",
    "thinking",
    "writing",
    "answering",
    "tool",
    "retrying",
    "answered",
    "voted",
    "stopped",
    "abstains",
    "failed",
    "presenting",
    "presented",
]
"""What an agent is doing."""

ENDED: Mapping[OutcomeKind, Doing] = {
    "new_answer": "answered",
    "vote": "voted",
    "interrupted": "stopped",
    "abstained": "abstains",
    "failed": "failed",
}
"""What an agent has done whose turn ended so."""

Node = Literal[
    "ask",
    "open_round",
    "agents",
    "collect_votes",
    "restart",
    "debate",
    "select_winner",
    "present_final",
    "give_up",
]
"""A node of the machine; `agents` stands for all of theirs."""

_PHASES: Mapping[Node | None, str] = {
    None: "beginning",
    "ask": "beginning",
    "debate": "debate",
    "select_winner": "settled",
    "present_final": "presenting",
    "give_up": "no answer",
}

CHARS_A_TOKEN = 4
"""Characters of a token, where nobody has counted yet."""


@dataclass(slots=True)
class AgentView:
    """An agent.

    Args:
        id: Its id.
        provider: Its provider.
        model: Its model.
        doing: What it is doing.
        detail: More on that: the tool, the peer, the reason.
        since: When it began that, in seconds since the run began.
        round: The round of its last turn; 0 before the first.
        attempt: The try within that turn.
        page: What it has written.
        tool: The last use of a tool; empty without one.
        spent: What ended turns have used.
        open: What ended calls of a turn that goes on have used.
        chars: Characters that the call that goes on has given.
        budget: Which budget of its own is reached, if any.
    """

    id: str
    provider: str = ""
    model: str = ""
    doing: Doing = "waiting"
    detail: str = ""
    since: float = 0.0
    round: int = 0
    attempt: int = 1
    page: Page = field(default_factory=Page)
    tool: str = ""
    spent: Usage = field(default_factory=no_usage)
    open: Usage = field(default_factory=no_usage)
    chars: int = 0
    budget: str = ""

    def begin(self, doing: Doing, t: float, detail: str = "") -> None:
        """Note what it does from now on."""
        if (self.doing, self.detail) != (doing, detail):
            self.doing, self.detail, self.since = doing, detail, t

    def spend(self, usage: Usage) -> None:
        """Take in what a turn has used: all of its calls, so that those count no more."""
        self.spent = add_usage(self.spent, usage)
        self.open, self.chars = no_usage(), 0

    @property
    def usage(self) -> Usage:
        """What it has used, as far as that is known."""
        return add_usage(self.spent, self.open)

    @property
    def estimated(self) -> int:
        """Tokens of the call that goes on, as a guess."""
        return self.chars // CHARS_A_TOKEN

    @property
    def at_work(self) -> bool:
        """Whether it is at a turn, or presents."""
        return self.doing in ("thinking", "writing", "answering", "tool", "retrying", "presenting")


@dataclass(slots=True)
class VoteView:
    """A vote; `dropped` says why it does not count, if so."""

    voter: str
    candidate: str
    reason: str = ""
    dropped: str = ""
    ranking: list[str] | None = None


@dataclass(slots=True)
class View:
    """A run.

    Args:
        question: What was asked.
        graph: The graph's name.
        thread: The run's thread.
        agents: Its agents, in the order of the team.
        round: The round, 0 before the first.
        epoch: The version of the set of answers.
        node: Where the machine is; None before the run, and after it.
        visits: How often it was at each node.
        verdict: What it has made of the last round.
        answers: Who has an answer that stands.
        votes: Votes of this epoch, by voter.
        ballots: Votes of the round before a debate, which everybody is shown.
        winner: Who has won, if anybody has.
        settled_by: By what.
        log: What the machine has said, and notes of the program's own.
        notes: The notes alone.
        final: The final answer, as far as it is written.
        presenting: Who writes it; None before that.
        policy: The policy, as plain values.
        begun: When the round began, in seconds since the run began.
        t: When the last event came, in seconds since the run began.
        result: The result, once the run is over.
        changes: Goes up with each change.
    """

    question: str = ""
    graph: str = ""
    thread: str = ""
    agents: dict[str, AgentView] = field(default_factory=dict)
    round: int = 0
    epoch: int = 0
    node: Node | None = None
    visits: Counter[str] = field(default_factory=Counter)
    verdict: str = ""
    answers: list[str] = field(default_factory=list)
    votes: dict[str, VoteView] = field(default_factory=dict)
    ballots: list[VoteView] = field(default_factory=list)
    winner: str | None = None
    settled_by: str = ""
    log: Page = field(default_factory=Page)
    notes: list[str] = field(default_factory=list)
    final: Page = field(default_factory=Page)
    presenting: str | None = None
    policy: dict[str, Any] = field(default_factory=dict)
    begun: float | None = None
    t: float = 0.0
    result: dict[str, Any] | None = None
    changes: int = 0

    def enter(self, node: Node) -> None:
        """Note that the machine is at a node."""
        if self.node != node:
            self.node = node
            self.visits[node] += 1

    def total(self) -> Usage:
        """Return what all agents have used, as far as that is known."""
        total = no_usage()
        for agent in self.agents.values():
            total = add_usage(total, agent.usage)
        return total

    @property
    def estimated(self) -> int:
        """Tokens of calls that go on, as a guess."""
        return sum(agent.estimated for agent in self.agents.values())

    @property
    def phase(self) -> str:
        """What is going on, in a word."""
        if self.result is not None:
            return str(self.result["outcome"]).replace("_", " ")
        if self.node in _PHASES:
            return _PHASES[self.node]
        return "debate" if self.ballots else "voting" if self.answers else "answering"

    def deadlines(self) -> dict[str, float]:
        """Return when the round's and the run's time is over, in seconds since the run began."""
        due: dict[str, float] = {}
        of_round, of_run = (self.policy.get(f"{key}_deadline_s") for key in ("round", "run"))
        if self.result is None and self.begun is not None and isinstance(of_round, int | float):
            due["round"] = self.begun + of_round
        if self.result is None and isinstance(of_run, int | float):
            due["run"] = of_run
        return due
