"""Serve all providers on this machine, with the small team mind: `python -m tests.wire -- COMMAND`.

The command runs with base URLs and dummy keys that lead to the server; its exit status is ours.
Without a command, these are printed as `export` lines, and the server runs until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading

from .brain import brain
from .server import LoopbackServer

KEY = "sk-wire-dummy"


def environment(server: LoopbackServer) -> dict[str, str]:
    """Return the variables that lead every provider's SDK to the server."""
    return {
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": server.origin,
        "ANTHROPIC_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": server.origin,
        "GEMINI_API_KEY": KEY,
        "XAI_BASE_URL": f"{server.origin}/xai/v1",
        "XAI_API_KEY": KEY,
    }


def run(server: LoopbackServer, command: list[str]) -> int:
    """Run a command that finds the server, and return its exit status."""
    inherited = {name: value for name, value in os.environ.items() if name != "GOOGLE_API_KEY"}
    with subprocess.Popen(command, env={**inherited, **environment(server)}) as process:
        status = _waited(process)
    for why in server.refused:
        print(f"wire: refused a request: {why}", file=sys.stderr)
    return status if status >= 0 else 128 - status  # as a shell reports a signal


def _waited(process: subprocess.Popen[bytes]) -> int:
    """Return the status of a command; Ctrl-C is for the command alone to hear."""
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()


def main(args: list[str]) -> int:
    """Start the server, and run the command or wait."""
    command = args[1:] if args[:1] == ["--"] else args
    with LoopbackServer(brain) as server:
        if command:
            return run(server, command)
        try:
            for name, value in environment(server).items():
                print(f"export {name}={value}", flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
