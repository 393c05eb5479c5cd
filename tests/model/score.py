"""A trace as a score for players: what each agent's model says, and when.

Each step of a round has a second of its own, so things happen in the order of the trace. Beside
what each call is to say stands what the engine is to make of it: `Rounds`, in words of the engine.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from massgraph.backends.chunks import (
    DoneChunk,
    ErrorChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
)
from massgraph.backends.errors import error_class

from .protocol import RUNNING, Action, State
from .traces import Trace

NAMES = ("dora", "bob", "carl", "anna")
"""The agents, in registration order, which is not that of their names."""
ROUND_S = 1000.0
"""The deadline of a round, in seconds: later than anything an agent does."""

Beat = tuple[float, tuple[StreamChunk, ...]]
"""What a call says after so many seconds; a call that has no more to say is silent for ever."""


@dataclass(slots=True)
class Score:
    """What makes the engine go the way of a trace.

    Args:
        calls: What each agent says, call by call.
        finals: What each agent says when it presents: None for an error.
        crashes: After how many seconds each attempt but the last is cancelled.
        run_deadline_s: The run's deadline, if the trace reaches it.
        max_calls: The run's budget, if the trace reaches it.
        texts: What was answered: (round, agent) -> text.
    """

    calls: list[list[list[Beat]]]
    finals: dict[int, str | None] = field(default_factory=dict)
    crashes: list[float] = field(default_factory=list)
    run_deadline_s: float | None = None
    max_calls: int | None = None
    texts: dict[tuple[int, int], str] = field(default_factory=dict)


def score_of(trace: Trace) -> Score:
    """Return the score of a trace."""
    return _Writer(trace).written()


class _Writer:
    """Writes a score from the first step of a trace to the last."""

    def __init__(self, trace: Trace) -> None:
        self.trace, self.config = trace, trace.config
        self.rng = random.Random(trace.text)
        self.score = Score([[] for _ in range(trace.config.agents)])
        self.at = 0.0
        self.clock = 0.0  # the run's, which begins anew from the last round after a crash
        self.latest = 0.0  # that it has shown before a crash
        self.attempt = 0.0
        self.lost = 0  # calls that a crash has cut: nobody has a bill for them
        self.current: dict[int, str] = {}

    def written(self) -> Score:
        """Return the whole score."""
        state = self.trace.first
        self.begin(state)
        for action, after in self.trace.steps:
            self.step(state, action, after)
            state = after
        return self.score

    def begin(self, state: State) -> None:
        """Begin a call of everybody who is at work."""
        self.at = 0.0
        for agent, seat in enumerate(state.seats):
            if seat.kind in RUNNING:
                self.score.calls[agent].append([])

    def says(self, agent: int, *chunks: StreamChunk) -> None:
        """Let an agent say this now."""
        self.score.calls[agent][-1].append((self.at, chunks))

    def step(self, state: State, action: Action, after: State) -> None:
        """Write one step of the trace."""
        self.at += 1
        agent = action.agent
        match action.kind:
            case "write":
                self.says(agent, ToolCallDeltaChunk(0, id="w", name="new_answer"))
            case "answer":
                self.says(agent, *self.answer(state, action))
            case "vote":
                self.says(agent, *_vote(f"agent{action.arg + 1}"))
            case "fail":
                self.fail(state, agent)
            case "break":
                self.says(agent, ErrorChunk(error_class("incomplete_stream")("cut off")))
            case "cut":
                self.at = ROUND_S
            case "deadline":
                self.at = max(self.at, self.latest + 1 - self.clock)
                self.score.run_deadline_s = self.clock + self.at
            case "budget":
                self.unasked(state)
            case "crash":
                self.score.crashes.append(self.attempt + self.at)
                self.latest = max(self.latest, self.clock + self.at)
                self.attempt = 0.0
                self.lost += sum(seat.kind in RUNNING for seat in state.seats)
                self.begin(after)
            case "close":
                self.close(state, after)
            case "present" | "present_fails" if after.presented != "reuse":
                self.present(state, action)
            case _:
                pass

    def answer(self, state: State, action: Action) -> tuple[StreamChunk, ...]:
        """Return a new answer: a fresh text, one that is current no more, or a peer's of now."""
        said = self.score.texts
        if action.arg >= 0:
            text = f" {said[state.round, action.arg]}\n"
        else:
            now = [t for (number, _), t in said.items() if number == state.round]
            taken = {" ".join(t.split()) for t in [*now, *self.current.values()]}
            old = sorted({" ".join(t.split()) for t in said.values()} - taken)
            fresh = f"answer {state.round} of {action.agent}"
            text = self.rng.choice([fresh, fresh, *old[:1]])
        said[state.round, action.agent] = text
        return ToolCallDeltaChunk(0, arguments=_json(text)), DoneChunk("tool_calls")

    def fail(self, state: State, agent: int) -> None:
        """Fail in some way: a provider's error, or too many illegal actions."""
        if state.released or state.seats[agent].kind == "writing" or self.rng.random() < 0.5:
            kind = self.rng.choice(["auth", "bad_request"])
            self.says(agent, ErrorChunk(error_class(kind)("simulated")))  # type: ignore[arg-type]
            return
        self.says(agent, *self.illegal(state, agent))
        self.score.calls[agent].append([(0.0, self.illegal(state, agent))])

    def illegal(self, state: State, agent: int) -> tuple[StreamChunk, ...]:
        """Return what an agent may not do now."""
        if state.drafts[agent] >= self.config.answers:
            return _calls(("new_answer", {"content": "one more than allowed"}))
        current = sorted(self.current.values())
        wrong = [
            _vote("agent99"),
            _vote("dora"),
            _calls(("vote", {"agent_id": "agent1"}), ("new_answer", {"content": "both"})),
            _calls(("new_answer", {"content": "  "})),
            (DoneChunk("stop"),),
            *[_calls(("new_answer", {"content": f"{text} "})) for text in current],
        ]
        return self.rng.choice(wrong)

    def unasked(self, state: State) -> None:
        """Take back the calls of this round: there is no budget for them."""
        for agent, seat in enumerate(state.seats):
            if seat.kind in RUNNING:
                self.score.calls[agent].pop()
        self.score.max_calls = sum(map(len, self.score.calls)) - self.lost
        self.at = 0.0

    def close(self, state: State, after: State) -> None:
        """Go on to the next round."""
        self.at -= 1
        self.clock += self.at
        self.attempt += self.at
        for agent, seat in enumerate(state.seats):
            if seat.kind == "answer" and after.verdict == "new_answer":
                self.current.pop(agent, None)
                if seat.arg == agent:
                    self.current[agent] = self.score.texts[state.round, agent]
        if after.stage == "round":
            self.begin(after)

    def present(self, state: State, action: Action) -> None:
        """Write the final answer, or fail to."""
        asked = not state.limit and not state.failed[state.winner]
        if asked:
            ok = action.kind == "present"
            self.score.finals[state.winner] = "the final answer" if ok else None


def _vote(label: str) -> tuple[StreamChunk, ...]:
    return _calls(("vote", {"agent_id": label, "reason": "because"}))


def _calls(*named: tuple[str, dict[str, Any]]) -> tuple[StreamChunk, ...]:
    calls = tuple(
        {"name": name, "args": args, "id": f"c{n}", "type": "tool_call"}
        for n, (name, args) in enumerate(named)
    )
    return ToolCallsChunk(calls), DoneChunk("tool_calls")  # type: ignore[arg-type]


def _json(text: str) -> str:
    return json.dumps({"content": text})
