"""What the standard tests do not ask: stop texts, broken calls, cancellation, conversations."""

from __future__ import annotations

import asyncio
import copy
import pickle
import time
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from massgraph import Agent, BackendChatModel, RunError, ScriptedBackend, Team, TeamChatModel
from massgraph.backends.chat_completions import ChatCompletionsBackend
from massgraph.backends.errors import BackendTimeoutError, RateLimitError, UserError
from massgraph.chat_models.stops import StopCut
from tests.wire.server import LoopbackServer
from tests.wire.turn import HttpError, WireTurn

KEY = "sk-very-secret-key-1234567890"
DECIDE = [{"new_answer": "Blue.", "when": "no_answers"}, {"vote": "first", "when": "answers"}]
WEATHER = {"title": "weather", "description": "Tells.", "type": "object", "properties": {}}


def scripted(*turns: dict[str, Any]) -> BackendChatModel:
    return BackendChatModel(backend=ScriptedBackend([{"when": "present", **t} for t in turns]))


def team(*more: dict[str, Any], agents: Sequence[str] = ("alice", "bob")) -> Team:
    return Team([Agent(name, ScriptedBackend([*DECIDE, *more])) for name in agents])


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize(
    ("text", "said"), [("one STOP two", "one "), ("one STO", "one STO"), ("a SSTOP", "a S")]
)
def test_a_stop_text_cuts(text: str, said: str, size: int) -> None:
    """Whatever the pieces, the text ends before the first stop text, and nothing else is lost."""
    cut = StopCut(["two", "STOP"])
    pieces = [AIMessageChunk(content=text[at : at + size]) for at in range(0, len(text), size)]
    out: list[str] = []
    for piece in [*pieces, AIMessageChunk(content="", chunk_position="last")]:
        out += [str(chunk.text) for chunk in cut.feed(piece)]
        if cut.done:
            break
    assert "".join(out) == said


async def test_a_stop_text_stops_the_call() -> None:
    """The provider is not left to write what nobody will read."""
    turn = WireTurn(text="one STOP " + "two " * 50, end="stall", after=12)
    with LoopbackServer([turn]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        model = BackendChatModel(backend=backend, stop=["STOP"])
        assert (await model.ainvoke("Q?")).content == "one "
        await server.disconnected(timeout=3)
        await model.aclose()


def test_broken_arguments_are_an_invalid_call() -> None:
    """Arguments that are no JSON object are told, not made good, and raise nothing."""
    model = scripted({"tool_calls": [{"name": "weather", "args": '{"city": "Ul'}]})
    said = model.bind_tools([WEATHER]).invoke("Q?")
    assert isinstance(said, AIMessage)
    assert said.tool_calls == []
    assert said.invalid_tool_calls[0]["args"] == '{"city": "Ul'


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("any", "required"),
        (True, "required"),
        ("none", "none"),
        ("weather", {"type": "function", "function": {"name": "weather"}}),
        (None, None),
    ],
)
def test_a_tool_choice_reaches_the_provider(choice: Any, sent: Any) -> None:
    """What LangChain calls `any` is `required` elsewhere."""
    with LoopbackServer([WireTurn(text="Hi.")]) as server:
        model = BackendChatModel(backend=ChatCompletionsBackend("m", base_url=server.base_url))
        model.bind_tools([WEATHER], tool_choice=choice).invoke("Q?")
        assert server.requests[0].body.get("tool_choice") == sent


def test_a_tool_choice_that_is_none() -> None:
    """A tool that is not bound cannot be chosen, and a provider's own one cannot be bound."""
    with pytest.raises(UserError, match=r"'rain'.*Bound: weather"):
        scripted({"text": "x"}).bind_tools([WEATHER], tool_choice="rain")
    with pytest.raises(UserError, match="'web_search' cannot be bound"):
        scripted({"text": "x"}).bind_tools([{"type": "web_search"}])


