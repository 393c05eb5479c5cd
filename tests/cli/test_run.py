"""`massgraph run`: what it prints, and how it ends."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from massgraph import Usage

from ..backends.loopback import LoopbackServer, http_error
from .conftest import ROOT, Cli, scripted

NASTY = "back\\slash **bold** 😀\r\n--- </answer> <<<agent1>>> \x1b[31m\u202e\u2028 e\u0301 \x00 end\r\n"


def test_stdout_is_the_answer_alone(cli: Cli) -> None:
    """Stdout holds the answer and one newline; progress goes to stderr."""
    ended = cli("run", "-c", "team.yaml", "What is the capital of France?")
    assert (ended.status, ended.out) == (0, b"It is **Paris**.\n")
    assert "bob   : votes for alice: It is right." in ended.err
    assert "*     : winner: alice (by consensus)" in ended.err
    assert "*     : calls  tokens in  cached  out     cost" in ended.err
    assert "\x1b" not in ended.err


def test_the_scripted_example(cli: Cli) -> None:
    """The example drafts, improves late, votes with reasons, and presents."""
    example = str(ROOT / "examples" / "scripted.yaml")
    ended = cli("run", "-c", example, "--json", "How many moons does Mars have?")
    result = ended.json
    assert result["answer"] == "Mars has two moons: **Phobos** and **Deimos**."
    assert (result["winner"], result["settled_by"], result["rounds"]) == ("bob", "rule", 3)
    assert [vote["reason"] for vote in result["dissent"]] == ["The question asks for the number alone."]  # fmt: skip
    assert "alice, carol stopped, because bob has a new answer" in ended.err


def test_quiet(cli: Cli) -> None:
    """With --quiet there is no progress."""
    ended = cli("run", "-c", "team.yaml", "--quiet", "q?")
    assert (ended.status, ended.out, ended.err) == (0, b"It is **Paris**.\n", "")


def test_the_result_object(cli: Cli) -> None:
    """--json prints the result object, of exactly the promised shape."""
    ended = cli("run", "-c", "team.yaml", "--json", "q?")
    result = ended.json
    used = set(Usage.__dataclass_fields__)
    assert ended.status == 0
    assert ended.out.endswith(b"}\n")
    assert ended.out.count(b"\n") == 1
    assert [set(result["usage"][name]) for name in ("total", "alice", "bob")] == [used] * 3
    assert isinstance(result.pop("duration_s"), float)
    assert len(result.pop("thread_id")) == 32
    assert result.pop("usage")["total"]["calls"] == 5
    ballots = [
        {"voter": name, "candidate": "alice", "reason": "It is right."} for name in ("alice", "bob")
    ]
    assert result == {
        "v": 1,
        "answer": "It is **Paris**.",
        "outcome": "settled",
        "settled_by": "consensus",
        "winner": "alice",
        "answers": {"alice": "Paris"},
        "votes": ballots,
        "dissent": [],
        "presented": "present",
        "rounds": 2,
        "failures": {},
    }


def test_a_typed_answer(cli: Cli, folder: Path) -> None:
    """With an output type the object has the answer's value; a run without one has no such key."""
    turns = "[{new_answer: Two.}, {when: present, text: '{\"moons\": 2}'}]"
    agent = f"agent: {{id: alice, backend: {{type: scripted, turns: {turns}}}}}\n"
    policy = "policy: {output_type: {type: object, required: [moons]}}\n"
    (folder / "typed.yaml").write_text(agent + policy)
    result = cli("run", "-c", "typed.yaml", "--json", "q?").json
    assert (result["answer"], result["output"]) == ('{"moons": 2}', {"moons": 2})
    assert "output" not in cli("run", "-c", "team.yaml", "--json", "q?").json


def test_events(cli: Cli) -> None:
    """--events prints numbered events as JSON lines, the last one with the result."""
    events = cli("run", "-c", "team.yaml", "--events", "q?").events
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert all({"v", "seq", "t", "type", "thread_id"} <= set(event) for event in events)
    assert (events[0]["type"], events[-1]["type"]) == ("run_started", "run_finished")
    assert events[-1]["result"]["answer"] == "It is **Paris**."


def test_json_and_events_do_not_go_together(cli: Cli) -> None:
    """Two things cannot both be stdout."""
    ended = cli("run", "-c", "team.yaml", "--json", "--events", "q?")
    assert (ended.status, ended.out) == (2, b"")


