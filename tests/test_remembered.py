"""What the tests let LangGraph remember, and what it must stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import StateGraph
from pydantic import BaseModel

from massgraph.nodes.state import TeamState
from massgraph.nodes.turn import TurnState

from . import remembered


class Model(BaseModel):
    """A model."""


@dataclass(frozen=True)
class Data:
    """A dataclass that holds a model."""

    model: Model


class Plain(TypedDict):
    """A state of plain types."""

    number: int


class Rich(Plain):
    """A state that holds more, one of it in an annotation without a hash."""

    data: Annotated[Data | None, []]


@pytest.mark.parametrize("_times", range(2))
@pytest.mark.parametrize("state", [Plain, Rich, TurnState, TeamState])
def test_what_is_remembered_is_what_is_read(state: type[Any], _times: int) -> None:
    """Of plain schemas, of rich ones, of our own and of their channels."""
    given: dict[str, Any] = {"schemas": [state, None], "channels": StateGraph(state).channels}
    assert remembered.allowed(**given) == remembered._read(**given)
    own = {name for module, name in remembered.allowed(**given) if module == __name__}
    assert own == ({"Model", "Data"} if state is Rich else set())
