"""Stamps: what every event carries."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 1
"""The version of the events' vocabulary.

It is raised where something changes that a release has told: a type or a field that is new, gone or
means something else. Until the first release everything is of version 1.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What every event carries.

    Args:
        v: The version of the vocabulary.
        seq: The event's number within the run attempt, from 1, without gaps.
        t: Seconds since the run began.
        run_attempt: 1, and one more for each resume.
        thread_id: The run's thread.
        round: The round, 0 before the first.
        epoch: The version of the set of answers.
    """

    v: int = VERSION
    seq: int = 0
    t: float = 0.0
    run_attempt: int = 1
    thread_id: str = ""
    round: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStamp(Stamp):
    """What every event of an agent carries.

    Args:
        agent: Whose it is.
        attempt: The try within its turn, from 1.
    """

    agent: str
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta(AgentStamp):
    """A piece of text, which may be merged with the next piece of the same kind.

    Args:
        delta: The piece.
    """

    delta: str
