"""A batch that is cut at any moment, and goes on: one result a question, nothing paid twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from massgraph.backends.errors import MassgraphError, StoreError
from massgraph.backends.scripted import ScriptedBackend
from massgraph.batch.batch import Batch, Settings, purse_of
from massgraph.batch.desk import batch_name
from massgraph.batch.known import Known
from massgraph.batch.question import Question
from massgraph.batch.questions import Questions
from massgraph.batch.result_file import ResultFile
from massgraph.config import TeamConfig, load_config
from massgraph.store.base import Store, ThreadRow
from massgraph.store.memory import MemoryStorage
from massgraph.threads import Threads

QUESTIONS = 4


class KilledError(BaseException):
    """The process is gone."""


class Bench:
    """A folder with questions, a store that outlives processes, and calls that are counted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.questions = folder / "r.jsonl", folder / "q.jsonl"
        self.questions.write_text("".join(f'"Question {n}?"\n' for n in range(QUESTIONS)))
        self.config: TeamConfig = load_config(folder / "team.yaml")
        self.storage = MemoryStorage()
        self.calls = 0
        count = ScriptedBackend._next_turn

        def counted(backend: ScriptedBackend, tools: Any) -> Any:
            self.calls += 1
            return count(backend, tools)

        monkeypatch.setattr(ScriptedBackend, "_next_turn", counted)

    def process(
        self, prepare: Callable[[Batch, ResultFile], object] = lambda *_: None, **settings: Any
    ) -> Batch:
        """Work the batch off, as a process does."""
        questions = Questions.opened(str(self.questions))
        with closing(questions), closing(ResultFile.open(str(self.path))) as file:
            chosen = Settings(batch=batch_name(str(self.path)), **settings)
            purse = purse_of(self.config, chosen.budget)
            known = Known.of(file, questions.asked, purse, anew=chosen.anew)
            batch = Batch(self.config, questions, file, purse, known, chosen, self.storage)
            prepare(batch, file)
            asyncio.run(batch.run())
        return batch

    @property
    def results(self) -> list[dict[str, Any]]:
        """The lines of the file of results."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def threads(self) -> list[ThreadRow]:
        """The threads that are left."""
        return asyncio.run(Threads(self.storage).ls())


@pytest.fixture
def bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(folder, monkeypatch)


def before_a_line(_: Batch, file: ResultFile) -> None:
    append = file.append

    def killed(data: bytes) -> None:
        if len(list(file.lines())) == 2:
            raise KilledError
        append(data)

    file.append = killed  # type: ignore[method-assign]


def in_a_line(_: Batch, file: ResultFile) -> None:
    append = file.append

    def killed(data: bytes) -> None:
        if len(list(file.lines())) == 2:
            with file.path.open("ab") as cut:
                cut.write(data[: len(data) // 2])
            raise KilledError
        append(data)

    file.append = killed  # type: ignore[method-assign]


def after_a_line(_: Batch, file: ResultFile) -> None:
    append = file.append

    def killed(data: bytes) -> None:
        append(data)
        if len(list(file.lines())) == 2:
            raise KilledError

    file.append = killed  # type: ignore[method-assign]


@pytest.mark.parametrize("moment", [before_a_line, in_a_line, after_a_line])
def test_a_kill_around_a_line_costs_nothing(
    bench: Bench, moment: Callable[[Batch, ResultFile], None]
) -> None:
    """The answer is in its thread: it is not paid again, and written once."""
    with pytest.raises(KilledError):
        bench.process(moment, jobs=1)
    bench.process(jobs=1)
    assert sorted(line["line"] for line in bench.results) == list(range(1, QUESTIONS + 1))
    assert {line["result"]["answer"] for line in bench.results} == {"It is **Paris**."}
    assert bench.calls == sum(one["result"]["usage"]["total"]["calls"] for one in bench.results)
    assert bench.threads() == []


def test_runs_that_were_cut_go_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those under way when it is cancelled are no results, and are not begun anew."""
    count = ScriptedBackend._next_turn
    stopping: list[Batch] = []

    def stopped(backend: ScriptedBackend, tools: Any) -> Any:
        if bench.calls == 18:
            stopping[0].cancel()
        return count(backend, tools)

    monkeypatch.setattr(ScriptedBackend, "_next_turn", stopped)
    batch = bench.process(lambda batch, _: stopping.append(batch), jobs=2)
    left = batch.count.total - batch.count.done
    begun = bench.threads()
    assert 0 < left < QUESTIONS
    assert {row.status for row in begun} == {"cancelled"}
    monkeypatch.setattr(ScriptedBackend, "_next_turn", count)
    bench.process(jobs=2)
    assert sorted(line["line"] for line in bench.results) == list(range(1, QUESTIONS + 1))
    assert bench.threads() == []
    # What was stopped in the middle of a call is asked again, and nothing else.
    assert bench.calls <= 5 * QUESTIONS + len(begun) * len(bench.config.agents)


