"""Whatever ids, names and links say: nothing is written or removed outside the state folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from massgraph import Agent, MassgraphError, ScriptedBackend, Team, Threads, UserError
from massgraph.record.recorder import Recorder
from massgraph.store.locks import FileLocks
from massgraph.store.paths import run_folder, runs_dir, state_dir, thread_folder

from .conftest import Cli

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

TEAM = """\
agents:
  - id: alice
    backend: &backend
      type: scripted
      turns:
        - {when: no_answers, new_answer: Paris}
        - {when: answers, vote: first}
  - id: bob
    backend: *backend
"""
SCRIPT = [{"new_answer": "42", "when": "no_answers"}, {"vote": "first", "when": "answers"}]

NASTY = (
    "",
    ".",
    "..",
    "../../x",
    "/tmp/x",
    "//x",
    "a/../../x",
    "a/b",
    "..\\x",
    "C:\\x",
    "a\0b",
    "a\nb",
    "t\n",
    "\x1b[2J",
    "~",
    "$HOME",
    "-rf",
    ".opening",
    "a b",
    "ä",
    "a\u202eb",
    "a\u2044b",
    "*",
    "t" * 129,
    "\ud800",
)
"""Ids that lead elsewhere, or that a file system or a terminal takes for something else."""

Entry = tuple[int, int, int, str]


def listing(folder: Path, *, less: Path | None = None) -> Mapping[str, Entry]:
    """Return all that is below a folder: mode, size, time of its last change, and its target."""
    found: dict[str, Entry] = {}
    for path in sorted(folder.rglob("*")):
        if less is not None and path.is_relative_to(less):
            continue
        told = path.lstat()
        target = str(path.readlink()) if path.is_symlink() else ""
        found[str(path)] = (told.st_mode, told.st_size, told.st_mtime_ns, target)
    return found


@pytest.fixture
def kept(state: Path) -> Path:
    """Write a team, and something beside the state folder that must stay; return that folder."""
    Path("team.yaml").write_text(TEAM)
    for name in ("x", "tmp/x"):
        (state / name).mkdir(parents=True)
        (state / name / "events.jsonl").write_text("precious")
    (state / "state").mkdir()
    return state


def commands(name: str) -> list[tuple[str, ...]]:
    """Return all commands that take a thread's id, those two first that could do most harm."""
    return [
        ("run", "-c", "team.yaml", "--quiet", "--thread", name, "--", "Why?"),
        ("threads", "rm", "--", name),
        ("resume", "--quiet", "--", name),
        ("threads", "show", "--", name),
        ("threads", "fork", "--as", name, "--", "good"),
        ("threads", "fork", "--", name),
        ("threads", "rm", "--", "good", name),
        ("verify", "--", name),
        ("replay", "--quiet", "--", name),
    ]


def test_nasty_ids_on_the_command_line(kept: Path, cli: Cli) -> None:
    """Each command refuses each of them, and leaves everything as it was: in the state, too."""
    assert cli("run", "-c", "team.yaml", "--quiet", "--thread", "good", "Why?") == 0
    outside = listing(kept, less=kept / "state")
    records = listing(kept / "state" / "massgraph" / "runs")
    for name in NASTY:
        for words in commands(name)[: None if name in ("../../x", "/tmp/x", "") else 2]:
            if name == "" and words[0] in ("verify", "replay"):
                continue  # the working folder
            assert cli(*words) == 2, words
        assert listing(kept, less=kept / "state") == outside, name
        assert listing(kept / "state" / "massgraph" / "runs") == records, name
    assert cli("threads", "show", "good") == 0


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.one_of(st.sampled_from(NASTY), st.text(max_size=40)))
def test_any_id_is_refused_or_stays_inside(name: str, state: Path) -> None:
    """A thread's folder, its runs' folders and its lock are each below their own folder."""
    runs = runs_dir()
    for place in (
        lambda: thread_folder(name),
        lambda: run_folder(name, 1),
        lambda: run_folder(name, 10**30),
        lambda: thread_folder(name, state / "elsewhere"),
    ):
        try:
            path = place()
        except UserError:
            continue
        inside = runs if path.is_relative_to(runs) else state / "elsewhere"
        assert path.relative_to(inside).parts[0] == name
        assert os.path.normpath(path) == str(path)


