"""Starts MCP servers in no time: forks them off one process that has imported the library.

`python forked.py PATH ARGUMENT...` is what a test starts instead of `python server.py ARGUMENT...`.
It hands its own stdin, stdout, stderr and variables over to a new fork, ends when that ends, and
takes it along when it is killed itself. `python forked.py` alone is where they are forked off: it
prints PATH, and ends when its stdin does.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

STREAMS = (0, 1, 2)


def hand_over(path: str, arguments: list[str]) -> int:
    """Have a server forked that takes this process's place; return how it ended."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        told = json.dumps({"arguments": arguments, "variables": dict(os.environ)}).encode()
        socket.send_fds(line, [len(told).to_bytes(4, "big")], STREAMS)
        line.sendall(told)
        return int(line.recv(1) != b"")


def fork_for_ever() -> None:
    """Print where, and fork servers until stdin ends."""
    import select
    import tempfile

    import uvicorn.protocols.http.h11_impl  # noqa: F401 - or each fork would import it

    if os.fork():
        return  # a child of nobody's: tests count their children
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with tempfile.TemporaryDirectory(prefix="mg-mcp-") as folder, _listening(folder) as door:
        sys.stdout.write(f"{door.getsockname()}\n")
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        kept = os.dup(0)
        while kept not in select.select([door, kept], [], [])[0]:
            line, _ = door.accept()
            if os.fork() == 0:
                os.close(kept)
                door.close()
                _serve(line)
            line.close()


def _listening(folder: str) -> socket.socket:
    door = socket.socket(socket.AF_UNIX)
    door.bind(f"{folder}/door")
    door.listen()
    return door


def _serve(line: socket.socket) -> None:
    """Be a server on somebody else's streams, in their environment; never return."""
    import threading

    size, streams, _, _ = socket.recv_fds(line, 4, len(STREAMS))
    told = b""
    while len(told) < int.from_bytes(size, "big"):
        told += line.recv(65536)
    for own, theirs in zip(STREAMS, streams, strict=True):
        os.dup2(theirs, own)
        os.close(theirs)
    given = json.loads(told)
    os.environ.clear()
    os.environ.update(given["variables"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    threading.Thread(target=lambda: (line.recv(1), os._exit(1)), daemon=True).start()
    try:
        import server

        server.serve(given["arguments"])
    finally:
        os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(hand_over(sys.argv[1], sys.argv[2:]))
    import server  # noqa: F401 - so that each fork has it

    fork_for_ever()
