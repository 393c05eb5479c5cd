"""`massgraph resume`, and what `run` keeps for it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from massgraph.config import load_config
from massgraph.store.locks import FileLocks
from massgraph.store.opening import default_storage, open_storage

from ..wire.brain import brain
from ..wire.reply import Reply, Request, silence
from ..wire.server import LoopbackServer
from ..wire.turn import WireTurn
from .conftest import TEAM, Cli, started

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

WIRED = """\
agents:
  - {id: alice, backend: {type: chat_completions, model: alice, base_url: "URL", KEY}}
  - {id: bob, backend: {type: chat_completions, model: bob, base_url: "URL", KEY}}
policy: {on_new_answer: finish}
"""
CANARY = "sk-canary-4ab1Fq0ZpTnB7eXwVuKd"
WORDS = ("run", "-c", "wired.yaml", "--thread", "t", "--json", "Why?")
KEYED = tuple(word.replace("wired", "keyed") for word in WORDS)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep threads in a folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "massgraph"


class Stopping:
    """Answers as a team's models do; bob's first reply never comes, and Ctrl-C does instead."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> WireTurn | Reply:
        """Answer a request."""
        self.asked.append(request)
        if request.model == "bob" and self.count("bob") == 1:
            threading.Thread(target=self._stop).start()
            return silence()
        return brain(request)

    def count(self, model: str) -> int:
        """Return how often a model was asked."""
        return [request.model for request in self.asked].count(model)

    def _stop(self) -> None:
        until = time.monotonic() + 5
        while not self.count("alice") and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(0.1)  # alice's reply is stored by then
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def mind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopping]:
    """Serve two models, which `wired.yaml` names, and take Ctrl-C as an exit of the command."""

    def leave(status: int) -> None:
        raise SystemExit(status)

    monkeypatch.setattr("massgraph.cli.signals.os._exit", leave)
    mind = Stopping()
    with LoopbackServer(mind) as server:
        config = WIRED.replace("URL", server.base_url)
        (folder / "wired.yaml").write_text(config.replace(", KEY", ""))
        (folder / "keyed.yaml").write_text(config.replace("KEY", f"api_key: {CANARY}"))
        yield mind


def died(thread: str, config: str, db: str | None = None, *, goes_on: bool = False) -> None:
    """Leave a thread whose process has died before it asked anybody, or anybody again."""

    async def note() -> None:
        storage = default_storage() if db is None else open_storage(db)
        index = (await storage.opened()).index
        assert index is not None
        if goes_on:
            await index.resume(thread)
        else:
            await index.begin(thread, "Why?", load_config(config).stored)
        await storage.aclose()

    asyncio.run(note())