async def test_nasty_ids_in_python(kept: Path) -> None:
    """As on the command line."""
    url = f"sqlite:///{kept}/state/threads.db"
    agents = [Agent(name, ScriptedBackend(SCRIPT)) for name in ("alice", "bob")]
    async with Team(agents, db=url, records=kept / "state" / "runs") as team, Threads(url) as all_:
        await team.arun("Why?", thread_id="good")
        before = listing(kept, less=kept / "state")
        for name in NASTY:
            for use in (
                lambda name: team.arun("Why?", thread_id=name),
                team.aresume,
                all_.get,
                all_.steps,
                all_.is_running,
                all_.rm,
                all_.fork,
                lambda name: all_.fork("good", to=name),
            ):
                with pytest.raises(UserError):
                    await use(name)
        assert listing(kept, less=kept / "state") == before
        assert [row.thread_id for row in await all_.ls()] == ["good"]
    assert {one.name for one in (kept / "state").iterdir()} == {
        "runs",
        "threads.db",
        "threads.db-locks",
    }


@pytest.mark.parametrize("name", ["../../x", "/x", "a\0", "a\n", "a/b", "..", "", "a" * 65])
def test_nasty_ids_of_agents(name: str) -> None:
    """They are refused before anything is built."""
    with pytest.raises(UserError, match="agent"):
        Team([Agent(name, ScriptedBackend(SCRIPT))])


@pytest.mark.parametrize(
    "edits",
    [
        {"answers": {"../../x": "41"}},
        {"answers": {"alice": {"agent": "../../x", "text": "41", "epoch": 1}}},
        {
            "votes": {
                "../../x": {"voter": "../../x", "candidate": "alice", "reason": "", "epoch": 1}
            }
        },
        {"votes": {"bob": {"voter": "bob", "candidate": "../../x", "reason": "", "epoch": 1}}},
        {"failures": {"../../x": {"kind": "auth", "message": "", "round": 1}}},
        {"notes": {"../../x": {}}},
        {"labels": {"agent1": "../../x"}},
        {"run": "../../x"},
        {"messages": []},
        {"../../x": 1},
    ],
)
async def test_a_fork_takes_no_stranger(kept: Path, edits: dict[str, Any]) -> None:
    """No edit of a state brings in an agent that the team has not got."""
    url = f"sqlite:///{kept}/state/threads.db"
    agents = [Agent(name, ScriptedBackend(SCRIPT)) for name in ("alice", "bob")]
    before = listing(kept, less=kept / "state")
    async with Team(agents, db=url) as team, Threads(url) as threads:
        await team.arun("Why?", thread_id="t")
        steps = [one for one in await threads.steps("t") if one.state.get("answers")]
        with pytest.raises(UserError):
            await threads.fork("t", step=steps[0].number, edits=edits, to="f")
        assert [row.thread_id for row in await threads.ls()] == ["t"]
    assert listing(kept, less=kept / "state") == before


FOLDERS = ("massgraph.db-locks", "runs", "runs/t", "runs/t/0001", "runs/t/0001/agents")
FILES = (
    "massgraph.db",
    "massgraph.db-wal",
    "massgraph.db-shm",
    "massgraph.db-journal",
    "massgraph.db-locks/t",
    "massgraph.db-locks/.opening",
    "runs/.room.json",
    "runs/t/0001/result.json",
    "runs/t/0001/agents/alice.txt",
    "runs/t/0001/events.jsonl",
)
OFTEN = ("massgraph.db", *FOLDERS, FILES[-1])
"""Links that are tried each day; of the others, SQLite and the kernel take care."""
LINKS = [
    pytest.param(name, there, rare, id=f"{name} {there} {rare}", marks=[pytest.mark.soak] * rare)
    for name in (*FOLDERS, *FILES)
    for there in (True, False)
    for rare in (False, True)
    if rare or (name in OFTEN and there)
]
USES: tuple[tuple[str, ...], ...] = (
    ("run", "-c", "team.yaml", "--quiet", "--thread", "t", "Why?"),
    ("resume", "--quiet", "t"),
    ("threads", "ls"),
    ("threads", "show", "t"),
    ("threads", "fork", "t", "--as", "f"),
    ("verify", "t"),
    ("replay", "--quiet", "t"),
    ("threads", "prune", "--older-than", "0s"),
    ("threads", "rm", "t"),
)


def plant(link: Path, target: Path, *, folder: bool, there: bool) -> None:
    """Put a link to a folder, or a file, outside the state folder into it."""
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir()
    if there and folder:
        (target / "t" / "0001").mkdir(parents=True)
        (target / "events.jsonl").write_text("precious")
        (target / "t" / "0001" / "events.jsonl").write_text("precious")
    elif there:
        target.write_text("")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


