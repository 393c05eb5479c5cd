"""Events: everything that happens in a run, as a closed union of frozen dataclasses.

Displays, logs and records read nothing else; folding the events gives the state (record.py).
Where an event is stamped is `LiveRun.emit`; a node fills in its payload only.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from ..backends.errors import MassgraphError
from .agent_events import ActionRefused as ActionRefused
from .agent_events import AgentReasoning as AgentReasoning
from .agent_events import AgentRetried as AgentRetried
from .agent_events import AgentStatus as AgentStatus
from .agent_events import AgentText as AgentText
from .agent_events import AnswerText as AnswerText
from .agent_events import CallEnded as CallEnded
from .agent_events import CallRetried as CallRetried
from .agent_events import FinalText as FinalText
from .agent_events import PresentingEnded as PresentingEnded
from .agent_events import PresentingStarted as PresentingStarted
from .agent_events import ToolFinished as ToolFinished
from .agent_events import ToolStarted as ToolStarted
from .agent_events import TurnEnded as TurnEnded
from .agent_events import TurnStarted as TurnStarted
from .stamp import VERSION as VERSION
from .stamp import AgentStamp as AgentStamp
from .stamp import Delta as Delta
from .stamp import Stamp as Stamp
from .team_events import AgentsReleased as AgentsReleased
from .team_events import AnswersAccepted as AnswersAccepted
from .team_events import BudgetReached as BudgetReached
from .team_events import DeadlineReached as DeadlineReached
from .team_events import DebateOpened as DebateOpened
from .team_events import RoundOpened as RoundOpened
from .team_events import RunFinished as RunFinished
from .team_events import RunResumed as RunResumed
from .team_events import RunStarted as RunStarted
from .team_events import Verdict as Verdict
from .team_events import VerdictName as VerdictName
from .team_events import VoteCast as VoteCast
from .team_events import VoteDropped as VoteDropped
from .team_events import WinnerSelected as WinnerSelected

if TYPE_CHECKING:
    from pydantic import BaseModel

Event = (
    RunStarted
    | RunResumed
    | RoundOpened
    | TurnStarted
    | AgentText
    | AgentReasoning
    | AnswerText
    | AgentStatus
    | CallRetried
    | CallEnded
    | ToolStarted
    | ToolFinished
    | ActionRefused
    | AgentRetried
    | TurnEnded
    | AnswersAccepted
    | VoteCast
    | VoteDropped
    | AgentsReleased
    | Verdict
    | DebateOpened
    | WinnerSelected
    | PresentingStarted
    | FinalText
    | PresentingEnded
    | BudgetReached
    | DeadlineReached
    | RunFinished
)


_HEAD = ("v", "seq", "t", "type")


def event_to_dict(event: Event) -> dict[str, Any]:
    """Return an event as plain values of its own, `v, seq, t, type` first."""
    return copy.deepcopy(_values(event))


def event_to_json(event: Event) -> str:
    """Return an event as one line of JSON."""
    return json.dumps(_values(event), ensure_ascii=False)


def _values(event: Event) -> dict[str, Any]:
    """Return the values of an event, which are still its own."""
    return {name: getattr(event, name) for name in KEYS[type(event)]}


def _keys(cls: type[Any]) -> tuple[str, ...]:
    names = [field.name for field in dataclasses.fields(cls)]
    return (*_HEAD, *(name for name in names if name not in _HEAD))


KEYS: Mapping[type[Any], tuple[str, ...]] = {cls: _keys(cls) for cls in get_args(Event)}
"""The keys of the events of each class, in their order."""


class BadEventError(MassgraphError, ValueError):
    """Values that are no event."""


class NewerEventError(BadEventError):
    """An event of a version that only a newer massgraph knows."""


UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""How the values of an event of an older version become those of the next version."""


def event_from_dict(values: Mapping[str, Any]) -> Event:
    """Return the event that `event_to_dict` gave, also of an older version.

    Args:
        values: Its values, as JSON gives them.

    Raises:
        NewerEventError: When its version is newer than ours.
        BadEventError: When a type or a key is unknown, a value is missing, or is not of its type.
    """
    given = _upgraded(dict(values))
    kind = given.pop("type", None)
    if not isinstance(kind, str) or kind not in _classes():
        raise BadEventError(f"There is no event of the type {kind!r}.")
    from pydantic import ValidationError

    form = _form(kind)
    try:
        checked = form.model_validate(given)
    except ValidationError as exc:
        [problem, *_] = exc.errors(include_url=False, include_context=False, include_input=False)
        where = ".".join(str(step) for step in problem["loc"])
        raise BadEventError(f"{where!r} of a {kind} event: {problem['msg']}.") from exc
    event: Event = _classes()[kind](
        **{name: getattr(checked, name) for name in form.model_fields},
    )
    return event


def _upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as an event of this version has them."""
    version = values.get("v")
    if type(version) is int and version > VERSION:
        raise NewerEventError(
            "It was made by a newer massgraph: "
            f"its version of events is {version}, and {VERSION} is the newest one known here."
        )
    if type(version) is not int or not (version == VERSION or version in UPGRADES):
        raise BadEventError(f"There is no version {version!r} of events.")
    for older in range(version, VERSION):
        values = UPGRADES[older](values)
    return values | {"v": VERSION}


@cache
def _classes() -> Mapping[str, type[Any]]:
    """Return the class of each type."""
    return {
        str(field.default): cls
        for cls in get_args(Event)
        for field in dataclasses.fields(cls)
        if field.name == "type"
    }


@cache
def _form(kind: str) -> type[BaseModel]:
    """Return what checks the values of a type: strictly, and nothing may be there besides."""
    from pydantic import ConfigDict, create_model

    cls = _classes()[kind]
    hints = get_type_hints(cls)
    values: dict[str, Any] = {
        field.name: (hints[field.name], ... if field.default is MISSING else field.default)
        for field in dataclasses.fields(cls)
        if field.init
    }
    strict = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return create_model(cls.__name__, __config__=strict, **values)
