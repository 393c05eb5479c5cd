from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import langgraph.types as its_types
import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.types import interrupt

from massgraph.compose import coordination
from massgraph.graphs.gates import gates
from massgraph.nodes.policy import Policy
from massgraph.nodes.state import TeamState

from .test_checks import MEMBERS

Node = Callable[..., Awaitable[dict[str, Any]]]


def asks(state: TeamState) -> dict[str, Any]:
    return {"notes": {"said": interrupt("?")}}


def helper() -> Any:
    return asks  # a function of a function


async def by_helper(state: TeamState) -> dict[str, Any]:
    return dict(helper()(state))


async def by_module(state: TeamState) -> dict[str, Any]:
    return {"notes": {"said": its_types.interrupt("?")}}


async def with_more(state: TeamState, more: int) -> dict[str, Any]:
    return {"notes": {"said": interrupt(str(more))}}


def decorated(node: Node) -> Node:
    @functools.wraps(node)
    async def inner(*args: Any) -> dict[str, Any]:
        return await node(*args)

    return inner


@decorated
async def wrapped(state: TeamState) -> dict[str, Any]:
    return {"notes": {"said": interrupt("?")}}


class Gate:
    async def __call__(self, state: TeamState) -> dict[str, Any]:
        return {"notes": {"said": self.said()}}

    async def node(self, state: TeamState) -> dict[str, Any]:
        return {"notes": {"said": self.said()}}

    def said(self) -> str:
        return str(interrupt("?"))


async def waits_for_nobody(state: TeamState) -> dict[str, Any]:
    return {"notes": {"said": str(functools.reduce(max, [1, 2]))}}


def found(node: Any) -> list[str]:
    made = coordination(MEMBERS, Policy())
    return gates(made.insert("gate", node, between=("ask", "open_round")).compile())


@pytest.mark.parametrize(
    "node",
    [
        asks,
        by_helper,
        by_module,
        functools.partial(with_more, more=1),
        wrapped,
        Gate(),
        Gate().node,
        RunnableLambda(asks),
    ],
    ids=["sync", "helper", "module", "partial", "decorated", "object", "method", "runnable"],
)
def test_a_gate_is_found_however_it_is_written(node: Any) -> None:
    """A run that would wait for a person is known before anybody is paid."""
    assert found(node) == ["gate"]


def test_other_nodes_are_none() -> None:
    """A node that asks nobody is no gate."""
    assert found(waits_for_nobody) == []
