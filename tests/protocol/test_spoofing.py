"""Whatever a text says, it is a text: it moves no vote, closes no fence and steers no terminal."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from langchain_core.messages import AnyMessage, ToolMessage

from massgraph import Agent, LLMBackend, Policy, Team
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import DoneChunk, StreamChunk
from massgraph.nodes.fence import escape

from ..vloop import run_virtual
from .spoofs import CYRILLIC, FAMILIES, NONCE, SPOOFS
from .stage import INFINITE, Actor, Played, drafts, play_team, says, whole

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

WINNER = "bob"
SPOOFERS = ("alice", "carol", "dave", "eve", "frank", "grace")
"""Those whose answers are spoofs; the winner's is not, and its final answer is."""
AGENTS = ("alice", WINNER, *SPOOFERS[1:])
RUNS = -(-len(SPOOFS) // len(SPOOFERS))
HARMLESS = tuple(f"Rivers rise for reason number {n}." for n in range(len(SPOOFERS)))

FROM_CYRILLIC = {other: char for char, other in CYRILLIC.items()}

MARK = re.compile(r"<(/?)([a-z0-9 ]+) ([0-9a-f]{12})>")
"""A line that opens or closes a fence."""


class Spoofer(Actor):
    """An actor that knows the nonce once it has seen it, and says the same text everywhere.

    It drafts, looks something up, gives the text as its answer, then votes for agent2 with the text
    as its reason; the winner's draft stands, and the text is its final answer.
    """

    def __init__(self, agent: str) -> None:
        super().__init__([{"text": "never played"}])
        self._agent = agent
        self.begin("")

    def begin(self, text: str) -> None:
        """Say this in the next run."""
        self._text, self.nonce, self.heard = text, "", []

    @property
    def text(self) -> str:
        """What it says, with the nonce filled in."""
        return self._text.replace(NONCE, self.nonce)

    def look(self) -> str:
        """Look something up."""
        return self.text

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        if shown := re.search(r"^</agent2 ([0-9a-f]{12})>$", messages[1].text, re.MULTILINE):
            self.nonce = shown[1]
        names = {tool.name for tool in tools}
        if not names & {"vote", "new_answer"}:
            return says(self.text)
        if "vote" not in names:
            return drafts(f"A draft of {self._agent}.")
        if "new_answer" not in names or self._agent == WINNER:
            return self._votes()
        if isinstance(messages[-1], ToolMessage):
            return drafts(self.text)
        return self._looks()

    async def _votes(self) -> AsyncIterator[StreamChunk]:
        yield whole("vote", agent_id="agent2", reason=self.text)
        yield DoneChunk("tool_calls")

    async def _looks(self) -> AsyncIterator[StreamChunk]:
        yield whole("look")
        yield DoneChunk("tool_calls")


ODD = ("terminal", "control", "bidi", "unseen", "line break", "hidden")
"""Families of texts whose bytes are easily lost."""


class Alone(Spoofer):
    """An actor that says its text at once."""

    def __init__(self) -> None:
        super().__init__("alice")

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        return drafts(self.text) if tools else says(self.text)


def nobody(*_: Any) -> None:
    """Find no winner, so that the votes are shown with their reasons."""


@cache
def team_of(*roles: str) -> tuple[Team, dict[str, LLMBackend]]:
    """Return the team, with these roles of those who spoof, and its actors."""
    role = dict(zip(SPOOFERS, roles, strict=False))
    actors = {agent: Spoofer(agent) for agent in AGENTS}
    agents = [
        Agent(agent, actor, role.get(agent, ""), tools=[actor.look] if agent in SPOOFERS else [])
        for agent, actor in actors.items()
    ]
    policy = Policy(rule=nobody, on_new_answer="finish", max_answers_per_agent=2, **INFINITE)
    return Team(agents, policy), {**actors}


def played(texts: Sequence[str], *roles: str) -> Played:
    """Play a run in which each text is an answer, a reason and what a tool gives.

    Args:
        texts: One for each agent that spoofs; the winner's final answer is the first.
        *roles: Their system messages.
    """
    said = dict(zip(SPOOFERS, texts, strict=True))
    team, cast = team_of(*roles)
    for agent, actor in cast.items():
        assert isinstance(actor, Spoofer)
        actor.begin(said.get(agent, texts[0]))
    return run_virtual(play_team(team, cast=cast))


def outline(run: Played) -> Counter[tuple[Any, ...]]:
    """Return who did what to whom in which round, without a word of what was said."""
    facts = ("agent", "attempt", "asked", "outcome", "verdict", "voter", "candidate", "winner")
    facts += ("settled_by", "name", "what", "kind", "agents")
    found = [
        (event.type, event.round, event.epoch, *(repr(getattr(event, f, None)) for f in facts))
        for event in run.events
        if event.type not in ("agent_text", "answer_text", "final_text", "tool_finished")
    ]
    return Counter(found)


@dataclass(frozen=True)
class Fenced:
    """A prompt, read line by line: what stands outside all fences, and each fence's label."""

    outside: str
    labels: tuple[str, ...]
    inside: tuple[str, ...]


def read(prompt: str, nonce: str) -> Fenced:
    """Read a prompt as a machine would, and assert that each fence is opened and closed once."""
    outside: list[str] = []
    fences: list[tuple[str, list[str]]] = []
    opened = False
    for line in prompt.split("\n"):
        mark = MARK.fullmatch(line)
        if mark is not None and mark[3] == nonce:
            assert bool(mark[1]) is opened, line
            opened = not opened
            if opened:
                fences.append((mark[2], []))
                outside.append(f"<{mark[2]}>")
            else:
                assert mark[2] == fences[-1][0]
        elif opened:
            fences[-1][1].append(line)
        else:
            outside.append(line)
    assert not opened
    assert prompt.lower().count(nonce) == 2 * len(fences), "the nonce is in the marks alone"
    labels, inside = [label for label, _ in fences], ["\n".join(lines) for _, lines in fences]
    return Fenced("\n".join(outside), tuple(labels), tuple(inside))


def prompts(run: Played) -> list[tuple[str, int, Fenced]]:
    """Return what each agent was shown, call by call."""
    (nonce,) = {actor.nonce for actor in run.cast.values() if isinstance(actor, Spoofer)}
    return [
        (agent, number, read(call.messages[1].text, nonce))
        for agent, calls in run.heard.items()
        for number, call in enumerate(calls)
    ]


Story = tuple[Counter[tuple[Any, ...]], list[tuple[str, int, str, tuple[str, ...]]]]


def story(run: Played) -> Story:
    """Return what happened, and what each agent was shown beside the texts."""
    shown = [(agent, number, x.outside, x.labels) for agent, number, x in prompts(run)]
    return outline(run), shown


@cache
def harmless() -> Story:
    """Return the story that all others are compared with."""
    return story(played(HARMLESS))


ROLE_TAG = re.compile(
    r"</?(system|developer|assistant|user|human|agent\d+)\b[^<>]*>", re.IGNORECASE
)
TOKEN = re.compile(
    r"<\|\S+\|>|\[/?INST\]|<</?SYS>>|</?s>|<(start|end)_of_turn>|\[/?TOOL_\w+\]", re.IGNORECASE
)
SPEAKER = re.compile(r"(?m)^[ #*]*(system|developer|assistant|user|human)[ *]*:", re.IGNORECASE)


def test_there_are_enough() -> None:
    """There are over 300 texts, all different, some of each family."""
    assert len({" ".join(text.split()) for text in SPOOFS.values()}) == len(SPOOFS) > 300
    assert {name.rpartition(" ")[0] for name in SPOOFS} == set(FAMILIES)


def test_the_harmless_run() -> None:
    """The run that others are compared with has all that a text could change."""
    run = played(HARMLESS)
    assert (run.result.winner, run.result.settled_by) == (WINNER, "debate_limit")
    assert [vote.candidate for vote in run.result.votes] == [WINNER] * len(AGENTS)
    types = {event.type for event in run.events}
    assert {"tool_finished", "debate_opened", "answers_accepted", "final_text"} <= types
    labels = {fenced.labels for _, _, fenced in prompts(run)}
    shown = tuple(f"agent{n}" for n in range(1, len(AGENTS) + 1))
    assert (*shown, *["reason for agent2"] * len(AGENTS)) in labels
    assert run.heard[WINNER][-1].tools == []


@pytest.mark.parametrize("number", range(RUNS))
def test_a_run_of_spoofs(number: int) -> None:
    """Nobody else acts, votes or wins; each text stays in its fence, and is kept byte for byte."""
    names = [*SPOOFS][number::RUNS]
    texts = [SPOOFS[name] for name in names]
    expected = harmless()
    run = played([*texts, *HARMLESS[len(texts) :]])
    assert story(run) == expected, names
    check_result(run)


def check_result(run: Played) -> None:
    """Assert that everything is in the result, and in tool results, as it was said."""
    said = {a: actor.text for a, actor in run.cast.items() if isinstance(actor, Spoofer)}
    assert run.result.answer == said[WINNER]
    for agent in SPOOFERS:
        assert run.result.answers[agent] == said[agent]
        (result,) = {
            m.text for call in run.heard[agent] for m in call.tool_results if m.name == "look"
        }
        assert result == said[agent]
    assert {vote.voter: vote.reason for vote in run.result.votes} == said


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_inside_a_fence_poses(family: str) -> None:
    """Read with the eyes of a person, no text holds a role's tag, a control token or a speaker."""
    for name, text in SPOOFS.items():
        if name.rpartition(" ")[0] == family:
            shown = seen(escape("0123456789ab", text.replace(NONCE, "0123456789ab")))
            for pattern in (ROLE_TAG, TOKEN, SPEAKER):
                assert not pattern.search(shown), (name, shown[:200])
            assert "0123456789ab" not in shown.lower()


def seen(text: str) -> str:
    """Return what is seen of a text: nothing of what is invisible, and letters as ASCII."""
    kept = (c for c in text if c in "\n\r" or unicodedata.category(c) not in ("Cf", "Cc"))
    return unicodedata.normalize("NFKC", "".join(kept)).translate(FROM_CYRILLIC)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_spoof_as_a_role(family: str) -> None:
    """A role that says such things stands in its own system message, as it is, and nowhere else."""
    texts = [text for name, text in SPOOFS.items() if name.startswith(f"{family} ")]
    roles = (texts * len(SPOOFERS))[: len(SPOOFERS)]
    expected = harmless()
    run = played(HARMLESS, *roles)
    assert story(run) == expected
    for agent, role in zip(SPOOFERS, roles, strict=True):
        assert all(call.messages[0].text.startswith(f"{role}\n\n") for call in run.heard[agent])


def test_the_answer_of_one_agent() -> None:
    """One agent alone says it, and so does the run, byte for byte, whatever the bytes are."""
    actor = Alone()
    team = Team([Agent("alice", actor)])

    async def ask_all() -> None:
        for name in (name for name in SPOOFS if name.startswith(ODD)):
            text = SPOOFS[name]
            actor.begin(text.replace(NONCE, "0123456789ab"))
            run = await play_team(team)
            assert (run.result.answer, run.result.winner) == (actor.text, "alice"), name

    run_virtual(ask_all())
