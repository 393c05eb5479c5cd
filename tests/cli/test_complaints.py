"""What is said when something is wrong with the place where threads are kept: what to do next."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from massgraph.backends.errors import StoreError
from massgraph.graphs.broken import told
from massgraph.store.complaints import one_line
from massgraph.store.opening import open_storage

from .conftest import Cli

RUN = ("run", "--quiet", "-c", "team.yaml", "q?")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep threads in a folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_state_folder_that_cannot_be(cli: Cli, state: Path) -> None:
    """Where a file is in its place, the one line names it, and two ways out; the second works."""
    state.write_text("a file")
    for words in (RUN, ("threads", "ls")):
        ended = cli(*words)
        assert (ended.status, ended.out) == (1, b"")
        assert f"can't be made (File exists: {state}). Set XDG_STATE_HOME to" in ended.err
        assert ended.err.endswith("or keep nothing: --db memory: --no-logs\n")
        assert len(ended.err.splitlines()) == 1
    assert cli(*RUN, "--db", "memory:", "--no-logs").out == b"It is **Paris**.\n"


def test_a_database_that_is_none(cli: Cli, folder: Path) -> None:
    """A run that nothing was begun of did not break: its store cannot be used, and that is said."""
    (folder / "notes").write_text("Buy milk.\n" * 99)
    ended = cli(*RUN, "--db", "sqlite:///notes")
    assert ended.status == 1
    start = f"massgraph: error: The database sqlite:///{folder}/notes is no SQLite database"
    assert ended.err.startswith(start)
    assert (folder / "notes").read_text().startswith("Buy milk.")


def test_a_store_that_fails_in_the_middle() -> None:
    """A run that had begun broke, and it is said where."""
    exc = StoreError("The database is full.")
    exc.add_note("During task with name 'restart' and id 'x'")
    assert told("The run", exc) == "The run broke at 'restart': The database is full."


@pytest.mark.parametrize(
    "words",
    [
        ("threads", "ls"),
        ("threads", "show", "t"),
        ("threads", "fork", "t"),
        ("threads", "rm", "t"),
        ("threads", "prune", "--older-than", "1d"),
        ("resume", "t"),
    ],
)
def test_a_database_that_is_not_there(cli: Cli, folder: Path, words: tuple[str, ...]) -> None:
    """Who looks for threads in a mistyped path hears of it, and no file is made there."""
    ended = cli(*words, "--db", "sqlite:///missing/threads.db")
    assert ended.status == 2
    assert f"There is no database sqlite:///{folder}/missing/threads.db." in ended.err
    assert not (folder / "missing").exists()


def test_a_thread_that_is_running(cli: Cli, folder: Path) -> None:
    """A second run says what can be done, and so does whoever would remove it."""

    async def meanwhile() -> list[str]:
        storage = open_storage(f"sqlite:///{folder}/t.db")
        store = await storage.opened()
        assert store.index is not None
        await store.index.begin("t", "Why?", None)
        async with store.hold("t"):
            words = [(*RUN, "--thread", "t"), ("threads", "rm", "t")]
            ran = [await asyncio.to_thread(cli, *one, "--db", "sqlite:///t.db") for one in words]
        await storage.aclose()
        assert [one.status for one in ran] == [2, 2]
        return [one.err for one in ran]

    for err in asyncio.run(meanwhile()):
        assert "A run is going on on the thread 't' already: wait for its end or stop it" in err


def test_the_lines_of_an_error_are_parted() -> None:
    """What a database's own library says in several lines can be read in one."""
    said = 'connection to "db" failed: refused\n\tIs it up?\n'
    assert one_line(OSError(said)) == 'connection to "db" failed: refused; Is it up'


def test_the_steps_of_a_thread(cli: Cli) -> None:
    """Each one tells how many answers and votes it holds: what a fork begins with."""
    assert cli(*RUN, "--thread", "t").status == 0
    shown = cli("threads", "show", "t").out.decode()
    last = re.findall(r"(\d+) answers?, (\d+) votes? +next", shown)[-1]
    assert last == ("1", "2")
    step = cli("threads", "show", "t", "--json").json["steps"][-1]
    assert (step["answers"], step["votes"]) == (["alice"], {"alice": "alice", "bob": "alice"})
    assert (step["round"], step["epoch"]) == (2, 2)


def test_a_fork_with_a_wrong_key(cli: Cli) -> None:
    """It names what somebody may want to change, and not all that the machine keeps."""
    assert cli(*RUN, "--thread", "t").status == 0
    err = cli("threads", "fork", "t", "--set", "color=red").err
    assert err.endswith(
        "can't change 'color'; it may change: "
        "question, answers, votes, failures, notes, abstained, winner, answer.\n"
    )


KEY = "sk-proj-Zq0123456789abcdefQz"


@pytest.mark.parametrize(
    "words",
    [
        (KEY,),
        ("run", f"--{KEY}", "q?"),
        ("run", "--set", f"agents.0.{KEY}=1", "-c", "team.yaml", "q?"),
        ("validate", KEY),
        ("schema", KEY),
        ("resume", KEY, "--db", "memory:"),
        ("models", "--provider", KEY),
        ("init", "--yes", "--graph", KEY, "-"),
    ],
    ids=" ".join,
)
def test_a_key_in_the_wrong_place_is_not_repeated(words: tuple[str, ...], cli: Cli) -> None:
    """Whoever pastes one where something else belongs finds it in no log of a terminal."""
    ended = cli(*words)
    assert (ended.status, ended.out) == (2, b"")
    assert "Zq0123".lower() not in ended.err.lower()
    assert "[redacted]" in ended.err


def test_a_word_that_ends_like_a_key_begins_is_none(cli: Cli) -> None:
    """Files are named as they are called."""
    assert cli("validate", "risk-assessment.yaml").err.startswith("risk-assessment.yaml:1:1:")
