"""What a command says of its own work, and what it leaves for people to read."""

from __future__ import annotations

import json
import logging
import re
import threading
import warnings
from pathlib import Path

import pytest

from massgraph.cli import screen
from massgraph.cli.verbosity import StderrLog, lines_through, stderr_log
from massgraph.nodes.event_log import _TOLD, log_event
from massgraph.nodes.events import Event
from massgraph.nodes.log_line import LogLine

from .conftest import Cli, scripted

RUN = ("run", "-c", "team.yaml", "--quiet", "--thread", "t", "Why do rivers rise?")
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.+-]+ (INFO|DEBUG) massgraph\.\w+ (?P<said>[\w ]+?)( \w+=\S+)*"
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep threads in a folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "massgraph"


def said(err: str) -> list[str]:
    """Return what the lines of a log say, without their values."""
    found = [LINE.fullmatch(line) for line in err.splitlines()]
    assert all(found), err
    return [one["said"] for one in found if one is not None]


def test_nothing_is_said_without_v(cli: Cli) -> None:
    """A run that goes well has nothing to say of itself."""
    assert cli(*RUN).err == ""


def test_v_says_what_is_done(cli: Cli, state: Path) -> None:
    """Who, how long and how much, a line each, and at the end where the logs are."""
    ended = cli(*RUN, "-v")
    assert ended.out == b"It is **Paris**.\n"
    told = said(ended.err)
    assert [one for one in told if one != "call ended"] == [
        "store opened",
        "run begun",
        "round opened",
        "turn ended",
        "turn ended",
        "answers accepted",
        "round opened",
        "turn ended",
        "turn ended",
        "winner selected",
        "presenting ended",
        "run ended",
        "logs written",
    ]
    assert told.count("call ended") == 5
    assert "run begun thread_id=t attempt=1 graph=team agents=alice,bob\n" in ended.err
    assert (
        "call ended thread_id=t agent=bob provider=scripted model=script finish_reason="
        in ended.err
    )
    assert f"folder={state}/runs/t/0001\n" in ended.err
    assert "rivers" not in ended.err
    assert "Paris" not in ended.err


