"""`massgraph threads`: what is kept, forks, and the end of threads."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from massgraph.cli import main
from massgraph.cli.threads import UNITS
from massgraph.config import load_config
from massgraph.store.base import ThreadRow
from massgraph.store.opening import default_storage

from .conftest import TEAM, Cli


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep threads in a folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "massgraph"


@pytest.fixture(scope="module")
def asked_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ask a question on the thread `rivers`, to its end, and return the state directory."""
    home = tmp_path_factory.mktemp("rivers")
    (home / "team.yaml").write_text(TEAM)
    words = ("run", "--quiet", "-c", "team.yaml", "--thread", "rivers", "Why do rivers\nrise?")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        with pytest.raises(SystemExit, match="0"):
            main(words)
    return home / "state" / "massgraph"


@pytest.fixture
def rivers(state: Path, asked_once: Path) -> str:
    """Keep the thread `rivers`, whose run is over."""
    shutil.copytree(asked_once, state)
    return "rivers"


def kept(thread: str, *, ended: str | None = None, ago_s: float = 0.0) -> None:
    """Keep a thread that was begun a while ago; without an end its process has died."""

    async def keep() -> None:
        storage = default_storage()
        index: Any = (await storage.opened()).index
        index._now = lambda: now - ago_s
        await index.begin(thread, "Why?", load_config("team.yaml").stored)
        if ended is not None:
            await index.finish(thread, ended, {"answer": None, "outcome": ended})
        await storage.aclose()

    now = time.time()
    asyncio.run(keep())


def ids(cli: Cli) -> list[str]:
    """Return the ids of all threads, in the order in which they are listed."""
    return [row["thread_id"] for row in cli("threads", "ls", "--json").events]


def test_no_threads(cli: Cli) -> None:
    """There is nothing to print, and a line for a person says so."""
    ended = cli("threads", "ls")
    assert (ended.status, ended.out, ended.err) == (0, b"", "there are no threads\n")


def test_ls(cli: Cli, rivers: str) -> None:
    """One line a thread, the one that changed last first: id, state, time, question."""
    kept("old", ago_s=90)
    kept("gone", ended="cancelled", ago_s=60)
    lines = cli("threads", "ls").out.decode().splitlines()
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"rivers +settled +{when}  Why do rivers rise\?", lines[0])
    assert re.fullmatch(rf"gone +cancelled +{when}  Why\?", lines[1])
    assert re.fullmatch(rf"old +interrupted +{when}  Why\?", lines[2])
    assert cli("threads", "ls", "--limit", "2").out.decode().splitlines() == lines[:2]
    assert cli("threads", "ls", "--limit", "0").status == 2


def test_ls_as_json(cli: Cli, rivers: str) -> None:
    """The whole row, with its state, and without the config."""
    [row] = cli("threads", "ls", "--json").events
    fields = set(ThreadRow.__dataclass_fields__) - {"config", "asked", "before", "damage"}
    assert set(row) == fields | {"state"}
    assert (row["state"], row["question"], row["runs"]) == ("settled", "Why do rivers\nrise?", 1)
    assert row["result"]["answer"] == "It is **Paris**."


def test_show(cli: Cli, rivers: str) -> None:
    """How it stands, and its steps, by the numbers that a fork takes."""
    shown = cli("threads", "show", rivers).out.decode()
    assert shown.startswith("thread    rivers\nstate     settled\n")
    assert "runs      1, the last one in 1 attempt\n" in shown
    assert "answer    It is **Paris**.\n" in shown
    assert "go on" not in shown
    assert shown.endswith("next: the end\n")
    told = cli("threads", "show", rivers, "--json").json
    assert [step["step"] for step in told["steps"]] == list(range(len(told["steps"])))
    assert told["steps"][-1]["next"] == []
    assert shown.count("next: ") == len(told["steps"])


def test_show_one_that_was_interrupted(cli: Cli) -> None:
    """It says how to go on."""
    kept("t")
    shown = cli("threads", "show", "t").out.decode()
    assert "state     interrupted\n" in shown
    assert "go on     massgraph resume t\n" in shown
    assert cli("threads", "show", "t", "--json").json["state"] == "interrupted"


def test_what_is_shown_does_nothing(cli: Cli) -> None:
    """Control characters of a question or an answer reach no terminal."""
    cli("run", "-c", "team.yaml", "--thread", "t", "\x1b[31mred\x07?")
    for words in (("ls",), ("show", "t")):
        out = cli("threads", *words).out
        assert b"red" in out
        assert b"\x1b" not in out
        assert b"\x07" not in out


