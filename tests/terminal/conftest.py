"""What the tests of the command line in a terminal share."""

from __future__ import annotations

from pathlib import Path

import pytest

TEAM = """\
agents:
  - id: alice
    backend: &backend
      type: scripted
      turns:
        - {when: no_answers, text: "Let me see.", new_answer: Paris}
        - {when: answers, vote: first, reason: It is right.}
        - {when: present, text: "It is **Paris**."}
  - id: bob
    backend: *backend
ui: {display_type: terminal}
"""
"""Two agents who agree at once."""
SLOW = """\
policy: {on_new_answer: finish}
agents:
  - id: alice
    backend:
      type: scripted
      turns:
        - {when: no_answers, new_answer: Paris}
        - {when: answers, vote: first, reason: It is right.}
        - {when: present, text: "It is **Paris**."}
  - id: bob
    backend:
      type: scripted
      turns:
        - {when: no_answers, text: "Let me think.", delay: 4, new_answer: Paris}
        - {when: answers, vote: first, reason: It is right.}
"""
"""One agent who answers at once, and one who takes some seconds for it."""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the configs `team.yaml` and `slow.yaml`."""
    (tmp_path / "team.yaml").write_text(TEAM)
    (tmp_path / "slow.yaml").write_text(SLOW)
    return tmp_path
