"""Visibility: whose current answers an agent sees.

One function says so, `visible`; what an agent is shown, what it may vote for, what its new answers
are compared with and what the events tell all follow from it.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeGuard, cast, get_args

from ..backends.errors import RunError, UserError
from ..backends.words import did_you_mean, quoted
from .imported import imported

if TYPE_CHECKING:
    from .policy import PolicyFields
    from .state import Answer, TeamState
    from .turn import TurnInput

VisibilityName = Literal["all", "ring", "random", "none"]


NAMES: Final[tuple[str, ...]] = get_args(VisibilityName)


@dataclass(frozen=True, slots=True)
class Sight:
    """Who looks, and what there is to see.

    Args:
        agent: Who looks.
        agents: The whole team, in registration order.
        authors: Those with a current answer, in registration order.
        epoch: The version of the set of current answers.
        seed: The policy's.
    """

    agent: str
    agents: tuple[str, ...]
    authors: tuple[str, ...]
    epoch: int
    seed: int


Visibility = Callable[[Sight], Collection[str]]
"""Says whose answers an agent sees; who has none does not count, and one's own is always seen."""


def named_visibility(given: Any) -> Any:
    """Return what a policy says, with the function in the place of its `module:function`.

    Raises:
        ValueError: When a text names none.
    """
    if not isinstance(given, str) or given in NAMES:
        return given
    if ":" not in given:
        meant = did_you_mean(given, NAMES)
        raise ValueError(f"unknown visibility {quoted(given)}{meant}")
    try:
        found = imported(given)
    except UserError as exc:
        raise ValueError(str(exc)) from exc
    if not callable(found):
        raise ValueError(f"{given!r} is not a function")
    return found


Seen = Mapping[str, "Answer"]
"""The answers that an agent sees: label -> answer, in registration order."""


def visible(state: TeamState | TurnInput, agent: str, policy: PolicyFields) -> Seen:
    """Return the answers that an agent sees.

    Raises:
        RunError: When a visibility of one's own fails.
    """
    answers = state["answers"]
    if not answers:
        return {}
    agents = tuple(state["labels"].values())
    authors = tuple(author for author in agents if author in answers)
    sight = Sight(agent, agents, authors, state["epoch"], policy.seed)
    closed = policy.visibility == "none" and state["phase"] != "answer"
    seen = {agent, *(authors if closed else peers(sight, policy))}
    return {
        label: answers[author]
        for label, author in state["labels"].items()
        if author in answers and author in seen
    }


def votes_only(state: TeamState | TurnInput, policy: PolicyFields) -> bool:
    """Return whether nobody may give a new answer now.

    Where nobody sees another's draft, everybody sees all answers once there are any, and votes.
    """
    if state["phase"] == "coordinate":
        return policy.visibility == "none" and bool(state["answers"])
    return state["phase"] == "vote"


def peers(sight: Sight, policy: PolicyFields) -> Collection[str]:
    """Return whose answers are seen besides one's own.

    Raises:
        RunError: When a visibility of one's own fails.
    """
    if callable(policy.visibility):
        return _asked(policy.visibility, sight)
    return PEERS[policy.visibility](sight, policy.visible_peers or 1)


def sight_problem(ids: Sequence[str], policy: PolicyFields) -> str | None:
    """Return what is wrong with a visibility of one's own, by trying it for each agent.

    Args:
        ids: The team, in registration order.
        policy: The policy.
    """
    if not callable(policy.visibility):
        return None
    agents = tuple(ids)
    for agent in agents:
        others = tuple(other for other in agents if other != agent)
        for authors in (agents, others, (agent,)):
            try:
                _asked(policy.visibility, Sight(agent, agents, authors, 1, policy.seed))
            except RunError as exc:
                return f"{exc} It was tried for {agent!r}."
    return None


def _asked(own: Visibility, sight: Sight) -> Collection[str]:
    try:
        found = cast("object", own(sight))
    except Exception as exc:
        why = " ".join(f"{type(exc).__name__}: {exc}".split())
        raise RunError(f"The visibility function raised {why}.") from exc
    if inspect.iscoroutine(found):
        found.close()
        raise RunError("The visibility function is async; give a plain one.")
    if not _is_ids(found):
        kind = type(found).__name__
        raise RunError(
            f"The visibility function returned a value of type {kind}; "
            "it returns a list or a set of agent ids."
        )
    return found


def _is_ids(found: object) -> TypeGuard[Collection[str]]:
    if not isinstance(found, Collection) or isinstance(found, str | bytes):
        return False
    return all(isinstance(one, str) for one in cast("Collection[object]", found))


def _ring(sight: Sight, count: int) -> Sequence[str]:
    """Return the next ones with an answer, in registration order, around the ring."""
    place = sight.agents.index(sight.agent)
    around = sight.agents[place + 1 :] + sight.agents[:place]
    return [peer for peer in around if peer in sight.authors][:count]


def _random(sight: Sight, count: int) -> Sequence[str]:
    """Return some with an answer, each of them as likely as any other."""

    def drawn(peer: str) -> bytes:
        lot = f"{sight.seed}:{sight.epoch}:{sight.agent}:{peer}"
        return hashlib.sha256(lot.encode()).digest()

    return sorted((peer for peer in sight.authors if peer != sight.agent), key=drawn)[:count]


PEERS: Final[Mapping[VisibilityName, Callable[[Sight, int], Collection[str]]]] = {
    "all": lambda sight, _: sight.authors,
    "ring": _ring,
    "random": _random,
    "none": lambda _sight, _count: (),
}
"""What each name means: (sight, `visible_peers`) -> agents."""