def test_fork(cli: Cli, rivers: str) -> None:
    """A new thread goes on from a step of another one, with other values."""
    steps = cli("threads", "show", rivers, "--json").json["steps"]
    voting = [one["step"] for one in steps if one["next"] == ["open_round"]][-1]
    words = ("--step", str(voting), "--set", "answers.alice=Lyon", "--as", "other")
    ended = cli("threads", "fork", rivers, *words)
    assert (ended.status, ended.out, ended.err) == (0, b"other\n", "")
    [row] = [one for one in cli("threads", "ls", "--json").events if one["thread_id"] == "other"]
    assert (row["state"], row["forked_from"]) == ("interrupted", "rivers")
    result = cli("resume", "other", "--json").json
    assert (result["answers"], result["outcome"]) == ({"alice": "Lyon"}, "settled")
    assert cli("resume", rivers, "--json").json["answers"] == {"alice": "Paris"}
    assert "fork of   rivers\n" in cli("threads", "show", "other").out.decode()


def test_a_fork_keeps_what_it_does_not_change(cli: Cli, rivers: str) -> None:
    """One answer is set, and the other agent's stays."""
    steps = cli("threads", "show", rivers, "--json").json["steps"]
    voting = [one["step"] for one in steps if one["next"] == ["open_round"]][-1]
    words = ("--step", str(voting), "--set", "answers.bob=9.9", "--as", "other")
    assert cli("threads", "fork", rivers, *words).status == 0
    [step] = cli("threads", "show", "other", "--json").json["steps"]
    assert step["answers"] == ["alice", "bob"]


def test_fork_with_another_question(cli: Cli, rivers: str) -> None:
    """Without an id it gets one, which is printed."""
    ended = cli("threads", "fork", rivers, "--step", "0", "--set", "question=Why do they fall?")
    new = ended.out.decode().strip()
    assert re.fullmatch("[0-9a-f]{32}", new)
    assert cli("resume", new).out == b"It is **Paris**.\n"
    assert cli("threads", "show", new, "--json").json["question"] == "Why do they fall?"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rivers", "--step", "999"), "has no step 999; it has: 0 to "),
        (("rivers", "--step", "1", "--set", "answers.zoe=x"), "There is no agent 'zoe'"),
        (("rivers", "--step", "1", "--set", "nonce=x"), "A fork can't change 'nonce'"),
        (("rivers", "--step", "1", "--set", "votes=x"), "A fork can't take this as votes"),
        (("rivers", "--set", "nothing"), "--set: write it as key.path=value (see "),
        (("rivers", "--as", "rivers"), "There is a thread 'rivers' already."),
        (("nowhere",), "There is no thread 'nowhere'."),
    ],
)
def test_a_fork_that_cannot_be(words: tuple[str, ...], said: str, cli: Cli, rivers: str) -> None:
    """It says why, and leaves nothing behind."""
    ended = cli("threads", "fork", *words)
    assert (ended.status, ended.out) == (2, b"")
    assert said in ended.err
    assert ids(cli) == ["rivers"]


def test_rm(cli: Cli, rivers: str, state: Path) -> None:
    """Everything goes: checkpoints, replies, the row, and the record."""
    kept("other")
    assert (state / "runs" / rivers).is_dir()
    ended = cli("threads", "rm", rivers)
    assert (ended.status, ended.out, ended.err) == (0, b"", "")
    assert ids(cli) == ["other"]
    assert not (state / "runs" / rivers).exists()
    assert b"rivers" not in b"".join(path.read_bytes() for path in state.glob("massgraph.db*[!s]"))
    assert cli("resume", rivers).status == 2


def test_rm_of_some_that_are_not_there(cli: Cli, rivers: str) -> None:
    """Nothing is removed unless all of them can be."""
    ended = cli("threads", "rm", rivers, "nowhere")
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "There is no thread 'nowhere'" in ended.err
    assert ids(cli) == [rivers]
    assert cli("threads", "rm").status == 2


def test_rm_of_one_that_is_damaged(cli: Cli, rivers: str, state: Path) -> None:
    """What the message about the damage says to do can be done."""
    with closing(sqlite3.connect(state / "massgraph.db")) as connection:
        connection.execute("UPDATE massgraph_threads SET sum = 'x'")
        connection.commit()
    said = cli("threads", "show", rivers).err
    assert "massgraph threads fork rivers; or remove it: massgraph threads rm rivers" in said
    assert cli("threads", "fork", rivers, "--as", "saved").status == 0
    assert cli("resume", "saved", "-c", "team.yaml").out == b"It is **Paris**.\n"
    assert cli("threads", "rm", "saved").status == 0
    assert cli("threads", "rm", rivers).status == 0
    assert "there are no threads" in cli("threads", "ls").err


