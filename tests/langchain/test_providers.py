"""BackendChatModel as a LangChain user has it, on every provider's wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from inspect import isawaitable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel
from langchain_core.tools import tool
from pydantic import BaseModel

from massgraph import BackendChatModel
from massgraph.backends.errors import OverloadedError, UserError
from tests.providers.seats import KEY, SEATS
from tests.wire.brain import brain
from tests.wire.reply import Request
from tests.wire.server import LoopbackServer
from tests.wire.turn import HttpError, WireTurn, WireUsage

pytestmark = pytest.mark.parametrize("provider", SEATS)

PIXEL = "iVBORw0KGgo="
PAGE = "https://a.example"


class Report(BaseModel):
    """The weather, told."""

    summary: str


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sun in {city}."


def model(provider: str, server: LoopbackServer, **options: Any) -> BackendChatModel:
    return BackendChatModel(backend=SEATS[provider].open(server.origin, **options), max_retries=0)


async def _read(stream: AsyncIterator[Any]) -> None:
    async for _ in stream:
        pass


async def _awaited(result: Any) -> None:
    if isawaitable(result):
        await result


class Heard(BaseCallbackHandler):
    """Keeps all that it is told."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.tokens: list[str] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.said += [serialized, messages, kwargs]

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.tokens.append(token)
        self.said.append(kwargs)

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.said += [response, kwargs]


async def test_in_a_chain(provider: str) -> None:
    """It streams, goes in batches and beside itself, and callbacks and events tell no key."""
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{question}")])
    with LoopbackServer([WireTurn(text="Blue, as far as I see.")]) as server:
        one, asked = model(provider, server), {"question": "Which colour?"}
        chain = prompt | one | StrOutputParser()
        assert await chain.abatch([asked, asked]) == ["Blue, as far as I see."] * 2
        both = RunnableParallel(a=chain, b=chain)
        assert await both.ainvoke(asked) == dict.fromkeys("ab", "Blue, as far as I see.")
        events = [event async for event in chain.astream_events(asked)]
        streamed = [e["data"] for e in events if e["event"] == "on_chat_model_stream"]
        assert len(streamed) > 2
        heard = Heard()
        await chain.with_config(callbacks=[heard]).ainvoke(asked)
        assert "".join(heard.tokens) in ("", "Blue, as far as I see.")
        assert KEY not in f"{events}{heard.said}{one!r}{one._identifying_params}"
        assert server.refused == []
        await one.aclose()


def test_retry_and_fallbacks(provider: str) -> None:
    """LangChain's own ways around a failure work: errors are exceptions, and models are cheap."""
    with (
        LoopbackServer([HttpError(status=503), WireTurn(text="Late.")]) as late,
        LoopbackServer([HttpError(status=401)]) as closed,
    ):
        retried = model(provider, late).with_retry(wait_exponential_jitter=False)
        assert retried.invoke("Q?").content == "Late."
        second = model(provider, closed).with_fallbacks([model(provider, late)])
        assert second.invoke("Q?").content == "Late."


async def test_an_agent(provider: str) -> None:
    """An agent of LangChain calls tools in parallel, reads their results, and fills a schema."""

    def answer(request: Request) -> WireTurn:
        if request.number == 1:
            calls = [("weather", {"city": city}) for city in ("Ulm", "Bonn")]
            return WireTurn(text="Let me see.", reasoning="Where?", calls=calls)
        return WireTurn(calls=[("Report", {"summary": "Sun."})])

    with LoopbackServer(answer) as server:
        one = model(provider, server)
        agent: Any = create_agent(one, [weather], system_prompt="Help.", response_format=Report)
        end = await agent.ainvoke({"messages": [HumanMessage("Weather?")]})
        told = [message.text for message in end["messages"] if message.type == "tool"]
        assert told[:2] == ["Sun in Ulm.", "Sun in Bonn."]
        assert end["structured_response"] == Report(summary="Sun.")
        assert (len(server.requests), server.refused) == (2, [])
        await one.aclose()


