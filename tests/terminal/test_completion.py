"""Words that a shell completes, at its own prompt."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from .pty import Terminal

BASH = shutil.which("bash")
pytestmark = [pytest.mark.soak, pytest.mark.skipif(BASH is None, reason="there is no bash")]


def test_bash_completes_commands_and_files(tmp_path: Path) -> None:
    """A command, and the name of a config, each after one Tab."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "massgraph").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m massgraph "$@"\n')
    (bin_ / "massgraph").chmod(0o755)
    (tmp_path / "rivers.yaml").write_text("")
    env = {"PATH": f"{bin_}:{os.environ['PATH']}", "PS1": "ready> "}
    with Terminal(
        ["--norc", "--noprofile", "-i"], program=(str(BASH),), cwd=tmp_path, env=env
    ) as term:
        term.send_line('eval "$(massgraph completion bash)"; echo $((40 + 2)) lines')
        term.wait_for("42 lines")
        term.send("massgraph valid")
        term.send_keys("tab")
        term.wait_for("massgraph validate")
        term.send("./riv")
        term.send_keys("tab")
        term.wait_for("massgraph validate ./rivers.yaml")
