"""`massgraph chat` off a terminal: a question a line, and the answers alone on stdout."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from massgraph.cli.editor_keys import Words
from massgraph.cli.history import MOST_BYTES, KeptHistory, open_history
from massgraph.cli.stdin_lines import stdin_lines

from ..cli.conftest import Cli
from ..cli.conftest import cli as cli
from ..cli.conftest import folder as folder

ANSWER = b"It is **Paris**.\n"


def test_a_question_a_line(cli: Cli) -> None:
    """Each answer is printed with a newline; there is no prompt, and no greeting."""
    ended = cli("chat", "-c", "team.yaml", stdin=b"One?\r\n\n /status\nTwo?")
    assert (ended.status, ended.out) == (0, 2 * ANSWER)
    assert "last run  settled: alice, by consensus" in ended.err
    assert not any(line.startswith("> ") for line in ended.err.splitlines())
    assert "/help" not in ended.err


def test_results_and_events(cli: Cli) -> None:
    """With --json a result a line; with --events each event; all on one thread, given or new."""
    ended = cli("chat", "-c", "team.yaml", "--quiet", "--json", stdin=b"One?\nTwo?\n")
    threads = [result["thread_id"] for result in ended.events]
    assert [result["answer"] for result in ended.events] == ["It is **Paris**."] * 2
    assert len(set(threads)) == 1
    ended = cli("chat", "--thread", threads[0], "--events", "--quiet", stdin=b"Three?\n")
    assert (ended.status, ended.events[-1]["type"]) == (0, "run_finished")
    assert {event["thread_id"] for event in ended.events} == set(threads)
    assert [agent["id"] for agent in ended.events[0]["agents"]] == ["alice", "bob"], "its own team"


def test_the_last_status_counts(cli: Cli, folder: Path) -> None:
    """No answer is told on stderr, and the next line is asked; the end has the last status."""
    (folder / "refused.yaml").write_text(
        "agent: {id: alice, backend: {type: scripted, turns: [{error: auth}]}}"
    )
    ended = cli("chat", "-c", "refused.yaml", "--quiet", "-o", "out.txt", stdin=b"One?\nTwo?\n")
    assert (ended.status, ended.out) == (3, b"")
    assert ended.err.count("no agent has produced an answer") == 2
    ended = cli("chat", "-c", "team.yaml", "--quiet", "-o", "out.txt", stdin=b"One?\n/q\nTwo?")
    assert (ended.status, ended.out, ended.err) == (0, ANSWER, "")
    assert (folder / "out.txt").read_bytes() == ANSWER.rstrip()


def test_nothing_to_ask(cli: Cli) -> None:
    """An empty input is no mistake, and what is known before the first question is one."""
    assert cli("chat", "-c", "team.yaml").status == 0
    for words, said in {
        ("-c", "none.yaml"): "there is no such file",
        ("--model", "openai:gpt-5.4"): "OPENAI_API_KEY",
        ("--thread", "a b"): "can't be a thread's id",
        ("--models", "A", "B", "--consensus", "2"): "A",
        ("--json", "--events"): "do not go together",
        ("why?",): "unexpected extra argument",
    }.items():
        ended = cli("chat", *words, stdin=b"One?\n")
        assert (ended.status, ended.out) == (2, b""), words
        assert said in ended.err


def test_a_line_that_is_no_text(cli: Cli) -> None:
    """It is told, and the others are asked; a byte-order mark is none of the question."""
    ended = cli("chat", "-c", "team.yaml", "--quiet", "--json", stdin=b"\xef\xbb\xbf/status\nOne?")
    assert "thread " in ended.err
    assert len(ended.events) == 1


async def test_lines_that_are_no_text(tmp_path: Path) -> None:
    """A line that is not UTF-8 is told by its number; the last one needs no end."""
    long = "x" * 200_000
    (tmp_path / "lines").write_bytes(b"\xef\xbb\xbfone\r\n\xff\n\n%b\r\nfour" % long.encode())
    told: list[str] = []
    with (tmp_path / "lines").open() as stream:
        lines = [line async for line in stdin_lines(stream, told.append)]
    assert lines == ["one", "", long, "four"]
    assert told == ["line 2 of stdin is not UTF-8 text: it is not asked"]
    assert [line async for line in stdin_lines(None, told.append)] == []


def test_the_history_is_private(tmp_path: Path) -> None:
    """It is in a file for its user alone; a link is not followed, and a large file is halved."""
    path = tmp_path / "chat_history"
    kept, trouble = open_history(lambda: path)
    kept.append_string("two\nlines")
    kept.append_string("half \udce4")
    assert (trouble, path.stat().st_mode & 0o777) == (None, 0o600)
    assert isinstance(kept, KeptHistory)
    again, _ = open_history(lambda: path)
    assert list(again.load_history_strings()) == ["half ?", "two\nlines"]

    link = tmp_path / "link"
    link.symlink_to(path)
    _, trouble = open_history(lambda: link)
    assert trouble is not None
    assert "is a link" in trouble

    path.write_text("".join(f"\n# then\n+{number:0100}\n" for number in range(MOST_BYTES // 100)))
    again, _ = open_history(lambda: path)
    left = list(again.load_history_strings())
    assert int(left[0]) == MOST_BYTES // 100 - 1
    assert 0.4 < len(left) / (MOST_BYTES // 100) < 0.6
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_history_that_cannot_be_kept(tmp_path: Path) -> None:
    """The chat goes on without its file."""
    kept, trouble = open_history(lambda: tmp_path / "none" / "chat_history")
    kept.append_string("one")
    assert trouble is not None
    assert kept.get_strings() == ["one"]


@pytest.mark.parametrize(
    ("begun", "words"),
    [("/", ["/a", "/bc"]), ("/B", ["/bc"]), ("", []), ("x /b", []), ("/a b", [])],
)
def test_the_first_word_is_completed(begun: str, words: list[str]) -> None:
    """Commands are completed at the beginning, and nothing else."""
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    known = Words([("/a", "one"), ("/bc", "two")])
    found = known.get_completions(Document(begun), CompleteEvent())
    assert [completion.text for completion in found] == words


def test_json_lines_are_lines(cli: Cli) -> None:
    """A result has no line break in it, whatever the answer has."""
    ended = cli("chat", "-c", "team.yaml", "--json", "--quiet", stdin=b"a\\nb?\n")
    [line] = io.BytesIO(ended.out)
    assert json.loads(line)["outcome"] == "settled"
