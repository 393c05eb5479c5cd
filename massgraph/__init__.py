"""massgraph: coordinate a team of LLM agents as an explicit state machine.

    from massgraph import Agent, Team

    team = Team([Agent("alice", backend="local"), Agent("bob", backend="local")])
    print(team.run("What is the capital of France?").answer)

Every name is loaded when it is first used: `import massgraph` itself costs next to nothing.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import Agent as Agent
    from .backends.base import LLMBackend as LLMBackend
    from .backends.base import ToolSchema as ToolSchema
    from .backends.chunks import StreamChunk as StreamChunk
    from .backends.errors import BackendError as BackendError
    from .backends.errors import MassgraphError as MassgraphError
    from .backends.errors import RunError as RunError
    from .backends.errors import UserError as UserError
    from .backends.guard import forbid_real_requests as forbid_real_requests
    from .backends.scripted import ScriptedBackend as ScriptedBackend
    from .backends.usage import TokenUsage as TokenUsage
    from .chat_models.backend import BackendChatModel as BackendChatModel
    from .chat_models.team import TeamChatModel as TeamChatModel
    from .nodes.budget import Budget as Budget
    from .nodes.events import Event as Event
    from .nodes.events import event_to_dict as event_to_dict
    from .nodes.events import event_to_json as event_to_json
    from .nodes.policy import Policy as Policy
    from .nodes.rules import rule as rule
    from .result import Result as Result
    from .result import Usage as Usage
    from .result import Vote as Vote
    from .run import Run as Run
    from .team import Team as Team
    from .threads import Threads as Threads

__version__ = "0.1.0"

_HOMES = {
    "Agent": ".agent",
    "BackendChatModel": ".chat_models.backend",
    "BackendError": ".backends.errors",
    "Budget": ".nodes.budget",
    "Event": ".nodes.events",
    "LLMBackend": ".backends.base",
    "MassgraphError": ".backends.errors",
    "Policy": ".nodes.policy",
    "Result": ".result",
    "Run": ".run",
    "RunError": ".backends.errors",
    "ScriptedBackend": ".backends.scripted",
    "StreamChunk": ".backends.chunks",
    "Team": ".team",
    "TeamChatModel": ".chat_models.team",
    "Threads": ".threads",
    "TokenUsage": ".backends.usage",
    "ToolSchema": ".backends.base",
    "Usage": ".result",
    "UserError": ".backends.errors",
    "Vote": ".result",
    "event_to_dict": ".nodes.events",
    "event_to_json": ".nodes.events",
    "forbid_real_requests": ".backends.guard",
    "rule": ".nodes.rules",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 # pyright: ignore[reportUnsupportedDunderAll]

logging.getLogger("massgraph").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
