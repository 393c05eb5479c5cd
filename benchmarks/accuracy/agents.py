"""Simulated agents: ordinary backends that are right as often as they are meant to be.

An agent reads what it is sent, and nothing else. All chance comes from the exam, by what is
decided: the same agent drafts the same answer in every team, and judges the same answers alike.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from langchain_core.messages import AnyMessage

from benchmarks.engine_massgraph import shown_answers
from massgraph import LLMBackend, StreamChunk, ToolSchema
from massgraph.backends.chunks import DoneChunk, TokenUsage, ToolCallDeltaChunk, UsageChunk

from .exam import Exam, Question, choice_in, number_in

ANSWER_CHARS, REASON_CHARS = 1200, 120
THOUGHT_TOKENS = 300
"""What a call thinks before it writes."""
CALL_S, SPREAD = 10.0, 0.6
"""Median seconds of a call, and the standard deviation of their logarithm."""

_BALLOT = re.compile(r"<reason for (agent\d+)\b")


@dataclass(frozen=True, slots=True)
class Ability:
    """What an agent can do; all are probabilities.

    Args:
        accuracy: That a draft is right.
        skill: That it judges for a right answer, being shown right and wrong ones; None: it takes
            one of those that it is shown, whichever.
        fooled: Whether traps fool its judgement, too.
        follows: That it does not judge, but takes what most of the shown answers say.
        revises: That it gives a new answer where it could vote.
        revised: That such an answer is right.
        taste: Whether all voters like the same one best of answers that are judged alike.
        short: Whether answers that say the same are the same text.
    """

    accuracy: float
    skill: float | None = None
    fooled: bool = False
    follows: float = 0.0
    revises: float = 0.0
    revised: float = 0.0
    taste: bool = False
    short: bool = False


@dataclass(slots=True)
class Bill:
    """What the provider would ask to be paid for: tokens as characters / 4, stopped calls, too."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a prompt shows: label -> answer, and the labels that ballots of a debate are for."""

    answers: Mapping[str, str]
    ballots: Sequence[str]


class SimulatedBackend(LLMBackend):
    """An agent of known ability.

    Args:
        agent: Its name: agents of other names decide otherwise.
        ability: What it can do.
        exam: What it is asked.
        bill: Where its calls are booked.
    """

    def __init__(self, agent: str, ability: Ability, exam: Exam, bill: Bill) -> None:
        super().__init__()
        self._agent, self._ability, self._exam, self._bill = agent, ability, exam, bill
        self._number, self._calls, self._drafts = -1, 0, 0

    @property
    def provider_name(self) -> str:
        """`simulated`."""
        return "simulated"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Decide, take some time, and call one tool; which one shows halfway."""
        prompt = "\n".join(message.text for message in messages)
        question = self._begin(number_in(prompt))
        shown = Shown(shown_answers(messages), _BALLOT.findall(prompt))
        name, arguments = self._decide(question, shown, {tool.name: tool for tool in tools})
        written = json.dumps(arguments)
        schemas = sum(len(json.dumps(tool.parameters)) for tool in tools)
        usage = TokenUsage((len(prompt) + schemas) // 4, THOUGHT_TOKENS + len(written) // 4)
        chance = self._exam.chance("time", question.number, self._agent, self._calls)
        seconds = chance.lognormvariate(math.log(CALL_S), SPREAD)
        self._bill.calls += 1
        self._bill.input_tokens += usage.input_tokens
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            await asyncio.sleep(seconds / 2)
            yield ToolCallDeltaChunk(0, f"c{self._calls}", name)
            await asyncio.sleep(seconds / 2)
            yield ToolCallDeltaChunk(0, arguments=written)
        finally:
            self._bill.output_tokens += round(usage.output_tokens * (clock() - begun) / seconds)
        yield UsageChunk(usage)
        yield DoneChunk("tool_calls")

    def _begin(self, number: int) -> Question:
        """Return the question; a new one is begun without memory of the last."""
        if number != self._number:
            self._number, self._calls, self._drafts = number, 0, 0
        self._calls += 1
        return self._exam.question(number)

    def _decide(
        self, question: Question, shown: Shown, tools: Mapping[str, ToolSchema]
    ) -> tuple[str, dict[str, Any]]:
        if "vote" not in tools:
            accuracy = self._ability.revised if shown.answers else self._ability.accuracy
            return self._answered(self._draft(question, accuracy))
        chance = self._exam.chance("revise", question.number, self._agent, self._calls)
        if "new_answer" in tools and chance.random() < self._ability.revises:
            text = self._draft(question, self._ability.revised)
            if text not in shown.answers.values():
                return self._answered(text)
            return self._voted([next(la for la, a in shown.answers.items() if a == text)], tools)
        return self._voted(list(self._ranked(question, shown)), tools)

    def _draft(self, question: Question, accuracy: float) -> str:
        """Return a new answer; of its agent's, each one has words of its own unless short."""
        self._drafts += 1
        chance = self._exam.chance("draft", question.number, self._agent, self._drafts)
        right = chance.random() < self._exam.on(question, accuracy)
        mistake = question.wrong[0] if question.trap else chance.choice(question.wrong)
        words = "" if self._ability.short else f"{self._agent}, {self._drafts}. "
        begin = f"The answer is {question.right if right else mistake}. {words}"
        return f"{begin}{'More of the answer. ' * ANSWER_CHARS}"[:ANSWER_CHARS]

    def _ranked(self, question: Question, shown: Shown) -> Iterator[str]:
        """Give out the labels of the shown answers, the one to vote for first.

        The same answers are judged alike each time; what a debate shows decides only between
        answers that are judged alike.
        """
        what = ("judge", question.number, self._agent, *sorted(shown.answers.values()))
        chance = self._exam.chance(*what)
        left = {label: choice_in(answer) for label, answer in shown.answers.items()}
        while left:
            side = self._side(question, left, chance)
            backing = max(shown.ballots.count(label) for label in side)
            backed = [label for label in side if shown.ballots.count(label) == backing]
            best = chance.choice(backed)
            if self._ability.taste:
                best = min(backed, key=lambda label: self._appeal(question, shown.answers[label]))
            del left[best]
            yield best

    def _appeal(self, question: Question, answer: str) -> float:
        """Return how little everybody likes an answer, whatever it says."""
        return self._exam.chance("taste", question.number, answer).random()

    def _side(self, question: Question, left: Mapping[str, str], chance: Random) -> list[str]:
        """Return the labels among which it makes no difference."""
        if chance.random() < self._ability.follows:
            said = list(left.values())
            most = max(map(said.count, said))
            crowd = chance.choice(sorted({c for c in said if said.count(c) == most}))
            return [label for label, choice in left.items() if choice == crowd]
        right = [label for label, choice in left.items() if choice == question.right]
        wrong = [label for label in left if label not in right]
        if self._ability.skill is None or not right or not wrong:
            return list(left)
        skill, fooled = self._ability.skill, self._ability.fooled
        return (
            right
            if chance.random() < (self._exam.on(question, skill) if fooled else skill)
            else wrong
        )

    def _answered(self, text: str) -> tuple[str, dict[str, Any]]:
        return "new_answer", {"content": text}

    def _voted(
        self, labels: Sequence[str], tools: Mapping[str, ToolSchema]
    ) -> tuple[str, dict[str, Any]]:
        ranked = "ranking" in tools["vote"].parameters["properties"]
        choice = {"ranking": list(labels)} if ranked else {"agent_id": labels[0]}
        return "vote", {"reason": "A reason. ".ljust(REASON_CHARS, "x"), **choice}
