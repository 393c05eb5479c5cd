"""What a store holds of a run, beside what its record tells."""

from __future__ import annotations

import pytest

from massgraph.nodes.events import RunFinished
from massgraph.nodes.record import fold_events
from massgraph.verify.stored import check_stored

from .records import record


@pytest.mark.parametrize("outcome", ["cancelled", "failed"])
def test_a_run_that_was_cut_before_its_first_step_has_nothing_stored(outcome: str) -> None:
    """Its record has an end, and there is no state that could be compared with it."""
    assert check_stored([RunFinished(result={"outcome": outcome})], {}) == []


def test_a_run_that_was_over_has_its_state_stored() -> None:
    """Without it, or with another one, something is wrong."""
    events = record("team")
    state = dict(fold_events(events).state)
    assert check_stored(events, state) == []
    assert check_stored(events, state | {"winner": "bob"}) == [
        "the stored winner is not what the events give"
    ]
    assert check_stored(events, {})[0].startswith("the stored state lacks labels, round")
