"""The result: an object for programs, and the JSON object of the command line."""

from __future__ import annotations

import dataclasses
import json

import pytest

from massgraph import Agent, Result, RunError, ScriptedBackend, Team, event_to_json

ALICE = [
    {"new_answer": "A."},
    {"vote": "agent1", "reason": "It is \\n right."},
    {"text": "Final: 🙂\r\n", "when": "present"},
]
BOB = [{"new_answer": "B."}, {"vote": "agent2", "reason": "No."}]
USAGE = {
    "calls": int,
    "retries": int,
    "stopped": int,
    "input_tokens": int,
    "cached_tokens": int,
    "output_tokens": int,
    "reasoning_tokens": int,
    "wasted_tokens": int,
    "cost_usd": type(None),
}


def run() -> Result:
    """Return the result of a run with an answer, dissent and a failure."""
    carol = Agent("carol", ScriptedBackend([{"error": "auth"}]))
    agents = [Agent("alice", ScriptedBackend(ALICE)), Agent("bob", ScriptedBackend(BOB)), carol]
    return Team(agents).run("Q?")


def failed() -> Result:
    """Return the result of a run without an answer."""
    return Team([Agent("alice", ScriptedBackend([{"error": "auth"}]))]).run("Q?")


def test_the_result_object() -> None:
    """Exactly these keys, in this order, and all of it JSON."""
    result = run().to_dict()
    assert list(result) == [
        "v",
        "answer",
        "outcome",
        "settled_by",
        "winner",
        "answers",
        "votes",
        "dissent",
        "presented",
        "duration_s",
        "rounds",
        "failures",
        "thread_id",
        "usage",
    ]
    assert json.loads(json.dumps(result)) == result
    assert result["v"] == 1
    assert result["answer"] == "Final: 🙂\r\n"
    assert list(result["answers"].items()) == [("alice", "A."), ("bob", "B.")]
    assert result["votes"] == [
        {"voter": "alice", "candidate": "alice", "reason": "It is \\n right."},
        {"voter": "bob", "candidate": "bob", "reason": "No."},
    ]
    assert result["dissent"] == result["votes"][1:]
    assert list(result["failures"]) == ["carol"]
    assert set(result["failures"]["carol"]) == {"kind", "message", "round"}
    assert result["rounds"] == 2


def test_the_usage_of_every_agent_has_every_field() -> None:
    """Also of one that was never heard; a price that is not known is null, never 0."""
    usage = run().to_dict()["usage"]
    assert list(usage) == ["total", "alice", "bob", "carol"]
    for used in usage.values():
        assert {key: type(value) for key, value in used.items()} == USAGE
    assert usage["total"]["calls"] == sum(usage[a]["calls"] for a in ("alice", "bob", "carol"))


def test_the_object_and_its_json_say_the_same() -> None:
    """Field by field."""
    result = run()
    raw = result.to_dict()
    for name in ("answer", "outcome", "settled_by", "winner", "presented", "rounds", "thread_id"):
        assert getattr(result, name) == raw[name]
    votes = [dataclasses.asdict(vote) for vote in result.votes]
    assert [vote.pop("ranking") for vote in votes] == [(), ()]
    assert votes == raw["votes"]
    assert {a: dataclasses.asdict(f) for a, f in result.failures.items()} == raw["failures"]
    assert dataclasses.asdict(result.total) == raw["usage"]["total"]
    assert Result.from_dict(raw) == result
    assert result.cost is None


def test_changing_the_json_does_not_change_the_result() -> None:
    """What a program does with its dict is its own affair."""
    result = run()
    result.to_dict()["answers"]["alice"] = "Changed."
    result.to_dict()["usage"]["total"]["calls"] = 99
    assert result.to_dict()["answers"]["alice"] == "A."
    assert result.to_dict()["usage"]["total"]["calls"] == result.total.calls


def test_an_answer_that_is_required() -> None:
    """It is the answer, or an error that says why there is none."""
    assert run().require_answer() == "Final: 🙂\r\n"
    result = failed()
    assert (result.outcome, result.answer) == ("no_answer", None)
    with pytest.raises(RunError, match="alice: Scripted error: auth"):
        result.require_answer()


def test_an_empty_answer_is_an_answer() -> None:
    """Only None is none."""
    result = dataclasses.replace(run(), answer="")
    assert result.require_answer() == ""


def test_events_are_lines_of_json() -> None:
    """Each begins with its version, number, time and type; the last one holds the result."""
    events = list(Team([Agent("alice", ScriptedBackend(ALICE))]).stream("Q?"))
    lines = [event_to_json(event) for event in events]
    assert all("\n" not in line for line in lines)
    read = [json.loads(line) for line in lines]
    for number, event in enumerate(read, 1):
        assert list(event)[:4] == ["v", "seq", "t", "type"]
        assert (event["v"], event["seq"]) == (1, number)
        assert {"run_attempt", "thread_id", "round", "epoch"} <= set(event)
        if event["type"].startswith(("turn", "agent_", "answer_text", "tool", "action")):
            assert {"agent", "attempt"} <= set(event)
    assert read[-1]["type"] == "run_finished"
    assert list(read[-1]["result"]["usage"]) == ["total", "alice"]