def test_retries_are_ours() -> None:
    """A request that fails before its first chunk is sent again, as often as `max_retries`."""
    refused = HttpError(status=429, retry_after=0.01)
    with LoopbackServer([refused, WireTurn(text="Hi."), refused]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        assert BackendChatModel(backend=backend).invoke("Q?").content == "Hi."
        assert len(server.requests) == 2
        with pytest.raises(RateLimitError):
            BackendChatModel(backend=backend, max_retries=0).invoke("Q?")


async def test_a_timeout() -> None:
    """A call that takes too long ends, and says so."""
    model = scripted({"text": "Well, ", "hang": True})
    with pytest.raises(BackendTimeoutError, match=r"longer than 0\.05 s"):
        await model.model_copy(update={"timeout": 0.05}).ainvoke("Q?")


@pytest.mark.parametrize("asks", ["backend", "team"])
async def test_cancelling_reaches_the_provider(asks: str) -> None:
    """A cancelled call closes its connection at once."""
    with LoopbackServer([WireTurn(text="word " * 50, end="stall", after=12)]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        model: Any = BackendChatModel(backend=backend)
        if asks == "team":
            model = TeamChatModel(team=Team([Agent("alice", backend)]))
        took: list[float] = []
        for number in range(1, 4):  # the best counts: other programs run beside this one
            task = asyncio.create_task(model.ainvoke("Q?"))
            await server.received(number)
            await asyncio.sleep(0.1)
            task.cancel()
            began = time.perf_counter()
            with pytest.raises(asyncio.CancelledError):
                await task
            took.append(await server.disconnected(timeout=5) - began)
        assert min(took) < 0.5
        await model.aclose()


async def test_sync_calls_in_a_running_loop() -> None:
    """`invoke` and `stream` work in a notebook, too."""
    model = TeamChatModel(team=team())
    assert model.invoke("Q?").content == "Blue."
    assert "".join(str(piece.text) for piece in model.stream("Q?")) == "Blue."


def test_a_stream_that_is_left() -> None:
    """Whoever stops to listen leaves nothing running."""
    model = scripted({"text": "Well, " * 50, "hang": True})
    stream = model.stream("Q?")
    assert next(stream).content
    stream.close()


def test_a_team_in_a_chain() -> None:
    """A team is the model of a chain, and a batch of questions gets as many answers."""
    prompt = ChatPromptTemplate.from_messages([("human", "Which colour has {thing}?")])
    chain = prompt | TeamChatModel(team=team()) | StrOutputParser()
    assert chain.batch([{"thing": "sea"}, {"thing": "sky"}]) == ["Blue.", "Blue."]


def test_what_a_team_tells_of_itself() -> None:
    """The message says who won and how."""
    said = TeamChatModel(team=team()).invoke("Q?")
    told = said.response_metadata
    assert (told["outcome"], told["winner"], told["model_name"]) == ("settled", "alice", "team")
    assert {vote["candidate"] for vote in told["votes"]} == {"alice"}
    assert said.usage_metadata is not None
    assert said.usage_metadata["output_tokens"] > 0


async def test_the_final_answer_streams() -> None:
    """The answer comes as the winner writes it, not at the end."""
    model = TeamChatModel(team=team({"text": "It is blue. " * 5, "when": "present"}))
    pieces = [str(piece.text) async for piece in model.astream("Q?")]
    assert "".join(pieces) == "It is blue. " * 5
    assert len(pieces) > 3


async def test_an_answer_that_broke_off() -> None:
    """What was said stands, the stored answer follows, and `invoke` gives that alone."""
    broken = {"text": "It is", "error": "bad_request", "when": "present"}
    model = TeamChatModel(team=team(broken))
    whole = [piece async for piece in model.astream("Q?")]
    assert "".join(str(piece.text) for piece in whole) == "It is\n\nBlue."
    assert whole[-1].response_metadata["answer"] == "Blue."
    said = await model.ainvoke("Q?")
    assert said.content == "Blue."
    assert "answer" not in said.response_metadata


def test_no_answer() -> None:
    """A team without an answer raises, and says why."""
    lost = Team([Agent("alice", ScriptedBackend([{"error": "auth"}]))])
    with pytest.raises(RunError, match=r"no answer.*alice"):
        TeamChatModel(team=lost).invoke("Q?")


@pytest.mark.parametrize("messages", [[], [AIMessage("Hi.")], [HumanMessage(" ")]])
def test_no_question(messages: list[Any]) -> None:
    """A conversation that ends in no question is refused at once."""
    with pytest.raises(UserError, match=r"question"):
        team().run(messages)


def test_agents_see_the_conversation() -> None:
    """The messages before the question reach the agents in order; the caller's stay untouched."""
    messages = [SystemMessage("Be brief."), HumanMessage("A?"), AIMessage("B."), HumanMessage("C?")]
    call = WireTurn(calls=[("new_answer", {"content": "D."})])
    with LoopbackServer([call]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        result = Team([Agent("alice", backend)]).run(messages)
        sent = server.requests[0].body["messages"]
    assert result.answer == "D."
    assert [message["role"] for message in sent] == [
        "system", "system", "user", "assistant", "user"
    ]  # fmt: skip
    assert sent[-1]["content"].startswith("C?")
    assert all(message.id is None for message in messages)


def test_a_team_takes_no_parameters() -> None:
    """What a team cannot do is refused, not ignored."""
    with pytest.raises(UserError, match=r"takes no parameters.*tools"):
        TeamChatModel(team=team()).invoke("Q?", tools=[])


@pytest.mark.parametrize("asks", ["backend", "team"])
def test_nothing_secret_gets_out(asks: str) -> None:
    """No form of a model shows a key; a copy shares what answers; pickling is refused."""
    given = {"type": "chat_completions", "model": "m", "base_url": "http://127.0.0.1:9/v1"}
    model: Any = BackendChatModel(backend=given, api_key=KEY)
    if asks == "team":
        model = TeamChatModel(team=Team([Agent("alice", {**given, "api_key": KEY})]))
    assert KEY not in "".join([repr(model), str(model), dumps(model), str(model.asdict())])
    kept = "backend" if asks == "backend" else "team"
    for copied in (copy.copy(model), copy.deepcopy(model), model.model_copy()):
        assert getattr(copied, kept) is getattr(model, kept)
    with pytest.raises(TypeError, match="cannot be pickled; make a new one"):
        pickle.dumps(model)
