"""What the property tests are made of."""

from __future__ import annotations

from hypothesis import strategies as st

from massgraph.nodes.rules import Vote
from massgraph.nodes.state import Outcome, no_usage

AGENTS = ("alice", "bob", "carol", "dave")

outcomes = st.builds(
    lambda agent, number, kind, text: Outcome(
        agent=agent,
        round=number,
        epoch=0,
        outcome=kind,
        text=text,
        candidate=None,
        kind=None,
        usage=no_usage(),
    ),
    st.sampled_from(AGENTS),
    st.integers(0, 3),
    st.sampled_from(("new_answer", "vote", "interrupted", "abstained", "failed")),
    st.text(max_size=2),
)


def ballot(voter: str, candidate: str) -> Vote:
    """Return a vote of one agent for another."""
    return Vote(voter=voter, candidate=candidate, reason="", epoch=1)
