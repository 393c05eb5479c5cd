"""Threads that are damaged: what is told of them, and that what is said to help does help."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from .conftest import Cli
from .test_threads import asked_once as asked_once
from .test_threads import ids, kept
from .test_threads import rivers as rivers
from .test_threads import state as state

LOST = (
    "DELETE FROM massgraph_threads WHERE thread_id = 'rivers'",
    "DELETE FROM massgraph_heads WHERE thread_id = 'rivers'",
    "DELETE FROM massgraph_replies WHERE thread_id = 'rivers'",
)


def damage(state: Path, *statements: str) -> None:
    """Do something to the user's database that massgraph does not do."""
    with closing(sqlite3.connect(state / "massgraph.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def offered(told: str) -> list[tuple[str, ...]]:
    """Return the commands that a message names, less the program's name."""
    return [tuple(words.split()) for words in re.findall(r"massgraph (threads \w+ \w+)", told)]


def test_a_row_that_is_lost_with_its_head(cli: Cli, rivers: str, state: Path) -> None:
    """Each command says that the row is missing; the thread can be forked, and removed."""
    kept("other")
    damage(state, *LOST)
    assert "1 are there of 2" in cli("threads", "ls").err
    said = cli("verify", rivers).out.decode()
    assert "its row in the list of threads is missing" in said
    fork, remove = offered(said)
    for words in (
        ("threads", "show"),
        ("resume",),
        ("run", "-c", "team.yaml", "q?", "--quiet", "--thread"),
    ):
        ended = cli(*words, rivers)
        assert (ended.status, ended.err.count("\n")) == (1, 1), words
        assert "its row in the list of threads is missing" in ended.err
    assert cli(*fork, "--as", "saved").status == 0
    assert cli(*remove).status == 0
    assert cli("threads", "rm", rivers).status == 2
    assert sorted(ids(cli)) == ["other", "saved"]


def test_a_fork_that_was_killed(cli: Cli, rivers: str, state: Path) -> None:
    """What it has left keeps its id, until it is removed."""
    assert cli("threads", "fork", rivers, "--as", "hills").status == 0
    damage(state, *(statement.replace("rivers", "hills") for statement in LOST))
    again = cli("threads", "fork", rivers, "--as", "hills")
    assert (again.status, again.out) == (1, b"")
    assert ("threads", "rm", "hills") in offered(again.err)
    assert cli("threads", "rm", "hills").status == 0
    assert cli("threads", "fork", rivers, "--as", "hills").status == 0
    assert sorted(ids(cli)) == ["hills", rivers]


def test_another_programs_thread(cli: Cli, rivers: str, state: Path) -> None:
    """Steps of a graph that is none of ours are no thread that has lost its row."""
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import END, START, MessagesState, StateGraph

    graph: Any = StateGraph(MessagesState).add_node("say", lambda state: {"messages": ["hi"]})
    graph.add_edge(START, "say").add_edge("say", END)
    with SqliteSaver.from_conn_string(str(state / "massgraph.db")) as saver:
        graph.compile(saver).invoke({"messages": []}, {"configurable": {"thread_id": "theirs"}})
    for words in (("show",), ("rm",), ("fork",)):
        ended = cli("threads", *words, "theirs")
        assert (ended.status, "There is no thread 'theirs'." in ended.err) == (2, True)
    with closing(sqlite3.connect(state / "massgraph.db")) as connection:
        rows = connection.execute("SELECT count(*) FROM checkpoints WHERE thread_id = 'theirs'")
        assert rows.fetchone()[0] > 0


def test_a_list_with_a_damaged_row(cli: Cli, rivers: str, state: Path) -> None:
    """The others are listed, its own line says that it is damaged, and stderr says how."""
    kept("other", ended="settled", ago_s=90)
    damage(state, "UPDATE massgraph_threads SET sum = 'x' WHERE thread_id = 'rivers'")
    ended = cli("threads", "ls")
    [broken, whole] = ended.out.decode().splitlines()
    assert (ended.status, broken.split()) == (1, [rivers, "damaged"])
    assert whole.startswith("other ")
    assert ended.err.count("\n") == 1
    assert offered(ended.err) == [("threads", "fork", rivers), ("threads", "rm", rivers)]
    told = cli("threads", "ls", "--json").events[0]
    assert set(told) == {"thread_id", "state", "damage"}
    assert (told["thread_id"], told["state"]) == (rivers, "damaged")
    assert "is not what was written" in told["damage"]
    assert cli("threads", "prune", "--older-than", "0s").out == b"other\n"
    assert cli("threads", "rm", rivers).status == 0
    assert (cli("threads", "ls").status, ids(cli)) == (0, [])


def test_no_step_is_left(cli: Cli, rivers: str, state: Path) -> None:
    """It says so, and how to remove the thread; no step is offered."""
    damage(state, "DELETE FROM checkpoints")
    ended = cli("threads", "fork", rivers)
    assert (ended.status, "None" in ended.err) == (2, False)
    assert "has no steps, or none any more" in ended.err
    assert offered(ended.err) == [("threads", "rm", rivers)]
    assert offered(cli("verify", rivers).out.decode()) == [("threads", "rm", rivers)]


def test_the_first_step_of_a_fork_is_damaged(cli: Cli, rivers: str, state: Path) -> None:
    """It has the number that it had: it is counted from the first one that is whole."""
    assert cli("threads", "fork", rivers, "--step", "3", "--as", "hills").status == 0
    assert cli("resume", "hills", "--quiet").status == 0
    before = [one["step"] for one in cli("threads", "show", "hills", "--json").json["steps"]]
    damage(
        state,
        "UPDATE checkpoints SET checkpoint = x'00' WHERE checkpoint_id IN (SELECT checkpoint_id "
        "FROM checkpoints WHERE thread_id = 'hills' ORDER BY checkpoint_id LIMIT 2)",
    )
    after = cli("threads", "show", "hills", "--json").json["steps"]
    assert before[:2] == [3, 4]
    assert [one["step"] for one in after] == before
    assert ["damage" in one for one in after[:3]] == [True, True, False]


def test_a_config_that_was_lost(cli: Cli, rivers: str, state: Path) -> None:
    """A fork of a thread without its row says why it needs a config, and takes one."""
    damage(state, "UPDATE massgraph_threads SET sum = 'x'")
    assert cli("threads", "fork", rivers, "--step", "3", "--as", "saved").status == 0
    assert cli("threads", "fork", "saved", "--as", "again").status == 0
    for name in ("saved", "again"):
        ended = cli("resume", name)
        assert (ended.status, "was lost, with the row" in ended.err) == (2, True)
        assert "give one, -c FILE" in ended.err
        assert cli("resume", name, "-c", "team.yaml").out == b"It is **Paris**.\n"
