"""The protocol's invariants hold on random teams, policies, faults and schedules."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from . import many
from .bugs import BUGS, caught
from .bugs_of_resuming import BUGS_OF_RESUMING
from .checks import check_events
from .scenario import GRAPHS, SIZES, scenario
from .simulate import DEEDS, FAMILIES, drawn, play
from .traces import digest, digests, elsewhere, printed

SEEDS, CHUNK = 1000, 25
FEW = 10
"""Seeds for what `make soak` does with more of them."""

QUICK = {
    "epoch_kept": 20,
    "labels_change": 20,
    "all_are_seen": 20,
    "lost_dissent": 20,
    "draft_stopped": 20,
    "one_answer_too_many": 20,
    "presents_twice": 20,
    "skipped_number": 20,
    "votes_by_place": 20,
    "wrong_tie": 20,
    "stored_too_late": 5,
    "clock_begins_anew": 10,
}
"""Bugs that are caught at once, and the seeds that they may take."""


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_invariant_holds(first: int) -> None:
    """Whatever agents, tools, stores, readers and callers do, and in whatever order."""
    for number in range(first, first + CHUNK):
        play(drawn(number), number)


FOUND = {
    "cancel-debate 15446": "a run was told to be over before a node had told of the call it cut",
    "whole 18707": "whom a peer and the deadline stopped at once was told to have gone on",
    "whole 20912": "the same, with the votes in",
    "resume 4714": "a resumed run's budget did not know of replies that nobody had acted on",
    "resume-critic 4555": "verify forgot who had failed in a round that was collected twice",
    "resume 21045": "a turn that went on with its tools forgot its tries and what it had used",
    "resume-self_consistency 531": "a replayed reply was not counted where its run was cut next",
    "resume 723": "the same",
    "resume 47028": "a run told its end, and its store failed right then: the state never had it",
}
"""Seeds far out that have found a fault, and which."""


@pytest.mark.parametrize("found", FOUND)
def test_what_a_seed_has_found_stays_mended(found: str) -> None:
    """A seed that has once failed is clean now, and ends with the end of its run."""
    family, seed = found.split()
    assert play(family, int(seed))[-1].type == "run_finished"


def test_the_seeds_are_of_all_families() -> None:
    """Whole, read, cancelled and resumed runs, each of them in every graph."""
    families = Counter(drawn(number) for number in range(SEEDS))
    assert families.keys() == FAMILIES.keys()
    assert set(FAMILIES) == {*DEEDS, *(f"{deed}-{graph}" for graph in GRAPHS for deed in DEEDS)}


def test_teams_are_of_all_sizes() -> None:
    """From one agent to eight."""
    assert set(SIZES["team"]) == set(range(1, 9))


def test_a_seed_gives_the_same_events_each_time() -> None:
    """A run is a pure function of its seed, so a failure can be replayed."""
    for number in range(7, 12):
        assert digest(number) == digest(number)


@pytest.mark.soak
def test_the_order_of_sets_changes_nothing() -> None:
    """Under another hash seed, in another process, the events are the same to the last digit."""
    other = elsewhere(0, FEW, 1)
    here = list(digests(0, FEW))
    assert printed(other) == here


@pytest.mark.parametrize("bug", QUICK)
def test_a_planted_bug_is_caught(bug: str) -> None:
    """The test of the test; `python -m tests.simulation.bugs` plants all of them."""
    found = caught(bug, QUICK[bug])
    assert found is not None


def test_a_seed_that_fails_tells_how_to_replay_it() -> None:
    """In one line, which can be pasted into a shell."""
    from .planting import planted

    with planted(BUGS["epoch_kept"]()):
        (failure, *_) = many.run_chunk(0, 10)
    family, seed = failure.split()[-2:]
    assert family == drawn(int(seed))
    assert failure.endswith(f"python -m tests.simulation.simulate {family} {seed}")


def test_every_event_but_the_last_ones_may_be_missing() -> None:
    """What a reader has seen who left is as right as the whole."""
    setting = scenario(1)
    events = play("whole", 1)
    for length in range(len(events)):
        check_events(setting, events[:length], 0.0)


def test_many_seeds_go_on_from_where_they_were_stopped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Chunks cover what is asked for, once, and the last line says where to go on."""
    assert list(many.chunks(10, 60)) == [(10, 25), (35, 25), (60, 10)]
    progress = many.Progress(10, 60)
    progress.took(25, [])
    progress.took(25, ["seed 40: S1"])
    said = capsys.readouterr().out
    assert said.startswith("seed 40: S1\n50 of 60 seeds, 1 failed")
    assert said.endswith("next FROM=60\n")


def test_each_bug_says_what_it_is() -> None:
    """In one sentence, for the table."""
    assert len(BUGS) >= 43
    assert len(BUGS_OF_RESUMING) >= 12
    for path, bugs in (("bugs.py", BUGS), ("bugs_of_resuming.py", BUGS_OF_RESUMING)):
        assert all((bug.__doc__ or "").endswith(".") for bug in bugs.values())
        assert Path(__file__).with_name(path).read_text().count("\ndef ") >= len(bugs)