def test_a_kill_while_failed_ones_are_asked_again(bench: Bench, folder: Path) -> None:
    """What had failed and is not asked yet is asked by the next command; each has one result."""
    team = bench.config
    (folder / "none.yaml").write_text("agent: {backend: {type: scripted, turns: [{error: auth}]}}")
    bench.config = load_config(folder / "none.yaml")
    bench.process()
    assert {line["result"]["answer"] for line in bench.results} == {None}
    bench.config = team
    with pytest.raises(KilledError):
        bench.process(before_a_line, jobs=1, anew=True)
    assert len(bench.results) == 2
    bench.process(jobs=1)
    assert sorted(line["line"] for line in bench.results) == list(range(1, QUESTIONS + 1))
    assert {line["result"]["answer"] for line in bench.results} == {"It is **Paris**."}


def test_another_team_begins_anew(bench: Bench, folder: Path) -> None:
    """A result belongs to one team, and not to half of two."""
    with pytest.raises(KilledError):
        bench.process(before_a_line, jobs=1)
    (folder / "other.yaml").write_text((folder / "team.yaml").read_text().replace("Paris", "Rome"))
    bench.config = load_config(folder / "other.yaml")
    bench.process()
    answers = [line["result"]["answer"] for line in bench.results]
    assert answers == ["It is **Paris**."] * 2 + ["It is **Rome**."] * 2


def test_a_damaged_thread_is_asked_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It harms no other question."""
    with pytest.raises(KilledError):
        bench.process(before_a_line, jobs=1)
    store = asyncio.run(bench.storage.opened())

    async def damaged(_: Store, thread: str) -> list[str]:
        return [f"{thread} is damaged"]

    monkeypatch.setattr(type(store), "check", damaged)
    before = bench.calls
    bench.process()
    assert len(bench.results) == QUESTIONS
    assert bench.calls == before + 2 * 5


def test_threads_are_kept_where_that_is_wanted(bench: Bench, tmp_path: Path) -> None:
    """With them, the file of results can be made again, and nobody is asked."""
    runs = tmp_path / "runs"
    bench.process(keep=True, records=runs, runs=runs)
    made = {line["id"]: line["result"] for line in bench.results}
    assert len(bench.threads()) == len(list(runs.glob("*/0001/events.jsonl"))) == QUESTIONS
    calls = bench.calls
    bench.path.unlink()
    bench.process(keep=True)
    assert {line["id"]: line["result"] for line in bench.results} == made
    assert bench.calls == calls


def test_threads_that_were_kept_stay(bench: Bench) -> None:
    """Also when a later command keeps none: it removes its own."""
    bench.process(keep=True)
    kept = {row.thread_id for row in bench.threads()}
    with bench.questions.open("a") as more:
        more.write('"One more?"\n')
    bench.process()
    assert len(bench.results) == QUESTIONS + 1
    assert {row.thread_id for row in bench.threads()} == kept


def test_what_cannot_be_stored_stops_the_batch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is gone is no result of a question."""
    store = asyncio.run(bench.storage.opened())
    assert store.index is not None

    async def gone(*_: Any, **__: Any) -> None:
        raise StoreError("The database is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(type(store.index), "begin", gone)
        with pytest.raises(StoreError, match="The database is gone"):
            bench.process()
    assert bench.results == []
    bench.process()
    assert len(bench.results) == QUESTIONS


def test_a_disk_that_is_full_stops_the_batch(bench: Bench) -> None:
    """The answers are in their threads, and are written when there is room."""

    def full(_: Batch, file: ResultFile) -> None:
        def refused(data: bytes) -> None:
            raise MassgraphError("r.jsonl can't be written: No space left on device.")

        file.append = refused  # type: ignore[method-assign]

    with pytest.raises(MassgraphError, match="No space left"):
        bench.process(full, jobs=1)
    calls = bench.calls
    bench.process(jobs=1)
    assert len(bench.results) == QUESTIONS
    assert bench.calls == calls + 5 * (QUESTIONS - 1)


def test_questions_do_not_interfere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script begins anew for each question, whoever was asked before or at the same time."""
    turns = "[{new_answer: First.}, {new_answer: Second.}, {vote: first}]"
    (folder / "team.yaml").write_text(
        f"agent: {{backend: {{type: scripted, turns: {turns}}}}}\ngraph: single\n"
    )
    bench = Bench(folder, monkeypatch)
    bench.process(jobs=3)
    assert {line["result"]["answer"] for line in bench.results} == {"First."}


def test_the_thread_of_a_question_is_its_own() -> None:
    """By its id, what is asked, and where results go."""
    from massgraph.batch.desk import Desk

    def thread(batch: str, question: Question) -> str:
        return Desk(None, None, batch_name(batch)).thread_of(question)  # type: ignore[arg-type]

    one = thread("/r", Question(1, "a", "q"))
    assert one.startswith("batch-")
    assert one == thread("/r", Question(2, "a", "q"))
    others = {
        thread("/r", Question(1, "a", "p")),
        thread("/r", Question(1, "b", "q")),
        thread("/s", Question(1, "a", "q")),
    }
    assert len(others - {one}) == 3
