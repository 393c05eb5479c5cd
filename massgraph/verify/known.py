"""Known: what is known of a run at some time, and what follows from it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from ..nodes.agent_turn import SETTLED
from ..nodes.budget import OWN_BUDGET
from ..nodes.events import (
    AgentRetried,
    AgentsReleased,
    AgentStamp,
    BudgetReached,
    DeadlineReached,
    Event,
    PresentingEnded,
    RunFinished,
    WinnerSelected,
)
from ..nodes.rules import Vote
from ..nodes.state import Phase, Usage, no_usage
from .oracle import Polls
from .setting import Setting
from .turn import Turn


@dataclass(slots=True)
class Known:
    """What the events have said so far.

    Outcomes of turns count once the round is collected, as they do in the machine: a run that goes
    on in the middle of a round begins it with those that are stored.
    """

    setting: Setting
    seq: int = 0
    t: float = 0.0
    round: int = 0
    epoch: int = 0
    place: str = "start"
    """The last step of the machine: `start`, a verdict, or what was told by a node."""
    phase: Phase | None = None
    asked: list[str] | None = field(default_factory=list[str])
    """Who is asked in the round; None where that is not told."""
    opened: int = 0
    opened_at: float = 0.0
    all_owe: bool = True
    collected: bool = True
    collected_t: float = 0.0
    """When the last round was collected, at least: the machine stores the time with it."""
    published: bool = False
    answers: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    votes: dict[str, Vote] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    drafts: Counter[str] = field(default_factory=Counter)
    failed: set[str] = field(default_factory=set)
    exhausted: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)
    limits: set[str] = field(default_factory=set)
    late: bool = False
    """Whether the attempt has told the run's deadline; one that went on may have lost that."""
    debates: int = 0
    open: dict[str, Turn] = field(default_factory=dict)
    ended: dict[str, Turn] = field(default_factory=dict)
    cut: dict[str, Turn] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    calls: int = 0
    tokens: int = 0
    cancelled: bool = False
    settled: bool = False
    was_over: bool = False
    """Whether the attempt before had told a last verdict: then this one may only tell the end."""
    winner: WinnerSelected | None = None
    presenting: str | None = None
    presenting_calls: Usage = field(default_factory=no_usage)
    tells_calls: bool | None = None
    """Whether the attempt tells the end of each call, as old ones do not; None: not known yet."""
    tries: int = 1
    final_text: dict[int, list[str]] = field(default_factory=dict)
    presented: PresentingEnded | None = None
    finished: RunFinished | None = None

    def __post_init__(self) -> None:
        shape = self.setting.shape
        self.phase = None if shape is None else shape.first

    def copy(self) -> Self:
        """Return a copy for a time at which no turn is open."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        held = (dict, set, list)
        copied = dataclasses.replace(self)
        for name, value in values.items():
            setattr(copied, name, value.copy() if isinstance(value, held) else value)
        return copied

    @property
    def live(self) -> list[str]:
        """Who has not failed, in registration order."""
        return [agent for agent in self.setting.agents if agent not in self.failed]

    @property
    def owing(self) -> list[str]:
        """Who can still be asked, and has no vote."""
        out = self.exhausted | self.setting.sits_out
        return [agent for agent in self.live if agent not in out and agent not in self.votes]

    @property
    def polls(self) -> Polls:
        """The election as it stands."""
        setting = self.setting
        return Polls(setting.policy, setting.agents, self.votes, self.answers, self.live)

    def turn_of(self, agent: str) -> Turn | None:
        """Return the turn that an agent is at; one that an earlier attempt began goes on."""
        return self.open.get(agent) or self.cut.get(agent)

    def tells_an_old_end(self, event: Event) -> bool:
        """Return whether an attempt does nothing but tell the end that was reached before."""
        return self.was_over and self.seq == 1 and isinstance(event, RunFinished)

    def ends_round(self, event: Event) -> bool:
        """Return whether an event comes after a round that is not collected yet."""
        if self.collected:
            return False
        match event:
            case AgentRetried():
                return event.agent not in self.open and event.agent not in self.cut
            case DeadlineReached():
                return event.which == "run"
            case AgentStamp() | AgentsReleased() | BudgetReached() | RunFinished():
                return False
            case _:
                return True

    def collect(self) -> None:
        """Take in how the turns of the round have ended, those of an earlier attempt included."""
        self.collected, self.collected_t = True, self.t
        over = {agent: turn for agent, turn in self.cut.items() if turn.outcome is not None}
        self.ended = {**over, **self.ended}
        self.cut = {agent: turn for agent, turn in self.cut.items() if agent not in over}
        for agent, turn in self.ended.items():
            match turn.outcome:
                case "new_answer":
                    self.drafts[agent] += 1
                case "failed":
                    self.failed.add(agent)
                case "abstained":
                    self.reasons.add(agent)
                    self.exhausted |= {agent} if turn.why == OWN_BUDGET else set()
                case "interrupted" if turn.why == SETTLED:
                    self.reasons.add(agent)
                case _:
                    pass
