"""Where tests run: nothing of a person is touched, and checkpoints are read strictly."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer


@dataclass
class Odd:
    """What no checkpoint may hold."""

    number: int


def test_checkpoints_are_read_strictly(caplog: pytest.LogCaptureFixture) -> None:
    """A type that LangGraph does not know is not made from a checkpoint."""
    caplog.set_level(logging.CRITICAL)
    plain = JsonPlusSerializer()
    assert not isinstance(plain.loads_typed(plain.dumps_typed(Odd(1))), Odd)
    assert plain.loads_typed(plain.dumps_typed({"number": 1})) == {"number": 1}


def test_state_is_kept_elsewhere() -> None:
    """In this process and in those that tests start, the state directory is a temporary one."""
    told = "import os, platformdirs; print(os.environ['LANGGRAPH_STRICT_MSGPACK'])"
    code = f"{told}; print(platformdirs.user_state_path('massgraph'))"
    strict, elsewhere = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert (strict, elsewhere) == ("true", str(platformdirs.user_state_path("massgraph")))
    assert Path(elsewhere).is_relative_to(tempfile.gettempdir())
    assert os.environ["XDG_STATE_HOME"] in elsewhere