def everything(folder: Path) -> bytes:
    """Return the bytes of all files in a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_ctrl_c_says_how_to_go_on(cli: Cli, mind: Stopping) -> None:
    """The thread is kept, and the command that goes on asks nobody whose reply is stored."""
    ended = cli(*WORDS)
    assert (ended.status, ended.json["outcome"]) == (130, "cancelled")
    said = "massgraph: error: interrupted: the run was cancelled; "
    assert ended.err.splitlines()[-1] == f"{said}go on with it: massgraph resume t"
    before = list(mind.asked)
    ended = cli("resume", "t", "--json")
    assert (ended.status, ended.json["outcome"], ended.json["thread_id"]) == (0, "settled", "t")
    bodies = [request.body for request in mind.asked[len(before) :]]
    assert next(one.body for one in before if one.model == "alice") not in bodies
    assert next(one.body for one in before if one.model == "bob") in bodies, "it was never answered"
    assert ended.json["usage"]["alice"]["calls"] == mind.count("alice")


def test_a_run_that_is_over(cli: Cli, mind: Stopping) -> None:
    """Its result is printed once more, in any form, and nobody is asked."""
    cli(*WORDS)
    result = cli("resume", "t", "--json")
    mind.asked.clear()
    again = cli("resume", "t", "--json")
    assert (again.status, again.out, again.err) == (0, result.out, "")
    assert cli("resume", "t").out.decode() == f"{result.json['answer']}\n"
    cli("resume", "t", "-o", "answer.txt", "--quiet")
    assert Path("answer.txt").read_text() == result.json["answer"]
    assert not mind.asked


def test_without_its_config(cli: Cli, folder: Path) -> None:
    """The config is stored with the thread, and its file is needed no more."""
    died("t", "team.yaml")
    (folder / "team.yaml").unlink()
    ended = cli("resume", "t")
    assert (ended.status, ended.out) == (0, b"It is **Paris**.\n")


def test_with_another_config(cli: Cli, folder: Path) -> None:
    """-c goes before what is stored, and --set is put over either."""
    died("t", "team.yaml")
    (folder / "other.yaml").write_text(TEAM.replace("It is **Paris**.", "Paris!"))
    assert cli("resume", "t", "-c", "other.yaml").out == b"Paris!\n"
    died("u", "team.yaml")
    assert cli("resume", "u", "--set", "policy.final=reuse").out == b"Paris\n"


def test_a_config_with_other_agents(cli: Cli, folder: Path, mind: Stopping) -> None:
    """A run goes on with the agents that it was begun with, or not at all."""
    cli(*WORDS)
    (folder / "other.yaml").write_text(TEAM.replace("id: bob", "id: carol"))
    ended = cli("resume", "t", "-c", "other.yaml")
    assert (ended.status, ended.out) == (2, b"")
    assert "The run is one of alice, bob, and can't go on with alice, carol." in ended.err
    assert cli("resume", "t").status == 0, "nothing is lost by it"


@pytest.mark.parametrize("words", [("-c", "debate.yaml"), ("--set", "graph=debate")])
def test_a_run_goes_on_in_its_own_graph(words: tuple[str, ...], cli: Cli, folder: Path) -> None:
    """Another one has other steps and other rules: it is refused, and nothing is lost by it."""
    died("t", "team.yaml")
    (folder / "debate.yaml").write_text(f"graph: debate\n{TEAM}")
    ended = cli("resume", "t", *words)
    assert (ended.status, ended.out) == (2, b"")
    assert "begun in the graph 'team', and can't go on in 'debate'" in ended.err
    assert cli("resume", "t").status == 0


def test_a_new_question_on_a_run_that_was_not_over(cli: Cli) -> None:
    """It begins a run of its own, and says that it leaves the other one."""
    left = "the last run on this thread was not over; it is left, and a new one begins"
    died("t", "team.yaml")
    words = ("run", "-c", "team.yaml", "--thread", "t", "And now?")
    first, second = cli(*words), cli(*words)
    assert (first.status, first.err.splitlines()[0]) == (0, left)
    assert second.status == 0
    assert left not in second.err
    assert left not in cli("resume", "t").err


@pytest.mark.parametrize("option", ["--graph", "--system-message"])
def test_options_that_change_a_stored_team(option: str, cli: Cli) -> None:
    """They are refused rather than passed over; with a config they go into it."""
    died("t", "team.yaml")
    ended = cli("resume", "t", option, "debate")
    assert (ended.status, ended.out) == (2, b"")
    assert f"{option} does not change a team that is stored" in ended.err
    assert cli("threads", "ls", "--json").json["state"] == "interrupted", "it was not begun"
    if option == "--system-message":
        assert cli("resume", "t", "-c", "team.yaml", option, "Be brief.").status == 0


@pytest.mark.parametrize(
    ("db", "then"),
    [
        ("memory:", "it is not stored, so ask again to start afresh"),
        ("sqlite:///kept.db", "go on with it: massgraph resume t --db sqlite:///{folder}/kept.db"),
    ],
)
def test_ctrl_c_with_a_store_elsewhere(
    db: str, then: str, cli: Cli, mind: Stopping, folder: Path
) -> None:
    """The command that goes on names the store; there is none where nothing lasts."""
    ended = cli(*WORDS, "--db", db)
    assert ended.status == 130
    assert ended.err.splitlines()[-1].endswith(f"; {then.format(folder=folder.resolve())}")
    if db != "memory:":
        shown = cli("threads", "show", "t", "--db", db).out.decode()
        assert "go on     " + then.format(folder=folder.resolve())[15:] in shown
        assert cli(*then.format(folder=folder.resolve()).split()[5:]).status == 0


def test_an_end_that_was_told_and_not_stored(cli: Cli, state: Path) -> None:
    """A process may die between the two: that is no damage, and the end comes once more."""
    first = cli("run", "-c", "team.yaml", "--thread", "t", "q?")
    with closing(sqlite3.connect(state / "massgraph.db")) as database, database:
        database.execute(
            "DELETE FROM checkpoints WHERE checkpoint_id = (SELECT max(checkpoint_id) "
            "FROM checkpoints WHERE checkpoint_ns = '')"
        )
    lost = cli("verify", "t")
    assert lost.status == 1, "the thread was over, and its last step is gone"
    assert b"is not what the events give" in lost.out
    died("t", "team.yaml", goes_on=True)
    assert cli("verify", "t").status == 0
    assert cli("resume", "t").out == first.out
    assert cli("verify", "t").status == 0


def test_an_unknown_thread(cli: Cli) -> None:
    """One line says so."""
    ended = cli("resume", "nowhere")
    assert (ended.status, ended.out) == (2, b"")
    said = "massgraph: error: There is no thread 'nowhere'"
    assert ended.err.startswith(said)
    assert ended.err.count("\n") == 1


def test_a_key_of_the_config(
    cli: Cli, state: Path, folder: Path, mind: Stopping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept nowhere and printed nowhere; the run goes on with that of the environment."""
    config = (folder / "keyed.yaml").read_text().replace("chat_completions", "openai")
    (folder / "keyed.yaml").write_text(config)
    ended = cli(*KEYED)
    assert mind.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    before = len(mind.asked)
    lacking = cli("resume", "t", "--json")
    assert (lacking.status, lacking.out) == (2, b"")
    assert "OPENAI_API_KEY" in lacking.err
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    again = cli("resume", "t", "--json")
    assert again.status == 0, again.err
    keys = {request.headers.get("authorization") for request in mind.asked[before:]}
    assert keys == {"Bearer sk-of-the-environment"}
    kept = everything(state)
    assert b"Why?" in kept
    assert CANARY.encode() not in kept + ended.out + again.out + lacking.out
    assert CANARY not in ended.err + again.err + lacking.err