@pytest.mark.parametrize(("name", "there", "rare"), LINKS)
def test_links_are_not_followed(kept: Path, cli: Cli, name: str, there: bool, rare: bool) -> None:
    """One that was there before all, and one that takes the place of what a run has made."""
    folder = kept / "state" / "massgraph"
    target = kept / "outside" / "target"
    plant(folder / name, target, folder=name in FOLDERS, there=there)
    before = listing(kept, less=kept / "state")
    for words in (USES[0], USES[-1]):
        assert cli(*words) in (0, 1, 2), words
        assert listing(kept, less=kept / "state") == before, words
    shutil.rmtree(folder)
    assert cli(*USES[0]) == 0
    made = folder / name
    shutil.rmtree(made, ignore_errors=True)
    made.unlink(missing_ok=True)
    plant(made, target, folder=name in FOLDERS, there=there)
    before = listing(kept, less=kept / "state")
    for words in USES[1:] if rare else (USES[1], USES[5], USES[8]):
        assert cli(*words) in (0, 1, 2), words
        assert listing(kept, less=kept / "state") == before, words


def test_links_inside_a_thread_are_removed_alone(kept: Path, cli: Cli) -> None:
    """Removing a thread removes a link to a folder, and never what is in there."""
    assert cli(*USES[0]) == 0
    inside = kept / "state" / "massgraph" / "runs" / "t" / "0001"
    (inside / "folder").symlink_to(kept / "x")
    (inside / "file").symlink_to(kept / "x" / "events.jsonl")
    before = listing(kept, less=kept / "state")
    assert cli("threads", "rm", "t") == 0
    assert listing(kept, less=kept / "state") == before
    assert not inside.parent.exists()


def test_a_state_folder_that_is_a_link_is_the_users_own(kept: Path, cli: Cli) -> None:
    """Whoever has moved it elsewhere finds everything there, and nothing beside it."""
    (kept / "disk").mkdir()
    (kept / "state" / "massgraph").symlink_to(kept / "disk")
    before = listing(kept, less=kept / "disk")
    for words in (*USES[:-2], USES[-1]):
        assert cli(*words) == 0, words
    assert listing(kept, less=kept / "disk") == before
    assert (kept / "disk" / "massgraph.db").exists()


async def test_links_among_locks(tmp_path: Path) -> None:
    """A folder of locks that leads elsewhere is refused, also by who only looks."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "t").write_text("precious")
    (tmp_path / "locks").symlink_to(tmp_path / "elsewhere")
    locks = FileLocks(tmp_path / "locks")
    before = listing(tmp_path)
    with pytest.raises(MassgraphError, match="is a link"):
        locks.is_held("t")
    with pytest.raises(MassgraphError, match="is a link"):
        async with locks.hold("t"):
            pass
    assert listing(tmp_path) == before


Twist = Callable[[Path, Path], None]


def _pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path, _: Path) -> None:
    path.mkdir()


def _link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


@pytest.mark.parametrize("twist", [_pipe, _folder, _link])
async def test_what_is_no_record_is_left_alone(tmp_path: Path, twist: Twist) -> None:
    """A pipe, a folder or a link in the place of a record: the run goes on without one."""
    outside = tmp_path / "outside"
    outside.write_text("precious")
    folder = tmp_path / "runs" / "t" / "0001"
    folder.mkdir(parents=True)
    twist(folder / "events.jsonl", outside)
    agents = [Agent("alice", ScriptedBackend(SCRIPT))]
    async with Team(agents, db="memory:", records=tmp_path / "runs") as team:
        assert (await team.arun("Why?", thread_id="t")).answer == "42"
    assert outside.read_text() == "precious"
    recorder = await Recorder.open(folder / "events.jsonl")
    await recorder.aclose()
    assert recorder.failure is not None


@pytest.mark.parametrize("name", ["0001.bak", "1abc", "0", "00001", "9" * 200])
async def test_strange_names_among_runs(tmp_path: Path, name: str) -> None:
    """What somebody else has put beside the runs of a thread is no run."""
    (tmp_path / "t" / name).mkdir(parents=True)
    agents = [Agent("alice", ScriptedBackend(SCRIPT))]
    saver = _saver()
    async with Team(agents, checkpointer=saver, records=tmp_path) as team:
        assert (await team.arun("Why?", thread_id="t")).answer == "42"
        assert (await team.arun("Why?", thread_id="t")).answer == "42"
    made = {Path(path).parent.name for path in listing(tmp_path) if path.endswith(".jsonl")}
    assert made == {"0001", "0002"}


def _saver() -> Any:
    from langgraph.checkpoint.memory import InMemorySaver

    return InMemorySaver()


def test_the_state_folder_is_its_users_alone(state: Path, cli: Cli) -> None:
    """Folders can be entered, and files read, by nobody else, whatever the umask says."""
    Path("team.yaml").write_text(TEAM)
    before = os.umask(0)
    try:
        assert cli(*USES[0]) == 0
    finally:
        os.umask(before)
    made = state_dir()
    assert made.is_relative_to(state)
    for path in (made, *made.rglob("*")):
        assert path.lstat().st_mode & 0o077 == 0, path