def test_vv_says_each_step(cli: Cli) -> None:
    """`-v` counts, also where one is given before the command."""
    first = said(cli("-v", *RUN, "-v").err)
    assert first.count("call begun") == first.count("call ended") == 5
    assert {"turn begun", "vote cast", "verdict", "presenting begun"} <= {*first}
    assert sorted(said(cli(*RUN, "-vv").err)) == sorted(first)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_lines_of_json(cli: Cli, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    """Each with the time, the level, the logger, the words and the values."""
    words: tuple[str, ...] = ("--log-format", "json")
    if by == "variable":
        monkeypatch.setenv("MASSGRAPH_LOG_FORMAT", "json")
        words = ()
    lines = [json.loads(line) for line in cli("-v", *words, *RUN).err.splitlines()]
    assert all(list(line)[:4] == ["time", "level", "logger", "message"] for line in lines)
    [end] = [line for line in lines if line["message"] == "run ended"]
    assert end["level"] == "info"
    assert end["logger"] == "massgraph.run"
    assert (end["thread_id"], end["outcome"], end["calls"]) == ("t", "settled", 5)


def test_what_is_typed_counts_more_than_a_variable(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the command, too; and a form that is none is refused."""
    monkeypatch.setenv("MASSGRAPH_LOG_FORMAT", "json")
    assert said(cli("--log-format", "text", *RUN, "-v").err)
    monkeypatch.setenv("MASSGRAPH_LOG_FORMAT", "xml")
    assert cli(*RUN).status == 2


def test_a_warning_is_said_without_v(cli: Cli, state: Path) -> None:
    """In one line, and the run goes on."""
    (state / "runs").mkdir(parents=True)
    (state / "runs" / "t").touch()
    ended = cli(*RUN)
    assert ended.status == 0
    assert re.fullmatch(
        r"massgraph: warning: The record stops here, the run goes on: .*\n", ended.err
    )


def test_everybodys_warnings_are_told_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of Python and of other libraries, each on one line; what else those say is not ours."""
    with StderrLog().installed(), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("It is old.", DeprecationWarning, stacklevel=1)
        logging.getLogger("httpx").warning("slow\x1b[2J\nserver")
        logging.getLogger("httpx").info("GET /")
        logging.getLogger("massgraph").error("Said elsewhere.", extra={"is_raised": True})
    err = capsys.readouterr().err
    assert err.count("massgraph: warning: ") == err.count("\n") == 2
    assert "It is old." in err
    assert "slow␛[2J server" in err


def test_nothing_is_left_of_a_log() -> None:
    """Neither handler nor level; a library's use has none to begin with."""
    assert stderr_log() is None
    before = logging.getLogger("massgraph").level
    with StderrLog().installed():
        log = stderr_log()
        assert log is not None
        log.louder(2)
    assert stderr_log() is None
    assert logging.getLogger("massgraph").level == before
    with lines_through(print):
        pass


def test_no_key_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of the environment, nor what plainly is one, nor in a traceback."""
    monkeypatch.setenv("MY_API_KEY", 'correct"horse/battery')
    with StderrLog().installed() as _:
        log = stderr_log()
        assert log is not None
        for form in ("text", "json"):
            log.form = form
            logging.getLogger("massgraph").warning("with %s", 'correct"horse/battery')
            logging.getLogger("other").warning("with sk-ant-abcdefgh12345")
            logging.getLogger("massgraph.x").warning(LogLine("with", key='correct"horse/battery'))
            try:
                raise ValueError('correct"horse/battery')
            except ValueError:
                logging.getLogger("massgraph").exception("It broke.")
    err = capsys.readouterr().err
    assert "horse" not in err
    assert "sk-ant" not in err
    assert err.count("[redacted]") >= 8
    assert "Traceback" in err


def test_lines_go_through_a_display(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the thread that shows the run, so that they are mixed into nothing."""
    notes: list[tuple[str, str]] = []

    class Shown:
        def show(self, event: Event) -> None: ...
        def refresh(self) -> None: ...
        def close(self) -> None: ...
        def note(self, text: str) -> None:
            notes.append((text, threading.current_thread().name))

    monkeypatch.setattr(screen, "make_display", lambda *_, **__: Shown())
    ended = cli("run", "-v", "-c", "team.yaml", "Why?")
    assert {name.rpartition("_")[0] for _, name in notes} == {"display"}
    assert said("\n".join(text for text, _ in notes))[1] == "run begun"
    assert "run begun" not in ended.err


def test_no_event_that_is_logged_carries_a_text() -> None:
    """The log knows each type but those of texts."""
    from typing import get_args

    unlogged = {cls.__name__ for cls in get_args(Event)} - {cls.__name__ for cls in _TOLD}
    assert unlogged == {
        "AgentText",
        "AgentReasoning",
        "AnswerText",
        "FinalText",
        "AgentStatus",
    }


def test_an_event_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Also where nobody has set anything up: whoever listens to the library reads it."""
    from massgraph.nodes.events import ToolFinished

    event = ToolFinished(agent="alice", name="a b", result="secret", error=None, seconds=1 / 3)
    with caplog.at_level(logging.INFO, "massgraph"):
        log_event(event)
    [record] = caplog.records
    assert record.getMessage() == (
        'tool ended thread_id="" agent=alice tool="a b" failed=false seconds=0.333333'
    )


# --- the folder ---


def test_threads_show_tells_where_the_logs_are(cli: Cli, state: Path) -> None:
    """Of the last run; a thread without any says nothing of them."""
    cli(*RUN)
    cli(*RUN)
    folder = state / "runs" / "t" / "0002"
    assert f"logs      {folder}\n" in cli("threads", "show", "t").out.decode()
    assert cli("threads", "show", "t", "--json").json["logs"] == str(folder)
    assert sorted(path.name for path in folder.rglob("*")) == [
        "agents",
        "alice.txt",
        "bob.txt",
        "events.jsonl",
        "result.json",
        "run.txt",
        "votes.txt",
    ]
    assert json.loads((folder / "result.json").read_text())["answer"] == "It is **Paris**."


@pytest.mark.parametrize("words", [("--no-logs",), ("--set", "ui.logging_enabled=false")])
def test_without_logs_nothing_is_written(cli: Cli, state: Path, words: tuple[str, ...]) -> None:
    """Neither record nor result, and who asks for them is told that there are none."""
    assert cli(*RUN, *words).status == 0
    assert list((state).rglob("runs/*")) == []
    assert "logs" not in cli("threads", "show", "t").out.decode()
    for command in ("verify", "replay"):
        ended = cli(command, "t")
        assert ended.status == 2
        assert "The record of the thread 't' is gone" in ended.err
    assert "There is no record 'u'" in cli("verify", "u").err


def test_old_runs_make_room(cli: Cli, state: Path) -> None:
    """As the config says."""
    for thread in ("t", "u"):
        words = ("run", "-c", "team.yaml", "--quiet", "--thread", thread, "Why?")
        assert cli(*words, "--set", "ui.log_runs=1").status == 0
    assert [path.name for path in (state / "runs").glob("*/0001")] == ["0001"]
    assert "is gone" in cli("replay", "t").err
    assert cli("replay", "--quiet", "u").status == 0


@pytest.mark.parametrize(
    "value", ["log_runs=0", "log_runs=x", "log_mb=0", "log_mb=-1", "log_mb=.inf"]
)
def test_limits_that_are_none(cli: Cli, value: str) -> None:
    """Are refused; to keep everything is `null`."""
    ended = cli(*RUN, "--set", f"ui.{value}")
    assert ended.status == 2
    assert value.partition("=")[0] in ended.err
    assert cli("validate", "team.yaml").status == 0


def test_a_run_that_is_cut_leaves_logs(cli: Cli, state: Path, folder: Path) -> None:
    """What was said by then is there to read; `no_answer` is a result as well."""
    (folder / "none.yaml").write_text(scripted({"text": "Hm."}, {"error": "auth"}))
    assert cli("run", "-c", "none.yaml", "--quiet", "--thread", "t", "Why?").status == 3
    told = (state / "runs" / "t" / "0001" / "agents" / "alice.txt").read_text()
    assert "says:\n          Hm.\n" in told
    assert "the run is over: no answer" in told
