"""`massgraph batch`, in this process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Cli, scripted

TWO = '{"id": "a", "question": "Why?", "tag": "x"}\n"How?"\n'


@pytest.fixture(autouse=True)
def one_agent(folder: Path) -> None:
    """Let one agent answer: that is quick."""
    (folder / "one.json").write_text(scripted({"new_answer": "Paris"}))
    (folder / "nobody.json").write_text(scripted({"error": "auth"}))
    (folder / "q.jsonl").write_text(TWO)


def results(name: str = "r.jsonl") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in Path(name).read_text().splitlines()]
    return sorted(lines, key=lambda line: line["line"])


def test_each_question_gets_a_line(cli: Cli) -> None:
    """With its id, its line, what else it said, and the result object; stdout is empty."""
    ended = cli("batch", "q.jsonl", "-o", "r.jsonl", "-c", "one.json")
    first, second = results()
    assert (ended.status, ended.out) == (0, b"")
    assert (first["id"], first["line"], first["metadata"]) == ("a", 1, {"tag": "x"})
    assert (second["id"], second["line"], second["metadata"]) == (2, 2, {})
    assert first["result"]["answer"] == "Paris"
    assert "2 questions: 2 answered; " in ended.err.splitlines()[-1]
    assert cli("threads", "ls").out.count(b"batch-") == 0


def test_what_is_done_is_not_asked_again(cli: Cli, folder: Path) -> None:
    """More questions may come; what was asked stays as it was."""
    cli("batch", "q.jsonl", "-o", "r.jsonl", "-c", "one.json")
    before = Path("r.jsonl").read_bytes()
    (folder / "q.jsonl").write_text(f'{TWO}"Who?"\n')
    ended = cli("batch", "q.jsonl", "-o", "r.jsonl", "-c", "nobody.json", "--quiet")
    assert Path("r.jsonl").read_bytes().startswith(before)
    assert ended.status == 3
    assert ended.err == (
        f"massgraph: error: 1 of 3 have no answer: {folder / 'r.jsonl'} says why; "
        "--retry-failed asks them again\n"
    )


def test_bad_lines_harm_no_other(cli: Cli, folder: Path) -> None:
    """Each has a result that says what is wrong with it; the status tells."""
    (folder / "q.jsonl").write_bytes(
        b'{"question":\n"Why?"\n\xff\n\n{"id": 2, "question": "How?"}\n'
    )
    ended = cli("batch", "q.jsonl", "-o", "r.jsonl", "-c", "one.json")
    assert ended.status == 3
    assert [line["line"] for line in results()] == [1, 2, 3, 5]
    assert [line.get("error", "").split(":")[0] for line in results()] == [
        "line 1",
        "",
        "line 3",
        "line 5",
    ]
    assert "4 questions: 1 answered, 3 bad lines" in ended.err


def test_failed_ones_are_asked_again_when_that_is_wanted(cli: Cli, folder: Path) -> None:
    """Their lines go, what they had used is carried on, and a bad line may have been mended."""
    (folder / "q.jsonl").write_text('"Why?"\n{}\n')
    assert cli("batch", "q.jsonl", "-o", "r.jsonl", "-c", "nobody.json").status == 3
    (folder / "q.jsonl").write_text('"Why?"\n"How?"\n')
    ended = cli("batch", "q.jsonl", "-o", "r.jsonl", "-c", "one.json")
    assert (ended.status, len(results())) == (2, 2)
    assert "line 2 of the questions was bad" in ended.err
    again = ("batch", "q.jsonl", "-o", "r.jsonl", "-c", "one.json", "--retry-failed")
    assert cli(*again).status == 0
    first, second = results()
    assert first["result"]["answer"] == second["result"]["answer"] == "Paris"
    assert first["earlier_usage"]["calls"] == 1
    assert cli(*again).status == 0
    assert len(results()) == 2


def test_a_budget_is_for_the_whole_batch(cli: Cli, folder: Path) -> None:
    """What was used before counts, and the rest is asked when there is more."""
    (folder / "q.jsonl").write_text("".join(f'"{n}?"\n' for n in range(5)))
    words = ("batch", "q.jsonl", "-o", "r.jsonl", "-c", "one.json", "--quiet", "-j", "1")
    calls = json.loads(cli("run", "-c", "one.json", "--json", "0?").out)["usage"]["total"]["calls"]
    limit = ("--max-calls", str(3 * calls))
    ended = cli(*words, *limit)
    assert (ended.status, len(results())) == (3, 3)
    assert "--max-calls): 2 were not asked; raise it, and run the same command" in ended.err
    assert cli(*words, *limit).status == 3
    assert len(results()) == 3
    assert (cli(*words).status, len(results())) == (0, 5)


def test_results_may_go_to_stdout(cli: Cli) -> None:
    """Then nothing is kept, and stderr says so."""
    ended = cli("batch", "-", "-o", "-", "-c", "one.json", stdin=b'"Why?"')
    assert ended.json["result"]["answer"] == "Paris"
    assert ended.status == 0
    assert "a batch that is stopped begins anew" in ended.err


def test_without_logs_there_is_no_folder_for_them(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `-v` says comes all the same, where progress is shown."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    words = ("batch", "q.jsonl", "-o", "r.jsonl", "-c", "one.json", "--no-logs")
    ended = cli(*words, "--db", "sqlite:///t.db", "-v")
    assert ended.status == 0
    assert ended.err.count("INFO massgraph.run run ended") == 2
    assert not list(folder.rglob("runs*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told(cli: Cli) -> None:
    """With one line, and what to do."""
    ended = cli("batch", "q.jsonl", "-o", "/dev/full", "-c", "one.json", "--quiet")
    assert ended.status == 1
    assert ended.err.splitlines()[1:] == [
        "massgraph: error: /dev/full can't be written: No space left on device.",
        "massgraph: error: stopped; results went to no file: what is missing is asked anew",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("q.jsonl",), "Missing option '-o'"),
        (("q.jsonl", "-o", "q.jsonl"), "these are the questions"),
        (
            ("q.jsonl", "-o", "other.jsonl"),
            "belongs to other questions: it has a result for the question 'z'",
        ),
        (("q.jsonl", "-o", "one.json"), "line 1 is no result of a batch"),
        (("none.jsonl", "-o", "r.jsonl"), "The questions none.jsonl can't be read"),
        (("q.jsonl", "-o", "r.jsonl", "--jobs", "0"), "0 is not in the range"),
        (("q.jsonl", "-o", "r.jsonl", "--max-cost", "nan"), "more than 0"),
        (("q.jsonl", "-o", "r.jsonl", "--max-calls", "-1"), "more than 0"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_asked(
    cli: Cli, folder: Path, words: tuple[str, ...], said: str
) -> None:
    """In one line, with exit status 2."""
    line = '{"v": 1, "id": "z", "line": 1, "digest": "0", "error": "why"}\n'
    (folder / "other.jsonl").write_text(line)
    ended = cli("batch", *words, "-c", "one.json")
    assert ended.status == 2
    assert said in ended.err
    assert (folder / "other.jsonl").read_text() == line
    assert not Path("r.jsonl").exists()


def test_what_the_team_misses_is_no_result(cli: Cli, folder: Path) -> None:
    """It is told once, and not of each question."""
    os.environ.pop("OPENAI_API_KEY", None)
    ended = cli("batch", "q.jsonl", "-o", "r.jsonl", "--model", "openai:gpt-5.4")
    assert ended.status == 2
    assert "OPENAI_API_KEY" in ended.err
    assert not (folder / "r.jsonl").exists()


def test_the_example_is_answered(cli: Cli) -> None:
    """Every line of it is a question."""
    questions = str(ROOT / "examples" / "questions.jsonl")
    assert cli("batch", questions, "-o", "r.jsonl", "-c", "one.json").status == 0
    assert [line["id"] for line in results()] == ["mars", "venus", "total", 4]