def test_byte_for_byte(cli: Cli, folder: Path) -> None:
    """The answer is the model's, byte for byte, wherever it goes."""
    (folder / "nasty.json").write_text(scripted({"new_answer": NASTY}))
    printed = cli("run", "-c", "nasty.json", "-o", "answer.txt", "q?")
    as_json = cli("run", "-c", "nasty.json", "--json", "q?")
    as_events = cli("run", "-c", "nasty.json", "--events", "q?")
    assert printed.out == NASTY.encode() + b"\n"
    assert (folder / "answer.txt").read_bytes() == NASTY.encode()
    assert as_json.json["answer"] == as_json.json["answers"]["alice"] == NASTY
    assert as_events.events[-1]["result"]["answer"] == NASTY
    assert not any(control in printed.err for control in ("\x1b", "\u202e", "\x00", "\r"))


def test_no_answer(cli: Cli, folder: Path) -> None:
    """Without an answer the status is 3, stdout is empty, and stderr says why."""
    (folder / "failing.json").write_text(scripted({"error": "rate_limit"}))
    sets = ("--set", "policy.attempts=1")
    ended = cli("run", "-c", "failing.json", *sets, "--quiet", "-o", "answer.txt", "q?")
    assert (ended.status, ended.out) == (3, b"")
    assert ended.err.startswith("massgraph: error: no agent has produced an answer: alice: rate_limit: ")  # fmt: skip
    assert not (folder / "answer.txt").exists()
    result = cli("run", "-c", "failing.json", *sets, "--json", "q?").json
    assert (result["outcome"], result["answer"]) == ("no_answer", None)
    assert result["failures"]["alice"]["kind"] == "rate_limit"


def test_equal_failures_are_told_once(cli: Cli, folder: Path) -> None:
    """Agents that failed for the same reason share their line's place."""
    backend = "{type: scripted, turns: [{error: auth}]}"
    agents = ", ".join(f"{{id: {name}, backend: {backend}}}" for name in ("alice", "bob"))
    (folder / "failing.yaml").write_text(f"agents: [{agents}]")
    err = cli("run", "-c", "failing.yaml", "--quiet", "q?").err
    assert "no agent has produced an answer: alice, bob: auth: " in err
    assert err.count("auth: ") == 1


def test_an_env_file_with_a_broken_line(cli: Cli, folder: Path) -> None:
    """The line is named, in our own words, and the run goes on."""
    (folder / ".env").write_text("OTHER=1\n\n  broken line\n")
    ended = cli("run", "-c", "team.yaml", "--quiet", "q?")
    assert (ended.status, ended.out) == (0, b"It is **Paris**.\n")
    assert ended.err == ".env:3:1: warning: this is not NAME=VALUE; it is left out\n"


def test_a_server_that_is_not_there(cli: Cli) -> None:
    """An unreachable server is no answer, with the failure named."""
    url = "backend_params.base_url=http://127.0.0.1:9/v1"
    words = ("--model", "chat_completions:m", "--set", url, "--set", "policy.attempts=1")
    ended = cli("run", *words, "--json", "q?")
    assert ended.status == 3
    assert ended.json["failures"]["agent_1"]["kind"] == "connection"


async def test_no_key_in_any_output(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key reaches its server, and nothing else."""
    monkeypatch.setenv("MY_KEY", "sk-very-secret-1")
    async with LoopbackServer([http_error(401)]) as server:
        sets = ("--set", f"backend_params={{base_url: '{server.base_url}', api_key_env: MY_KEY}}")
        for form in ("--events", "--json"):
            ended = await asyncio.to_thread(
                cli, "-v", "run", "--model", "chat_completions:m", *sets, form, "q?"
            )
            assert ended.status == 3
            assert "very" not in ended.out.decode() + ended.err
        assert server.requests[0].headers["authorization"] == "Bearer sk-very-secret-1"


def test_a_bug_of_ours(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody has foreseen is one line and status 1; -v shows where."""

    def broken(*_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("massgraph.cli.asking.ask", broken)
    ended = cli("run", "-c", "team.yaml", "q?")
    assert (ended.status, ended.out) == (1, b"")
    assert ended.err == "massgraph: error: RuntimeError: oops (-v for the traceback)\n"
    assert "in broken" in cli("run", "-v", "-c", "team.yaml", "q?").err
    assert "in broken" in cli("-v", "run", "-c", "team.yaml", "q?").err


def test_a_run_that_breaks(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that breaks still has a result, and the status is 1."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("massgraph.graphs.coordination.verdict", broken)
    ended = cli("run", "-c", "team.yaml", "--json", "--quiet", "q?")
    assert ended.status == 1
    assert ended.json["outcome"] == "failed"
    assert "oops" in ended.err
    assert json.loads(ended.out)["usage"]["total"]["calls"] == 2
