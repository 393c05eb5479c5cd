"""Result: what a run comes back with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from .backends.errors import RunError
from .nodes.output import OutputType
from .nodes.record import BareVote, ResultDict
from .nodes.state import FailureKind, Presented, RunOutcome, SettledBy


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote, by real ids, with its reason byte for byte.

    Under a ranked rule `ranking` is the ballot, the best first, and `candidate` its first.
    """

    voter: str
    candidate: str
    reason: str
    ranking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an agent sat out the rest of the question, and since which round."""

    kind: FailureKind
    message: str
    round: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What an agent, or all of them, used.

    Args:
        calls: Provider calls begun, presenting and stopped ones included.
        retries: Extra requests.
        stopped: Calls cut by a release or a deadline.
        input_tokens: Tokens sent, cached ones included.
        cached_tokens: The part of them that was read from a cache.
        output_tokens: Tokens received, reasoning included.
        reasoning_tokens: The part of them that was reasoning.
        wasted_tokens: Tokens of stopped calls: an estimate, characters / 4.
        cost_usd: US dollars; None when not known.
    """

    calls: int = 0
    retries: int = 0
    stopped: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    wasted_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run; `to_dict` gives the JSON object of docs/cli.md.

    Args:
        answer: The final answer, byte for byte; None when there is none.
        outcome: `settled`, `no_answer`, `cancelled` or `failed`.
        settled_by: What settled it.
        winner: Whose answer it is.
        answers: The last answer of each agent that has one, in registration order.
        votes: The votes that stood.
        dissent: Those of them that lost.
        presented: How the final answer came about.
        duration_s: Seconds.
        rounds: Rounds of agents; presenting is none.
        failures: Agents that are failed at the end.
        thread_id: The run's thread.
        usage: By agent.
        total: Over all agents.
        output: The final answer as the policy's output type has it: an instance of a Python type,
            or the plain value of a JSON Schema; None without an output type, and where the answer
            does not fit it.
    """

    answer: str | None
    outcome: RunOutcome
    settled_by: SettledBy | None
    winner: str | None
    answers: Mapping[str, str]
    votes: tuple[Vote, ...]
    dissent: tuple[Vote, ...]
    presented: Presented | None
    duration_s: float
    rounds: int
    failures: Mapping[str, Failure]
    thread_id: str
    usage: Mapping[str, Usage]
    total: Usage
    _raw: ResultDict = field(repr=False, compare=False)
    output: Any = None

    @classmethod
    def from_dict(cls, raw: ResultDict, output_type: Any = None) -> Self:
        """Return the result of its JSON object.

        Args:
            raw: The object.
            output_type: The policy's, if it has one; without it `output` stays a plain value.
        """
        usage = {agent: Usage(**used) for agent, used in raw["usage"].items()}
        return cls(
            answer=raw["answer"],
            outcome=raw["outcome"],
            settled_by=raw["settled_by"],
            winner=raw["winner"],
            answers=dict(raw["answers"]),
            votes=tuple(_vote(vote) for vote in raw["votes"]),
            dissent=tuple(_vote(vote) for vote in raw["dissent"]),
            presented=raw["presented"],
            duration_s=raw["duration_s"],
            rounds=raw["rounds"],
            failures={agent: Failure(**why) for agent, why in raw["failures"].items()},
            thread_id=raw["thread_id"],
            total=usage.pop("total"),
            usage=usage,
            _raw=raw,
            output=_output(raw.get("output"), output_type),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object, a copy of its own."""
        return cast("dict[str, Any]", copy.deepcopy(self._raw))

    @property
    def cost(self) -> float | None:
        """US dollars over all agents, as far as they are known; None when nothing is."""
        return self.total.cost_usd

    def require_answer(self) -> str:
        """Return the answer.

        Raises:
            RunError: When there is none; it says why.
        """
        if self.answer is not None:
            return self.answer
        why = "; ".join(f"{agent}: {f.message}" for agent, f in self.failures.items())
        raise RunError(f"The run has no answer ({self.outcome}){': ' + why if why else '.'}")


def _output(plain: Any, output_type: Any) -> Any:
    """Return an output as its type has it."""
    type_ = None if plain is None else OutputType.of(output_type)
    return plain if type_ is None else type_.typed(plain)


def _vote(vote: BareVote) -> Vote:
    ranking = tuple(vote.get("ranking", ()))
    return Vote(vote["voter"], vote["candidate"], vote["reason"], ranking)
