"""Simulated agents are as able as they are said to be, and what the study tells of teams is so."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from math import comb
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from benchmarks.accuracy import exact
from benchmarks.accuracy.__main__ import main, write
from benchmarks.accuracy.agents import (
    ANSWER_CHARS,
    CALL_S,
    SPREAD,
    THOUGHT_TOKENS,
    Ability,
    Bill,
    Shown,
    SimulatedBackend,
)
from benchmarks.accuracy.cell import Cell, played, sampled
from benchmarks.accuracy.exam import Exam, Question, choice_in, number_in
from benchmarks.accuracy.figures import FOLDER
from benchmarks.accuracy.grid import BASE, PARTS, QUICK, REVISING, SAMPLES, TRAPS, cells
from benchmarks.accuracy.intervals import paired, wilson
from benchmarks.accuracy.page import PAGE, PAIRS, PLACE, tables, verdict, with_tables
from benchmarks.accuracy.results import STORED, Study, from_json, measured, stored, to_json
from massgraph import ToolSchema
from tests.vloop import run_virtual

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

MANY = 4000


def within(successes: int, trials: int, probability: float) -> bool:
    """Return whether a share is what chance makes of a probability, 999 times of 1,000."""
    low, high = wilson(successes, trials, z=3.29)
    return low <= probability <= high


def answers(question: Question, *choices: str) -> dict[str, str]:
    return {f"agent{n}": f"The answer is {c}. {n}" for n, c in enumerate(choices, start=1)}


def agent(exam: Exam, *, skill: float | None = 0.8, follows: float = 0.0) -> SimulatedBackend:
    ability = Ability(accuracy=0.6, skill=skill, follows=follows)
    return SimulatedBackend("alice", ability, exam, Bill())


def firsts(exam: Exam, backend: SimulatedBackend, shown: str) -> Iterator[str]:
    """Give out what an agent votes for: of R(ight) and W(rong) answers, once a question."""
    for number in range(MANY):
        question = exam.question(number)
        choices = [question.right if one == "R" else question.wrong[int(one)] for one in shown]
        found = answers(question, *choices)
        label = next(backend._ranked(question, Shown(found, [])))
        yield "R" if choice_in(found[label]) == question.right else "W"


@pytest.mark.parametrize(
    ("skill", "shown", "expected"),
    [(0.8, "R0", 0.8), (0.8, "R012", 0.8), (0.6, "RRR0", 0.6), (None, "R012", 0.25)],
)
def test_a_voter_is_as_skilled_as_said(skill: float | None, shown: str, expected: float) -> None:
    """It votes for a right answer as often, however many of them are shown beside wrong ones."""
    exam = Exam()
    votes = list(firsts(exam, agent(exam, skill=skill), shown))
    assert within(votes.count("R"), MANY, expected)


def test_a_voter_who_follows_votes_with_the_most() -> None:
    """It counts answers that say the same."""
    exam = Exam()
    follower = agent(exam, skill=0.9, follows=1.0)
    assert set(firsts(exam, follower, "R00")) == {"W"}
    assert set(firsts(exam, follower, "RR01")) == {"R"}


def test_drafts_are_right_as_often_as_said() -> None:
    """On the whole and on traps, where all mistakes are the same."""
    exam = Exam(traps=0.25)
    backend = agent(exam)
    drafted = [
        (question, choice_in(backend._draft(question, 0.6)))
        for question in map(exam.question, range(MANY))
        if backend._begin(question.number)
    ]
    assert within(sum(choice == q.right for q, choice in drafted), MANY, 0.6)
    trapped = [(q, choice) for q, choice in drafted if q.trap]
    assert within(len(trapped), MANY, 0.25)
    assert within(sum(choice == q.right for q, choice in trapped), len(trapped), 0.2)
    assert {choice for q, choice in trapped if choice != q.right and choice != q.wrong[0]} == set()
    mistakes = [choice for q, choice in drafted if choice != q.right and not q.trap]
    assert {*mistakes} == {"A", "B", "C", "D"}


def test_judgement_of_the_same_answers_stays_the_same() -> None:
    """It does not change from one vote to the next; ballots decide only between equals."""
    exam = Exam()
    for number in range(50):
        question = exam.question(number)
        shown = answers(question, question.right, question.right, *question.wrong)
        voter = agent(exam, skill=0.7)
        once, again = (list(voter._ranked(question, Shown(shown, []))) for _ in range(2))
        assert once == again
        debated = list(voter._ranked(question, Shown(shown, ["agent2", "agent4"])))
        assert sorted(debated) == sorted(once)
        if once[0] in ("agent1", "agent2"):
            assert debated[0] == "agent2"
        else:
            assert debated[0] == "agent4"


def test_a_question_is_read_back() -> None:
    """From a prompt the number, from an answer the letter; other texts are refused."""
    assert number_in(f"Some rules.\n{Exam().question(17).text}\nMore.") == 17
    with pytest.raises(ValueError, match="No answer of an exam"):
        choice_in("Nobody knows.")
    with pytest.raises(ValueError, match="no room for traps"):
        Exam(traps=0.5).on(Question(0, "A", ("B",), trap=False), 0.8)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 20, 0.0, 0.1611),
        (20, 20, 0.8389, 1.0),
        (50, 100, 0.4038, 0.5962),
    ],
)
def test_wilsons_interval(successes: int, trials: int, low: float, high: float) -> None:
    """As tables have it."""
    assert wilson(successes, trials) == pytest.approx((low, high), abs=1e-4)


def test_the_interval_of_a_difference() -> None:
    """It gets narrower when the two go together, and turns with its sign."""
    one, other = [True] * 60 + [False] * 40, [True] * 50 + [False] * 50
    apart = [*reversed(other)]
    assert paired(one, other)[0] == pytest.approx(0.1)
    together, separate = paired(one, other), paired(one, apart)
    assert together[2] - together[1] < separate[2] - separate[1]
    back = paired(other, one)
    assert back == pytest.approx((-together[0], -together[2], -together[1]))


def test_theory_agrees_with_itself() -> None:
    """Special cases that can be told without it: one sample, two choices, votes by chance."""
    assert exact.self_consistency(1, 0.6) == pytest.approx(0.6)
    assert exact.self_consistency(2, 0.6) == pytest.approx(0.6)
    three = sum(comb(3, n) * 0.6**n * 0.4 ** (3 - n) for n in (2, 3))
    assert exact.self_consistency(3, 0.6, wrong=1) == pytest.approx(three)
    for agents in (2, 5, 9):
        assert exact.plurality(agents, 0.6, None) == pytest.approx(0.6)
        assert exact.plurality(agents, 0.6, 1.0) == pytest.approx(1 - 0.4**agents)
    assert exact.jury(5, 0.6, 1.0) == pytest.approx(1 - 0.4**5)


def test_teams_are_worth_what_theory_says() -> None:
    """Plurality, samples and Condorcet's juries: wherever theory knows it, the study measured it.

    The study's results are the engine's, as another test sees; ties are broken evenly.
    """
    study = stored()
    known = {name: cell.theory for name, cell in cells().items() if cell.theory is not None}
    assert len(known) >= 20
    for name, theory in known.items():
        assert within(sum(study.scores[name].right), study.questions, theory), name


def test_samples_are_counted() -> None:
    """One sample is one call."""
    assert played(replace(SAMPLES, size=3), range(2)).bill.calls == 6


def test_a_seed_gives_the_same_again() -> None:
    """Whoever shares the work, and in whatever pieces; another seed gives something else."""
    cell = replace(BASE, size=3, revises=0.3)
    whole, again = played(cell, range(12)), played(cell, range(12))
    assert to_json(Study(1, 12, {"": whole})) == to_json(Study(1, 12, {"": again}))
    assert played(cell, range(5)).right + played(cell, range(5, 12)).right == whole.right
    assert played(cell, range(12), seed=2).right != whole.right


def test_without_sight_nobody_revises() -> None:
    """Where drafts are not seen before the vote, the answers are those of the drafts."""
    seen = played(BASE, range(8))
    unseen = played(replace(BASE, revises=0.3, visibility="none"), range(8))
    assert (unseen.right, unseen.bill.calls) == (seen.right, seen.bill.calls)


def test_samples_lose_much_where_mistakes_agree() -> None:
    """Theory knows traps: with none, or all, it is that of their two kinds of questions."""
    trapped = replace(TRAPS, graph="self_consistency", accuracy=0.6)
    assert sampled(trapped, 1) == pytest.approx(0.6)
    assert sampled(SAMPLES, 10) == exact.self_consistency(10, 0.6)
    assert sampled(trapped, 10) < sampled(SAMPLES, 10) - 0.1


@pytest.mark.parametrize(("stopped_after", "share"), [(0.25, 0.25), (2.0, 1.0)])
def test_a_stopped_call_is_billed(stopped_after: float, share: float) -> None:
    """For its prompt, and for as much of what it would have written as it had the time for."""
    exam, bill = Exam(), Bill()
    backend = SimulatedBackend("alice", Ability(accuracy=0.6), exam, bill)
    question = HumanMessage(exam.question(3).text)
    seconds = exam.chance("time", 3, "alice", 1).lognormvariate(math.log(CALL_S), SPREAD)

    async def call() -> None:
        async for _ in backend.stream_with_tools([question], [ToolSchema("new_answer")]):
            pass

    async def stopped() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(call(), stopped_after * seconds)

    run_virtual(stopped())
    written = THOUGHT_TOKENS + len(json.dumps({"content": "x" * ANSWER_CHARS})) // 4
    assert bill.calls == 1
    assert bill.output_tokens == pytest.approx(share * written, abs=1)
    assert bill.input_tokens == pytest.approx(len(question.text) // 4, abs=20)


def test_a_quick_study(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It measures, and prints a table; nothing is written."""
    before = PAGE.read_bytes(), STORED.read_bytes()
    assert main(["--quick", "--questions", "4", "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert all(f"| {label} |" in printed for part in QUICK for label in part.rows)
    assert (PAGE.read_bytes(), STORED.read_bytes()) == before


def test_the_work_can_be_shared() -> None:
    """Two processes come to the same result as one."""
    some = {BASE.name: replace(BASE, size=2)}
    assert to_json(measured(some, 2, jobs=2)) == to_json(measured(some, 2))


def test_the_page_tells_the_stored_results() -> None:
    """Its tables are those of the results; otherwise: `python -m benchmarks.accuracy --redraw`."""
    study, page = stored(), PAGE.read_text(encoding="utf-8")
    assert set(study.scores) == set(cells())
    assert with_tables(page, study) == page
    assert {*tables(study)} == {place[2] for place in PLACE.finditer(page)}
    assert set(PAIRS) <= {part.name for part in PARTS}


def test_the_stored_results_are_the_engines() -> None:
    """The first questions, asked again, are answered as they were."""
    study = stored()
    for cell in (
        BASE,
        SAMPLES,
        replace(BASE, size=3),
        replace(BASE, rule="borda"),
        replace(BASE, revises=0.15),
    ):
        assert played(cell, range(6), study.seed).right == study.scores[cell.name].right[:6]


def test_what_the_page_says_of_the_results_is_so() -> None:
    """Its prose is written by hand: this is what it says, and what a new study must still show."""
    study = stored()
    hard = replace(BASE, accuracy=0.4)
    easy = replace(BASE, accuracy=0.8, skill=0.6)
    for size, skill, than_samples in (
        (3, 0.6, "worse"),
        (3, 0.8, "level"),
        (5, 0.8, "worse"),
        (9, 0.8, "worse"),
        (3, 0.95, "better"),
        (5, 0.95, "better"),
    ):
        assert verdict(replace(BASE, size=size, skill=skill), study) == than_samples
    assert verdict(hard, study) == verdict(replace(hard, skill=0.95), study) == "better"
    assert study.interval(easy)[1] < 0.8
    assert verdict(replace(BASE, short=True), study) == "better"


def test_what_the_page_says_of_rules_and_restarts_is_so() -> None:
    """Differences between teams, question by question."""
    study = stored()

    def more(one: Cell, other: Cell) -> tuple[float, float, float]:
        return paired(study.scores[one.name].right, study.scores[other.name].right)

    assert more(replace(BASE, rule="borda"), BASE)[1] > 0
    assert more(replace(BASE, taste=True), BASE)[1] > 0
    shared = replace(BASE, taste=True)
    assert (
        more(replace(shared, rule="borda"), shared)[1]
        > 0
        > more(replace(shared, rule="ranked"), shared)[1]
    )
    assert study.calls(replace(BASE, rule="borda")) == study.calls(BASE)
    for revised in (0.4, 0.6, 0.9):
        cancel = replace(REVISING, revised=revised)
        finish = replace(cancel, on_new_answer="finish")
        _, low, high = more(finish, cancel)
        assert low < 0 < high
        assert study.tokens(cancel) < 1.01 * study.tokens(finish)
        assert study.seconds(cancel) < 0.9 * study.seconds(finish)
        assert study.calls(cancel) > 1.4 * study.calls(BASE)
    for cell in (TRAPS, replace(TRAPS, fooled=True)):
        assert verdict(cell, study) in ("level", "better")
    for cell in (replace(TRAPS, skill=0.6), replace(TRAPS, follows=1.0)):
        assert verdict(cell, study) == "worse"


def test_pictures_are_the_same_bytes_again(tmp_path: Path) -> None:
    """The same results draw the same pictures, and the page shows each of them."""
    study = stored()
    write(study, tmp_path / "one")
    one = sorted((tmp_path / "one").iterdir())
    kept = [FOLDER / path.name for path in one if path.suffix == ".svg"]
    if any(path.read_bytes() != (one[0].parent / path.name).read_bytes() for path in kept):
        write(study, tmp_path / "other")  # another matplotlib than the one that drew those
        other = sorted((tmp_path / "other").iterdir())
        assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    shown = set(re.findall(r"\(img/(accuracy-\w+\.svg)\)", PAGE.read_text(encoding="utf-8")))
    assert shown == {path.name for path in one if path.suffix == ".svg"}
    assert from_json((tmp_path / "one" / STORED.name).read_text(encoding="utf-8")).questions > 0
