"""What every backend must fulfil, as tests to inherit.

    class TestMine(BackendContract):
        harness = MyHarness(Can(reasoning=False))

A harness opens backends whose provider says what a list of turns tells it to say. What a backend
cannot do, or its test server cannot be told, is a flag of `Can`: each test that is skipped names
its flag.
"""

from __future__ import annotations

from .asking import (
    LONG,
    QUESTION,
    TEXT,
    WEATHER,
    call,
    collect,
    collect_failing,
    first_words,
    listen,
)
from .builtin_tools import BuiltinTools
from .conversations import Conversations
from .endings import Endings
from .failures import Failures
from .harness import Can, Harness, Said, WireHarness
from .lives import Lives
from .schemas import Schemas
from .stopping import Stopping
from .texts import Texts
from .tool_calls import ToolCalls
from .usage import Usage

__all__ = [
    "LONG",
    "QUESTION",
    "TEXT",
    "WEATHER",
    "BackendContract",
    "Can",
    "Harness",
    "Said",
    "WireHarness",
    "call",
    "collect",
    "collect_failing",
    "first_words",
    "listen",
]


class BackendContract(
    Texts,  # text and reasoning, byte for byte
    ToolCalls,  # one and several, their arguments split anywhere
    Schemas,  # text that fits a JSON schema
    BuiltinTools,
    Usage,
    Endings,  # refusal, length limit
    Failures,  # errors before and after the first chunk
    Stopping,  # cancellation
    Conversations,  # what is sent back is accepted
    Lives,  # event loops, calls at the same time, closing
):
    """The contract."""
