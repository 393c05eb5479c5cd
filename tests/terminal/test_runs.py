"""A run before a person: the first one ever, the live view, Ctrl-C, and going on."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from .pty import Stream, Terminal

pytestmark = [pytest.mark.soak, pytest.mark.skipif(os.name != "posix", reason="POSIX has them")]

WITHOUT_ENGINE = """\
import sys

class Blocked:
    def find_spec(self, name, *_):
        if name == "xllamacpp":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""
SLOW_RUN = ["run", "-c", "slow.yaml", "Where is it?"]
LINES = ["--display", "terminal"]


def restored(term: Terminal) -> bool:
    """Whether a terminal is as it was: a cursor, an echo, and the screen that was there."""
    return (term.cursor_hidden, term.alternate, term.echo) == (False, False, True)


def test_the_first_use(tmp_path: Path) -> None:
    """Without a config, a key or any other word, the model that is embedded answers."""
    pytest.importorskip("xllamacpp")
    words = ["run", "Name a planet.", "--set", "policy.run_deadline_s=60"]
    with Terminal(words, cwd=tmp_path, stdout=Stream.PIPE) as term:
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
        term.wait_for("Let me think.")
        assert term.cursor_hidden
        for rows, cols in [(20, 60), (40, 140), (5, 20), (30, 100)]:
            term.resize(rows, cols)
            term.wait_for("bob" if cols > 20 else re.compile(r"\S"))
        assert term.status == 0
        assert restored(term)
        term.wait_for("It is **Paris**.")
    assert b"Traceback" not in term.output


@pytest.mark.parametrize("display", [[], LINES], ids=["live", "lines"])
def test_ctrl_c_and_going_on(desk: Path, display: list[str]) -> None:
    """The run stops at once, says how to go on, and goes on; nothing is paid for twice."""
    with Terminal([*SLOW_RUN, *display], cwd=desk, rows=40, cols=140) as term:
        term.wait_for("Let me think.")
        term.send_keys("c-c")
        term.wait_for("massgraph resume", timeout_s=5)
        assert term.status == 130
        assert restored(term)
        [thread] = set(re.findall(r"go on with it: massgraph resume (\w+)", term.text))
        assert "Traceback" not in term.text
    with Terminal(["resume", thread, "--json"], cwd=desk, stdout=Stream.PIPE) as term:
        assert term.status == 0
    told = json.loads(term.piped)
    assert told["answer"] == "It is **Paris**."
    assert told["usage"]["alice"]["calls"] == 3, "a draft, a vote, and presenting: each once"
    assert (told["usage"]["bob"]["calls"], told["usage"]["bob"]["stopped"]) == (3, 1)
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


@pytest.mark.parametrize("display", [[], LINES], ids=["live", "lines"])
def test_a_second_ctrl_c(desk: Path, display: list[str]) -> None:
    """Who does not want to wait for a tool that ignores it is out at once, and can go on."""
    (desk / "stubborn.py").write_text(STUBBORN)
    turns = "[{tool_calls: [{name: ponder}]}]"
    (desk / "stubborn.yaml").write_text(
        f"agent: {{tools: ['stubborn:tool'], backend: {{type: scripted, turns: {turns}}}}}"
    )
    with Terminal(["run", "-c", "stubborn.yaml", "q?", *display], cwd=desk, cols=140) as term:
        term.wait_for("ponder")
        term.send_keys("c-c")
        term.wait_for("Ctrl-C again quits at once")
        assert term.running
        term.send_keys("c-c")
        assert term.wait(5) == 130
        assert restored(term)
        assert re.search(r"left at once; go on with it: massgraph resume \w+", term.text)
