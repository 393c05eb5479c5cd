"""A run before a person: the first one ever, the live view, Ctrl-C, and going on."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from .pty import Stream, Terminal

pytestmark = [pytest.mark.soak, pytest.mark.skipif(os.name != "posix", reason="POSIX has them")]

WITHOUT_ENGINE = """\
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, *more):
        return None if name == "xllamacpp" else super().find_spec(name, *more)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""
SLOW_RUN = ["run", "-c", "slow.yaml", "Where is it?"]


def fills(seen: list[str], rows: int, cols: int) -> bool:
    """Whether a view fills a screen: it has the agents, the right edge and the last row."""
    agents = all(any(name in row for row in seen) for name in ("alice", "bob"))
    return agents and len(seen) == rows and bool(seen[-1]) and max(map(cell_len, seen)) >= cols - 1


def restored(term: Terminal) -> bool:
    """Whether a terminal is as it was: a cursor, an echo, and the screen that was there."""
    return (term.cursor_hidden, term.alternate, term.echo) == (False, False, True)


def test_the_first_use(tmp_path: Path) -> None:
    """Without a config and without a key, the model that is embedded answers."""
    pytest.importorskip("xllamacpp")
    with Terminal(
        ["run", "--graph", "single", "Name a planet."], cwd=tmp_path, stdout=Stream.PIPE
    ) as term:
        assert term.wait(90) == 0
        assert restored(term)
    assert len(term.piped.strip()) > 2
    assert b"Traceback" not in term.output


def test_the_first_use_without_the_engine(tmp_path: Path) -> None:
    """What is missing is said in one line with the command that installs it, before any call."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_ENGINE)
    with Terminal.shell('PYTHONPATH="$PWD:$PYTHONPATH" $M run q?', cwd=tmp_path, cols=300) as term:
        assert term.status == 2
        [line] = term.text.splitlines()
    assert re.fullmatch(r"massgraph: error: .*xllamacpp.* -m pip install .*", line)


def test_the_live_view_and_another_size(desk: Path) -> None:
    """It fills the terminal, follows its size, and leaves the answer and the terminal in order."""
    with Terminal(SLOW_RUN, cwd=desk, rows=30, cols=100) as term:
        term.wait_for("Paris")
        assert term.cursor_hidden
        for rows, cols in [(20, 60), (40, 140), (30, 100)]:
            term.resize(rows, cols)
            term.wait_for(lambda seen, rows=rows, cols=cols: fills(seen, rows, cols))
        term.resize(5, 20)
        assert term.status == 0
        assert restored(term)
        term.wait_for("It is **Paris**.")
    assert b"Traceback" not in term.output


def test_ctrl_c_and_going_on(desk: Path) -> None:
    """The run stops at once, says how to go on, and goes on; nothing is paid for twice."""
    with Terminal(SLOW_RUN, cwd=desk, rows=40, cols=140) as term:
        term.wait_for("Paris")
        term.send_keys("c-c")
        term.wait_for("massgraph resume", timeout_s=5)
        assert term.status == 130
        assert restored(term)
        [thread] = set(re.findall(r"go on with it: massgraph resume (\w+)", term.text))
        assert "Traceback" not in term.text
    with Terminal(["resume", thread, "--events"], cwd=desk, stdout=Stream.PIPE) as term:
        assert term.status == 0
    told = [json.loads(line) for line in term.piped.splitlines()]
    assert told[-1]["result"]["answer"] == "It is **Paris**."
    drafts = [one for one in told if one["type"] == "call_ended" and one["round"] == 1]
    assert [one["agent"] for one in drafts if not one["replayed"]] == ["bob"]
    with Terminal(["verify", thread], cwd=desk) as term:
        assert term.status == 0


STUBBORN = """\
import asyncio
from langchain_core.tools import StructuredTool

async def wait() -> str:
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass

tool = StructuredTool.from_function(coroutine=wait, name="ponder", description="Wait.")
"""


def test_a_second_ctrl_c(desk: Path) -> None:
    """Who does not want to wait for a tool that ignores it is out at once, and can go on."""
    (desk / "stubborn.py").write_text(STUBBORN)
    turns = "[{tool_calls: [{name: ponder}]}]"
    (desk / "stubborn.yaml").write_text(
        f"agent: {{tools: ['stubborn:tool'], backend: {{type: scripted, turns: {turns}}}}}"
    )
    with Terminal(["run", "-c", "stubborn.yaml", "q?"], cwd=desk, cols=140) as term:
        term.wait_for("ponder")
        term.send_keys("c-c")
        term.wait_for("Ctrl-C again quits at once")
        assert term.running
        term.send_keys("c-c")
        assert term.wait(5) == 130
        assert restored(term)
        assert re.search(r"left at once; go on with it: massgraph resume \w+", term.text)
