"""The small team mind, asked in each protocol, and the command that starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from .asked import Asked, asked
from .brain import coordinate
from .reply import Request
from .test_rules import BODIES, MODEL, TEXT, chat_body, gemini_body, messages_body, responses_body

VOTE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "agent_id": {"type": "string", "enum": ["agent2", "agent3"]},
        "reason": {"type": "string"},
    },
    "required": ["agent_id", "reason"],
}
ANSWER = {"type": "object", "properties": {"content": {"type": "string"}}, "required": ["content"]}


def view(protocol: str, body: dict[str, Any]) -> Asked:
    """Return what is asked by a body."""
    return asked(Request("/", {}, body, 0.0, protocol=protocol, model=MODEL[protocol]))


@pytest.mark.parametrize(
    ("protocol", "system", "builtin"),
    [
        ("chat", "Be brief.", set()),
        ("responses", "", {"web_search", "code_execution"}),
        ("messages", "Be brief.", {"web_search"}),
        ("gemini", "", {"web_search"}),
    ],
)
def test_what_is_asked(protocol: str, system: str, builtin: set[str]) -> None:
    """The same things are read from each protocol."""
    seen = view(protocol, BODIES[protocol]())
    assert (seen.model, seen.system, set(seen.builtin)) == (MODEL[protocol], system, builtin)
    assert list(seen.tools) == ["f"]
    assert seen.messages[0] == ("user", "Rain?")
    assert seen.results == (2 if protocol == "gemini" else 1)


def test_searches_are_seen() -> None:
    """Results of a search are seen where the protocol shows them."""
    assert not view("chat", chat_body()).searched
    assert not view("responses", responses_body()).searched
    assert view("messages", messages_body()).searched
    assert view("gemini", gemini_body()).searched


def offered(protocol: str, *names: str) -> dict[str, Any]:
    """Return a body that offers these actions."""
    schemas = {name: {"vote": VOTE, "new_answer": ANSWER}[name] for name in names}
    flat = [{"name": name, "parameters": schema} for name, schema in schemas.items()]
    tools: dict[str, Any] = {
        "chat": [{"type": "function", "function": one} for one in flat],
        "responses": [{"type": "function", **one} for one in flat],
        "messages": [{"name": name, "input_schema": x} for name, x in schemas.items()],
        "gemini": [{"functionDeclarations": flat}],
    }
    body = {**BODIES[protocol](), "tools": tools[protocol]}
    if protocol == "messages":
        body["system"] = [TEXT]
    return body


@pytest.mark.parametrize("protocol", BODIES)
def test_acts_on_what_is_offered(protocol: str) -> None:
    """It votes where it can, else answers where it can, else presents."""
    [(name, args)] = coordinate(view(protocol, offered(protocol, "vote", "new_answer"))).calls
    assert name == "vote"
    assert isinstance(args, dict)
    assert args["agent_id"] == "agent2"
    [(name, args)] = coordinate(view(protocol, offered(protocol, "new_answer"))).calls
    assert name == "new_answer"
    assert isinstance(args, dict)
    assert MODEL[protocol] in args["content"]
    turn = coordinate(view(protocol, offered(protocol)))
    assert turn.text
    assert turn.calls == ()


def test_thinks_where_the_model_does() -> None:
    """Models that do not reason tell of no reasoning."""
    assert coordinate(Asked(protocol="responses", model="gpt-5.4")).reasoning
    assert coordinate(Asked(protocol="responses", model="gpt-4.1")).reasoning == ""


def test_searches_once() -> None:
    """It searches where that is switched on, until it has seen results."""
    assert coordinate(
        Asked(protocol="gemini", model="m", builtin=frozenset({"web_search"}))
    ).searches
    seen = Asked(protocol="gemini", model="m", builtin=frozenset({"web_search"}), searched=True)
    assert coordinate(seen).searches == ()
    assert coordinate(Asked(protocol="gemini", model="m")).searches == ()


def test_answers_in_the_form_of_a_schema() -> None:
    """Where the output has a schema, it votes or answers in that form."""
    branch = {"type": "object", "properties": {"action": {"const": "new_answer"}, **ANSWER}}
    voting = {
        **VOTE,
        "properties": {"action": {"enum": ["new_answer", "vote"]}, **VOTE["properties"]},
    }
    voting["required"] = ["action", "agent_id", "reason"]
    asked_for = Asked(protocol="gemini", model="m", output_schema={"anyOf": [branch, voting]})
    said = json.loads(coordinate(asked_for).text)
    assert (said["action"], said["agent_id"]) == ("vote", "agent2")
    plain = Asked(protocol="gemini", model="m", output_schema=ANSWER)
    assert json.loads(coordinate(plain).text)["content"].startswith("m answers")


def test_answers_as_json_at_the_end() -> None:
    """Where the prompt tells of the tools in words, the text ends in a call as JSON."""
    words = f"- new_answer: Answers.\n  {json.dumps(ANSWER)}\n- vote: Votes.\n  {json.dumps(VOTE)}"
    text = coordinate(Asked(protocol="gemini", model="m", system=words)).text
    said = json.loads(text.partition("```json")[2].rpartition("```")[0])
    assert (said["tool"], said["arguments"]["agent_id"]) == ("vote", "agent2")


def test_command_runs_with_the_servers_environment() -> None:
    """The command finds the server, and its exit status is handed on."""
    code = (
        "import os, sys, urllib.request\n"
        'body = b\'{"model": "m", "stream": true,'
        ' "messages": [{"role": "user", "content": "x"}]}\'\n'
        "url = os.environ['OPENAI_BASE_URL'] + '/chat/completions'\n"
        "said = urllib.request.urlopen(urllib.request.Request(url, body)).read()\n"
        "assert b'[DONE]' in said\n"
        "sys.exit(7 if os.environ['XAI_BASE_URL'].endswith('/xai/v1') else 1)\n"
    )
    command = [sys.executable, "-m", "tests.wire", "--", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (7, "")


def test_without_a_command_it_serves_until_ctrl_c() -> None:
    """It prints lines for a shell, and Ctrl-C ends it."""
    command = [sys.executable, "-m", "tests.wire"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(8)]
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=20) == 130
    assert lines[0].startswith("export OPENAI_BASE_URL=http://127.0.0.1:")
