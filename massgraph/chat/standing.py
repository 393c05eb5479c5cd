"""Standing: how things stand in a conversation's last run, as the fold of its events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..display.safe_text import one_line
from ..nodes import events as ev
from ..nodes.state import Usage, add_usage, no_usage

if TYPE_CHECKING:
    from .surface import Watched

_AFTER = {
    "new_answer": "restart",
    "no_consensus": "debate",
    "settled": "select_winner",
    "no_answer": "give_up",
    "unfinished": "open_round",
}
"""Where a verdict leads: verdict -> node."""

_NODES = {
    "run_started": "ask",
    "run_resumed": "ask",
    "round_opened": "open_round",
    "answers_accepted": "collect_votes",
    "vote_cast": "collect_votes",
    "presenting_started": "present_final",
    "run_finished": "__end__",
}
"""Where the machine is: type of an event -> node."""

_WORKS = {
    "turn_started": "thinks",
    "agent_reasoning": "thinks",
    "agent_text": "thinks",
    "answer_text": "writes an answer",
    "presenting_started": "presents",
    "final_text": "presents",
}
"""What an agent does: type of an event -> words."""

_DONE = {
    "new_answer": "has a new answer",
    "vote": "has voted",
    "interrupted": "was stopped",
    "abstained": "abstains",
    "failed": "failed",
}
"""What is said of a turn's outcome."""


@dataclass(slots=True)
class Doing:
    """What is known of an agent.

    Args:
        id: The agent.
        backend: `provider:model`.
        state: What it does, or has done last.
        usage: What it has used in the run.
    """

    id: str
    backend: str
    state: str = "waits for a question"
    usage: Usage = field(default_factory=no_usage)


class Standing:
    """How a run stands.

    Args:
        agents: The team as it is before its first question: (id, provider, model) of each.
    """

    def __init__(self, agents: Iterable[tuple[str, str, str]] = ()) -> None:
        self.agents = {id_: Doing(id_, f"{provider}:{model}") for id_, provider, model in agents}
        self.at_work: list[str] = []
        """Who is at a turn, or presents."""
        self.round = 0
        self.node: str | None = None
        """Where the machine is; None before a run. Agents at work count more."""

    def begin(self) -> None:
        """Forget the run before: another one begins."""
        self.at_work, self.round, self.node = [], 0, None
        for doing in self.agents.values():
            doing.state, doing.usage = "waits", no_usage()

    @property
    def nodes(self) -> list[str]:
        """The nodes that are at work now."""
        presenting = self.node == "present_final"
        return self.at_work if self.at_work and not presenting else [self.node] if self.node else []

    async def following(self, run: Watched) -> AsyncIterator[ev.Event]:
        """Give out a run's events, taking each one in."""
        async for event in run:
            self.take(event)
            yield event

    def take(self, event: ev.Event) -> None:
        """Take the next event in."""
        self.round = event.round
        self.node = _NODES.get(event.type, self.node)
        match event:
            case ev.RunStarted() | ev.RunResumed():
                self._begin(event)
            case ev.TurnStarted() | ev.PresentingStarted():
                if event.agent not in self.at_work:
                    self.at_work.append(event.agent)
                self._says(event.agent, _WORKS[event.type])
            case ev.AgentReasoning() | ev.AgentText() | ev.AnswerText():
                self._says(event.agent, _WORKS[event.type])
            case ev.ToolStarted():
                self._says(event.agent, f"uses {one_line(event.name, 40)}")
            case ev.TurnEnded():
                self._ended(event.agent, _DONE[event.outcome], event.usage)
            case ev.PresentingEnded():
                self._ended(event.agent, "has presented", event.usage)
            case ev.Verdict():
                self.node = _AFTER[event.verdict]
            case ev.RunFinished():
                self.at_work = []
            case _:
                pass

    def _begin(self, event: ev.RunStarted | ev.RunResumed) -> None:
        used = event.state["usage"] if isinstance(event, ev.RunResumed) else {}
        self.at_work = []
        self.agents = {}
        for agent in event.agents:
            id_, backend = agent["id"], f"{agent['provider']}:{agent['model']}"
            self.agents[id_] = Doing(id_, backend, "waits", used.get(id_, no_usage()))

    def _says(self, agent: str, what: str) -> None:
        if agent in self.agents:
            self.agents[agent].state = what

    def _ended(self, agent: str, what: str, used: Usage) -> None:
        if agent in self.at_work:
            self.at_work.remove(agent)
        self._says(agent, what)
        if agent in self.agents:
            doing = self.agents[agent]
            doing.usage = add_usage(doing.usage, used)


@dataclass(frozen=True, slots=True)
class Followed:
    """A run whose events a standing takes in before anybody else."""

    run: Watched
    standing: Standing

    def __aiter__(self) -> AsyncIterator[ev.Event]:
        return self.standing.following(self.run)

    def cancel(self) -> None:
        """Stop the run."""
        self.run.cancel()
