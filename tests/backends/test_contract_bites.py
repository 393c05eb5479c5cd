"""The contract itself is tested: it fails for each adapter that is broken on purpose.

What an adapter sends is changed on its last step, where the SDK hands it to the network.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from massgraph.backends.errors import BadRequestError

from .contract import BackendContract, WireHarness
from .test_contract import CHAT, CLAUDE, GEMINI, OPENAI, chat, claude, gemini, grok, openai


class Chat(BackendContract):
    harness = WireHarness(chat, CHAT)


class OpenAI(BackendContract):
    harness = WireHarness(openai, OPENAI)


class Grok(BackendContract):
    harness = WireHarness(grok, OPENAI)


class Claude(BackendContract):
    harness = WireHarness(claude, CLAUDE)


class Gemini(BackendContract):
    harness = WireHarness(gemini, GEMINI)


Spoil = Callable[[Any], Any]
"""From a part of a body to the part that is sent instead; None leaves it out of its list."""


def without(key: str, *values: str) -> Spoil:
    """Leave out what has a key, with one of these values if any are given."""

    def spoil(part: Any) -> Any:
        found = isinstance(part, dict) and key in part and (not values or part[key] in values)
        return None if found else part

    return spoil


def bare(key: str) -> Spoil:
    """Take a key out of every object."""
    return lambda part: (
        {name: value for name, value in part.items() if name != key}
        if isinstance(part, dict)
        else part
    )


def with_key(key: str, value: Any) -> Spoil:
    """Add a key to the body."""
    return lambda part: {**part, key: value} if isinstance(part, dict) and "model" in part else part


def spoiled(part: Any, spoil: Spoil) -> Any:
    """Return a body in which every part is spoiled."""
    part = spoil(part)
    if isinstance(part, dict):
        return {key: spoiled(value, spoil) for key, value in part.items()}
    if isinstance(part, list):
        kept = [spoiled(inner, spoil) for inner in part]
        return [inner for inner in kept if inner is not None]
    return part


class Broken:
    """Breaks what is sent, from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def by(self, spoil: Spoil) -> None:
        """Spoil every request before it is sent."""
        send = httpx2.AsyncClient.send

        async def broken(client: Any, request: httpx2.Request, **options: Any) -> httpx2.Response:
            body = spoiled(json.loads(request.content), spoil)
            headers = {k: v for k, v in request.headers.items() if k.lower() != "content-length"}
            changed = httpx2.Request(
                request.method,
                request.url,
                headers=headers,
                content=json.dumps(body).encode(),
                extensions=request.extensions,
            )
            return await send(client, changed, **options)

        self._patch.setattr(httpx2.AsyncClient, "send", broken)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    """What breaks an adapter."""
    return Broken(monkeypatch)


RESULTS = {
    Chat: without("role", "tool"),
    OpenAI: without("type", "function_call_output"),
    Grok: without("type", "function_call_output"),
    Claude: without("type", "tool_result"),
    Gemini: without("functionResponse"),
}
CALLS = {
    Chat: without("tool_calls"),
    OpenAI: without("type", "function_call"),
    Grok: without("type", "function_call"),
    Claude: without("type", "tool_use"),
    Gemini: without("functionCall"),
}


async def assert_refused(part: Callable[[], Any], contract: type[BackendContract]) -> list[str]:
    """Assert that a test of the contract fails because the server refused, and say why it did."""
    with pytest.raises((AssertionError, BadRequestError)):
        await part()
    assert isinstance(contract.harness, WireHarness)
    refused: list[str] = [*contract.harness.server.refused]
    assert refused
    return refused


@pytest.mark.parametrize("contract", RESULTS)
async def test_an_unanswered_call(broken: Broken, contract: type[BackendContract]) -> None:
    """An adapter that forgets the results of tools does not fulfil the contract."""
    broken.by(RESULTS[contract])
    await assert_refused(contract().test_a_round_trip, contract)


@pytest.mark.parametrize("contract", CALLS)
async def test_an_orphan_result(broken: Broken, contract: type[BackendContract]) -> None:
    """An adapter that sends results without their calls does not fulfil the contract."""
    broken.by(CALLS[contract])
    await assert_refused(contract().test_a_round_trip, contract)


async def test_a_missing_container(broken: Broken) -> None:
    """Code needs a container to run in."""
    broken.by(bare("container"))
    [why] = await assert_refused(OpenAI().test_code_execution, OpenAI)
    assert "container" in why


@pytest.mark.parametrize("contract", [Claude, OpenAI])
async def test_a_parameter_that_is_gone(broken: Broken, contract: type[BackendContract]) -> None:
    """A parameter that the API takes no longer is refused."""
    broken.by(with_key("temperature", 0.5))
    [why] = await assert_refused(contract().test_ends_in_one_done, contract)
    assert "temperature" in why


@pytest.mark.parametrize(
    ("contract", "key"),
    [(Claude, "signature"), (OpenAI, "encrypted_content"), (Gemini, "thoughtSignature")],
)
async def test_a_lost_seal(broken: Broken, contract: type[BackendContract], key: str) -> None:
    """What a model thought goes back with its seal."""
    broken.by(bare(key))
    await assert_refused(contract().test_thoughts_go_back, contract)


async def test_functions_beside_builtin_tools(broken: Broken) -> None:
    """Google wants to be told that its own tools stand beside functions."""
    broken.by(bare("includeServerSideToolInvocations"))
    await assert_refused(Gemini().test_web_search, Gemini)


@pytest.mark.parametrize("key", ["additionalProperties", "name"])
async def test_a_spoiled_schema(broken: Broken, key: str) -> None:
    """A schema that is not what the provider takes is refused."""
    broken.by(bare(key))
    await assert_refused(OpenAI().test_a_schema_holds_the_reply, OpenAI)


@pytest.mark.parametrize(
    ("contract", "key"),
    [
        (Chat, "response_format"),
        (OpenAI, "text"),
        (Grok, "text"),
        (Claude, "output_config"),
        (Gemini, "responseJsonSchema"),
    ],
)
async def test_a_lost_schema(broken: Broken, contract: type[BackendContract], key: str) -> None:
    """An adapter that does not send the schema does not fulfil the contract."""
    broken.by(bare(key))
    with pytest.raises(ValidationError):
        await contract().test_a_schema_holds_the_reply()


async def test_a_key_that_the_api_does_not_know(broken: Broken) -> None:
    """Keys that the API does not know are refused."""
    broken.by(with_key("hologram", 1))
    for contract in (OpenAI, Grok, Claude):
        await assert_refused(contract().test_ends_in_one_done, contract)
