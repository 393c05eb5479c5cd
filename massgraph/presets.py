"""Agents with a role that is written already, and with the builtin tools that go with it.

    from massgraph import Team
    from massgraph.presets import analytical, computational, expert, research

    team = Team([
        research("alice", backend="openai:gpt-6.1-sol"),
        computational("bob", backend="claude:claude-sonnet-5-5"),
        expert("dora", domain="cardiology", backend="gemini:gemini-3.8-flash"),
        analytical("eve", backend="local"),
    ])

A provider's own tool is switched on where the model has it; other models do without. A backend of
one's own, or a LangChain chat model, is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .agent import Agent
from .backends.base import BuiltinTool
from .backends.errors import UserError
from .backends.registry import equipped
from .backends.words import did_you_mean, quoted
from .backing import Backing

_LONGEST_DOMAIN = 200


@dataclass(frozen=True, slots=True)
class Preset:
    """A role.

    Args:
        system_message: What the agent is told; of an expert, with `{domain}` in it.
        tools: The builtin tools that it works with.
    """

    system_message: str
    tools: tuple[BuiltinTool, ...] = ()

    def told(self, more: str = "") -> str:
        """Return the system message, with more text behind it."""
        return "\n\n".join(text for text in (self.system_message, more) if text)


RESEARCH = Preset(
    "You research. Look things up where you can, in more than one source, and prefer the source "
    "that was there: the original paper, the official figures, the party concerned. Give dates, "
    "and say of what time each figure is. Say where each claim of weight comes from, and keep "
    "apart what is established, what is disputed and what nobody knows. Where you could not look "
    "something up, say so; never make a source up.",
    ("web_search",),
)
COMPUTATIONAL = Preset(
    "You compute. Put the question into quantities, with units, and state what you assume. Where "
    "you can run code, run it instead of calculating in your head, and look at what it printed "
    "before you rely on it; otherwise show each step of the calculation. Check the result in a "
    "second way: an estimate, a limiting case, the reverse calculation. Give it with a unit and "
    "no more digits than the input carries.",
    ("code_execution",),
)
ANALYTICAL = Preset(
    "You analyse. Take the question apart into what has to be true for each possible answer, and "
    "look for the part on which the answer turns. Weigh the evidence for and against, name the "
    "assumptions, and try to refute your own conclusion before you give it. Say how sure you are, "
    "and what would change your mind. First the conclusion, then the reasons."
)
EXPERT = Preset(
    "You are an expert in {domain}. Answer as an experienced practitioner would who is asked by a "
    "colleague of another field: with the terms, standards and rules of thumb of {domain}, each "
    "explained where it first appears. Point out what people outside {domain} usually get wrong, "
    "and what depends on circumstances that the question leaves open. Where the question leaves "
    "{domain}, say that it does."
)

PRESETS: Mapping[str, Preset] = {
    "research": RESEARCH,
    "computational": COMPUTATIONAL,
    "analytical": ANALYTICAL,
    "expert": EXPERT,
}
"""The roles by the names that a config knows them by; `expert` wants a domain."""


def preset(named: str | Mapping[str, Any]) -> Preset:
    """Return the role that a config names: `research`, or `{expert: cardiology}`.

    Raises:
        UserError: When there is none of that name, or an expert has no domain.
    """
    name, domain = (named, None) if isinstance(named, str) else _expert(named)
    if name not in PRESETS:
        raise UserError(f"there is no preset {quoted(name)}{did_you_mean(name, tuple(PRESETS))}")
    if name != "expert":
        if domain is not None:
            raise UserError(f"the preset {name!r} takes no domain; write preset: {name}")
        return PRESETS[name]
    if not isinstance(domain, str) or not domain.strip():
        raise UserError("an expert needs a domain; write preset: {expert: DOMAIN}")
    if len(domain) > _LONGEST_DOMAIN or len(domain.splitlines()) > 1:
        raise UserError(f"a domain is one line of {_LONGEST_DOMAIN} characters at most")
    said = EXPERT.system_message.replace("{domain}", domain.strip())
    return replace(EXPERT, system_message=said)


def research(
    id: str,  # noqa: A002 - as of Agent
    backend: Backing,
    *,
    system_message: str = "",
    **more: Any,
) -> Agent:
    """Return an agent that looks things up, with web search where its model has it.

    Args:
        id: As of `Agent`.
        backend: As of `Agent`; what it says of its builtin tools stands.
        system_message: What the agent is told behind its role.
        **more: Further arguments of `Agent`; a fallback gets the builtin tools, too.

    Raises:
        UserError: As `Agent`.
    """
    return _agent(RESEARCH, id, backend, system_message, more)


def computational(
    id: str,  # noqa: A002 - as of Agent
    backend: Backing,
    *,
    system_message: str = "",
    **more: Any,
) -> Agent:
    """Return an agent that calculates, with code execution where its model has it.

    Args and errors are those of `research`.
    """
    return _agent(COMPUTATIONAL, id, backend, system_message, more)


def analytical(
    id: str,  # noqa: A002 - as of Agent
    backend: Backing,
    *,
    system_message: str = "",
    **more: Any,
) -> Agent:
    """Return an agent that takes questions apart, without builtin tools.

    Args and errors are those of `research`.
    """
    return _agent(ANALYTICAL, id, backend, system_message, more)


def expert(
    id: str,  # noqa: A002 - as of Agent
    backend: Backing,
    *,
    domain: str,
    system_message: str = "",
    **more: Any,
) -> Agent:
    """Return an agent that knows a field, without builtin tools.

    Args:
        id: As of `Agent`.
        backend: As of `Agent`.
        domain: The field, on one line of 200 characters at most.
        system_message: What the agent is told behind its role.
        **more: Further arguments of `Agent`.

    Raises:
        UserError: As `Agent`, and when the domain is none.
    """
    try:
        role = preset({"expert": domain})
    except UserError as exc:
        raise UserError(f"Agent {id!r}: {exc}") from exc
    return _agent(role, id, backend, system_message, more)


def _expert(named: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the name and the domain of a preset that is written as a mapping."""
    if len(named) != 1:
        raise UserError("name one preset: research | computational | analytical | {expert: DOMAIN}")
    return next(iter(named.items()))


def _agent(
    role: Preset,
    name: str,
    backend: Backing,
    system_message: str,
    more: Mapping[str, Any],
) -> Agent:
    agent = Agent(name, backend, system_message=role.told(system_message), **more)
    # What is wrong with a backend has been told by now, and of whom.
    return replace(
        agent,
        backend=_with_tools(agent.backend, role.tools),
        fallback=None if agent.fallback is None else _with_tools(agent.fallback, role.tools),
    )


def _with_tools(backend: Backing, tools: Sequence[BuiltinTool]) -> Backing:
    """Return a backend that is only named with builtin tools on; another one as it is."""
    return equipped(backend, tools) if isinstance(backend, str | Mapping) else backend
