"""The configs that come with massgraph make sense."""

from __future__ import annotations

import pytest

from massgraph.config import load_config
from massgraph.config.files import shipped_names

ALWAYS_ELECT = {"plurality", "borda", "ranked"}
"""Rules that find a winner among any votes: nothing is left to argue."""


@pytest.mark.parametrize("name", shipped_names())
def test_debates_can_come_about(name: str) -> None:
    """Who sets a number of debates names a rule that may find no winner."""
    policy = load_config(name).policy
    if "max_debate_rounds" in policy.model_fields_set and policy.max_debate_rounds:
        assert policy.rule not in ALWAYS_ELECT