def test_what_a_message_tells(provider: str) -> None:
    """Tokens and cost are the provider's; what its own tools found is in blocks; all goes back."""
    searches = provider != "chat_completions"
    turn = WireTurn(
        text="The sky is blue.",
        reasoning="Look it up.",
        searches=[("sky", [(PAGE, "Sky")])] if searches else [],
        citations=[(PAGE, "Sky", "sky is blue")] if searches else [],
        usage=WireUsage(input=100, cached=40, output=30, reasoning=10),
    )
    with LoopbackServer([turn]) as server:
        one = model(provider, server, **({"enable_web_search": True} if searches else {}))
        said = one.invoke("Which colour has the sky?")
        used, metadata = said.usage_metadata, said.response_metadata
        assert used is not None
        assert (used["input_tokens"], used["output_tokens"], used["total_tokens"]) == (100, 30, 130)
        assert used["input_token_details"] == {"cache_read": 40}
        assert used["output_token_details"] == {"reasoning": 10}
        assert metadata.get("cost_usd") == one.backend.token_usage.estimated_cost
        assert (metadata["provider"], metadata["finish_reason"]) == (provider, "stop")
        blocks: list[Any] = [*said.content_blocks]
        assert blocks == said.content_blocks
        kinds = ["server_tool_call", "server_tool_result"] if searches else []
        assert [block["type"] for block in blocks] == ["reasoning", *kinds, "text"]
        if searches:
            assert blocks[1]["args"] == {"queries": ["sky"]}
            assert blocks[2]["output"]["sources"][0]["url"] == PAGE
            assert blocks[3]["annotations"][0]["url"] == PAGE
        whole = list(one.stream("Which colour has the sky?"))
        added = whole[0] + whole[1:]  # type: ignore[operator]
        assert isinstance(added, AIMessageChunk)
        assert [block["type"] for block in added.content_blocks] == [b["type"] for b in blocks]
        one.invoke([HumanMessage("Which colour has the sky?"), said, HumanMessage("Sure?")])
        assert server.refused == []


def test_a_conversation_with_images(provider: str) -> None:
    """A system message, turns of others, and images in LangChain's two forms are taken."""
    forms: list[dict[str, Any]] = [
        {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    with LoopbackServer([WireTurn(text="A pixel.")]) as server:
        for form in forms:
            question = HumanMessage([{"type": "text", "text": "What is it?"}, form])
            said = [SystemMessage("Be brief."), HumanMessage("Hi."), AIMessage("Hello."), question]
            assert model(provider, server).invoke(said).content == "A pixel."
            body = str(server.requests[-1].body)
            assert PIXEL in body
            assert "Be brief." in body
        assert server.refused == []


@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream"])
async def test_an_error_in_the_middle(provider: str, way: str) -> None:
    """An answer that breaks off is an exception which says who failed, and is not asked again."""
    turn = WireTurn(text="Blue, as far as I see.", error="overloaded", after=5)
    with LoopbackServer([turn]) as server:
        one = BackendChatModel(backend=SEATS[provider].open(server.origin), max_retries=2)
        ways: dict[str, Callable[[], Any]] = {
            "invoke": lambda: one.invoke("Q?"),
            "stream": lambda: list(one.stream("Q?")),
            "ainvoke": lambda: one.ainvoke("Q?"),
            "astream": lambda: _read(one.astream("Q?")),
        }
        with pytest.raises(OverloadedError, match=r"127\.0\.0\.1.*It went wrong"):
            await _awaited(ways[way]())
        assert len(server.requests) == 1
        await one.aclose()


def test_another_model(provider: str) -> None:
    """A call may name another model; what nobody knows the price of has none."""
    with LoopbackServer([WireTurn(text="Hi.")]) as server:
        said = model(provider, server).invoke("Q?", model="nova-1")
        assert server.requests[0].model == "nova-1"
        assert said.response_metadata["model_name"] == "nova-1"
        assert "cost_usd" not in said.response_metadata


async def test_structured_output_by_schema(provider: str) -> None:
    """With `json_schema` the provider holds the text itself, and no tool is offered."""
    with LoopbackServer(brain) as server:
        asked = model(provider, server)
        by_class = asked.with_structured_output(Report, method="json_schema")
        assert isinstance(await by_class.ainvoke("Rain?"), Report)
        schema = Report.model_json_schema()
        by_schema = asked.with_structured_output(schema, method="json_schema", include_raw=True)
        said = await by_schema.ainvoke("Rain?")
        await asked.aclose()
    assert server.refused == []
    assert not any(request.body.get("tools") for request in server.requests)
    assert (list(said["parsed"]), said["parsing_error"]) == (["summary"], None)


async def test_structured_output_that_does_not_fit(provider: str) -> None:
    """With `include_raw` a text that does not fit is told, with what went wrong."""
    with LoopbackServer([WireTurn(text="Rain.")]) as server:
        asked = model(provider, server)
        held = asked.with_structured_output(Report, method="json_schema", include_raw=True)
        said = await held.ainvoke("Rain?")
        await asked.aclose()
    assert (said["raw"].text, said["parsed"]) == ("Rain.", None)
    assert isinstance(said["parsing_error"], OutputParserException)


def test_structured_output_of_a_model_that_takes_none(provider: str) -> None:
    """A model that cannot be held to a schema says so when it is asked for."""
    with LoopbackServer(brain) as server:
        asked = model(provider, server)
    asked.backend.takes_output_schema = False
    with pytest.raises(UserError, match="takes no JSON schema"):
        asked.with_structured_output(Report, method="json_schema")