def test_a_key_that_the_environment_does_not_bring(
    cli: Cli, mind: Stopping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of one's own gets no other's key: the config is needed, or it would refuse."""
    cli(*KEYED)
    before = len(mind.asked)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    ended = cli("resume", "t")
    assert (ended.status, ended.out, len(mind.asked)) == (2, b"", before)
    assert "agents.0.backend.api_key" in ended.err
    assert "-c FILE" in ended.err
    assert cli("resume", "t", "-c", "keyed.yaml").status == 0
    assert {one.headers["authorization"] for one in mind.asked} == {f"Bearer {CANARY}"}


def test_secrets_that_are_no_keys(cli: Cli, folder: Path, state: Path) -> None:
    """Variables of an MCP server are not kept either, and only the config itself brings them."""
    server = f"{{command: cat, env: {{TICKET: {CANARY}}}}}"
    (folder / "tools.yaml").write_text(f"{TEAM}mcp_servers: {{files: {server}}}\n")
    died("t", "tools.yaml")
    assert CANARY.encode() not in everything(state)
    ended = cli("resume", "t")
    assert (ended.status, ended.out) == (2, b"")
    assert "mcp_servers.files.env.TICKET" in ended.err
    assert "-c FILE" in ended.err


def test_a_thread_that_runs(cli: Cli, state: Path) -> None:
    """One run a thread: a second one is refused, a new one as well as one that goes on."""
    died("t", "team.yaml")
    words = (("resume", "t"), ("run", "-c", "team.yaml", "--thread", "t", "q?"))
    holding = FileLocks(state / "massgraph.db-locks").hold("t")
    with asyncio.Runner() as runner:
        runner.run(holding.__aenter__())
        refused = [cli(*one) for one in words]
        runner.run(holding.__aexit__(None, None, None))
    assert [(one.status, one.out) for one in refused] == [(2, b"")] * 2
    assert all("going on" in one.err for one in refused)
    assert cli("resume", "t").status == 0


def test_two_processes(cli: Cli) -> None:
    """A thread that a process runs is its own until it ends, however it does."""
    with started("run", "-c", "hanging.yaml", "--thread", "t", "q?") as process:
        assert process.stderr is not None
        next(line for line in process.stderr if b"round 1" in line)
        assert cli("threads", "ls", "--json").json["state"] == "running"
        refused = cli("resume", "t")
        kept = cli("threads", "rm", "t")
        process.kill()
        process.wait(20)
    assert [refused.status, kept.status] == [2, 2]
    assert "going on" in refused.err
    assert cli("threads", "ls", "--json").json["state"] == "interrupted"
    Path("now.yaml").write_text(TEAM.partition("  - id: bob")[0])
    assert cli("resume", "t", "-c", "now.yaml").out == b"Paris\n"


def test_in_memory(cli: Cli, state: Path) -> None:
    """`memory:` leaves nothing, so there is nothing to go on with."""
    assert cli("run", "-c", "team.yaml", "--db", "memory:", "--thread", "t", "q?").status == 0
    assert not (state / "massgraph.db").exists()
    assert cli("resume", "t", "--db", "memory:").status == 2


@pytest.mark.parametrize("url", ["sqlite:///deep/er/threads.db", "sqlite:////ABSOLUTE/threads.db"])
def test_a_file_elsewhere(url: str, cli: Cli, folder: Path, state: Path) -> None:
    """A path may be relative or absolute; threads of one file are not those of another."""
    url = url.replace("/ABSOLUTE", str(folder / "elsewhere"))
    died("t", "team.yaml", url)
    assert cli("resume", "t", "--db", url).out == b"It is **Paris**.\n"
    assert len(list(folder.glob("**/threads.db"))) == 1
    assert cli("resume", "t").status == 2


@pytest.mark.parametrize(
    "url", ["", "sqlite:///", "sqlite://x", "mysql://me:hidden@host/db", "threads.db", "memory"]
)
@pytest.mark.parametrize("words", [("run", "-c", "team.yaml", "q?"), ("resume", "t")])
def test_a_url_of_nothing(url: str, words: tuple[str, ...], cli: Cli) -> None:
    """One line says what there is; a password is not shown."""
    ended = cli(*words, "--db", url)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, b"", 1)
    assert "sqlite:///PATH" in ended.err
    assert "hidden" not in ended.err


def test_without_a_record(cli: Cli, state: Path) -> None:
    """--no-logs writes no events, and the run goes on all the same."""
    words = ("run", "-c", "team.yaml", "--thread", "t", "--no-logs", "--json", "q?")
    result = cli(*words).json
    assert not list(state.rglob("events.jsonl"))
    assert cli("resume", "t", "--no-logs", "--json").json == result
    died("u", "team.yaml")
    assert cli("resume", "u", "--no-logs").status == 0
    assert not list(state.rglob("events.jsonl"))


ODD = [
    "../../x",
    "/etc/passwd",
    "a/b",
    "..",
    ".hidden",
    "a\\b",
    "a\nb",
    "a\x1b[31m",
    "a b",
    "-a",
    "ä",
    "",
    "x" * 129,
]


@pytest.mark.parametrize("thread", ODD)
@pytest.mark.parametrize("words", [("run", "-c", "team.yaml", "q?", "--thread"), ("resume",)])
def test_odd_ids(thread: str, words: tuple[str, ...], cli: Cli, folder: Path, state: Path) -> None:
    """They are refused, and nothing is written outside the state directory."""
    before = set(folder.rglob("*"))
    given = ("--", thread) if words[-1] == "resume" else (thread,)
    ended = cli(*words, *given)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, b"", 1), ended.err
    assert "\x1b" not in ended.err
    new = set(folder.rglob("*")) - before - {state.parent}
    assert all(path == state or path.is_relative_to(state) for path in new)
    assert not list(state.rglob("*.jsonl"))


@pytest.mark.parametrize(
    "words",
    [("run", "-c", "team.yaml", "q?"), ("resume", "t"), ("threads", "ls"), ("verify", "t")],
)
def test_a_state_directory_that_cannot_be_made(
    words: tuple[str, ...], cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says so, before anybody is asked."""
    (folder / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "file"))
    ended = cli(*words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, b"", 1)
    assert "can't be made" in ended.err