def test_a_damaged_step(cli: Cli, rivers: str, state: Path) -> None:
    """The others are shown, and can be forked: what was paid for is not lost."""
    words = ("--db", f"sqlite:///{state / 'massgraph.db'}")
    steps = cli("threads", "show", rivers, "--json").json["steps"]
    with closing(sqlite3.connect(state / "massgraph.db")) as connection:
        connection.execute(
            "UPDATE checkpoints SET checkpoint = x'00' WHERE checkpoint_id IN "
            "(SELECT checkpoint_id FROM checkpoints ORDER BY checkpoint_id DESC LIMIT 2)"
        )
        connection.commit()
    shown = cli("threads", "show", rivers, *words)
    assert (shown.status, shown.out.decode().count("damaged: it can't be forked\n")) == (0, 2)
    told = cli("threads", "show", rivers, "--json").json["steps"]
    assert told[:-2] == steps[:-2]
    assert [one["step"] for one in told] == [one["step"] for one in steps]
    assert "a checkpoint is not what was written" in told[-1]["damage"]
    last = steps[-1]["step"]
    refused = cli("threads", "fork", rivers)
    assert (refused.status, refused.err.count("\n")) == (1, 1)
    assert f"The step {last} of the thread 'rivers' is damaged; steps that" in refused.err
    assert refused.err.endswith(f", {last - 2}.\n")
    whole = ("--step", str(last - 2), "--set", "answers.alice=Lyon", "--as", "saved")
    assert cli("threads", "fork", rivers, *whole).out == b"saved\n"


def test_prune(cli: Cli, state: Path) -> None:
    """Those that nobody has used for so long go, and their ids are printed."""
    for days in range(4):
        kept(f"days{days}", ended="settled", ago_s=days * 86400 + 60)
    (state / "runs" / "days3" / "0001").mkdir(parents=True)
    assert cli("threads", "prune", "--older-than", "9w").out == b""
    ended = cli("threads", "prune", "--older-than", "1h", "--keep", "3")
    assert (ended.status, ended.out) == (0, b"days3\n")
    assert not (state / "runs" / "days3").exists()
    assert cli("threads", "prune", "--older-than", "2d").out == b"days2\n"
    assert cli("threads", "prune", "--older-than", "1s").out == b"days0\ndays1\n"
    assert ids(cli) == []


@pytest.mark.parametrize("age", ["", "30", "d", "-1d", "1.5d", "30 d", "1y", "9999999d"])
def test_an_age_that_is_none(age: str, cli: Cli) -> None:
    """It says what an age looks like."""
    ended = cli("threads", "prune", "--older-than", age)
    assert (ended.status, ended.out) == (2, b"")
    assert "as in 30d" in ended.err
    assert list(UNITS) == ["s", "m", "h", "d", "w"]


ODD = ["../../x", "/etc/passwd", "..", "a/b", "a\x1b[31m", "x" * 129]


@pytest.mark.parametrize("words", [("show",), ("rm",), ("fork",), ("fork", "rivers", "--as")])
def test_odd_ids(words: tuple[str, ...], cli: Cli, rivers: str, folder: Path) -> None:
    """They are refused, and nothing is written or removed."""
    before = {path for path in folder.rglob("*") if "massgraph.db" not in path.name}
    for thread in ODD:
        ended = cli("threads", *words, thread)
        assert (ended.status, ended.out, ended.err.count("\n")) == (2, b"", 1)
        assert "can't be a thread's id" in ended.err
        assert "\x1b" not in ended.err
    assert {path for path in folder.rglob("*") if "massgraph.db" not in path.name} == before
    assert ids(cli) == ["rivers"]


def test_a_link_in_the_place_of_a_record(cli: Cli, rivers: str, folder: Path, state: Path) -> None:
    """What a link leads to is neither written to nor removed."""
    elsewhere = folder / "elsewhere"
    (state / "runs" / rivers).rename(elsewhere)
    (state / "runs" / rivers).symlink_to(elsewhere)
    before = {path: path.read_bytes() for path in elsewhere.rglob("*.jsonl")}
    cli("threads", "rm", rivers)
    cli("run", "-c", "team.yaml", "--thread", rivers, "q?")
    assert {path: path.read_bytes() for path in elsewhere.rglob("*.jsonl")} == before
    assert before


def test_records_of_two_stores_are_apart(cli: Cli, tmp_path: Path) -> None:
    """A thread of the same id in another store has a record of its own, and goes alone."""
    other = ("--db", f"sqlite:///{tmp_path}/other.db")
    for db in ((), other):
        assert cli("run", "-c", "team.yaml", "--thread", "same", "--quiet", *db, "q?").status == 0
    assert cli("threads", "rm", "same", *other).status == 0
    assert cli("verify", "same", *other).status == 2
    assert cli("verify", "same").status == 0
    assert cli("replay", "same", "--speed", "max", "--quiet").out == b"It is **Paris**.\n"
