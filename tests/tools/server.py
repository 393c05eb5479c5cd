"""An MCP server for tests, of the protocol's own library: `python server.py [PORT]`.

It speaks over stdin and stdout, or, with a port, over HTTP on this machine.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp.server.fastmcp import Context, FastMCP, Image
from mcp.types import AudioContent, ToolAnnotations

server = FastMCP("tests", host="127.0.0.1", log_level="CRITICAL")


def note(text: str) -> None:
    """Write a line that a test can read."""
    if "SERVER_LOG" in os.environ:
        with Path(os.environ["SERVER_LOG"]).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def environment() -> str:
    """Return the names and values of all variables."""
    return "\n".join(f"{name}={value}" for name, value in os.environ.items())


@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
def headers(context: Context[Any, Any, Any]) -> str:
    """Return the headers of the request."""
    request = context.request_context.request
    return "\n".join(f"{name}: {value}" for name, value in request.headers.items())


@server.tool()
async def slow(seconds: float) -> str:
    """Take a while."""
    note("slow begins")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note("slow was cancelled")
        raise
    return "slept"


@server.tool()
def big(size: int) -> str:
    """Return a long text."""
    return "<" + "x" * (size - 2) + ">"


@server.tool(structured_output=False)
def picture() -> list[Any]:
    """Return a picture and a sound, with words between them."""
    sound = AudioContent(type="audio", data=base64.b64encode(b"x" * 3000).decode(), mimeType="a/b")
    return [Image(data=b"x" * 12_000, format="png"), "A picture.", sound]


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("no such thing")


@server.tool()
def die() -> str:
    """End the server in the middle of the call."""
    note("died")
    os._exit(3)


@server.tool()
def process() -> int:
    """Return the number of the process."""
    return os.getpid()


def serve(arguments: Sequence[str]) -> None:
    """Serve until stdin ends; with a port, over HTTP for ever."""
    note(f"started {os.getpid()}")
    if arguments:
        server.settings.port = int(arguments[0])
    server.run("streamable-http" if arguments else "stdio")


if __name__ == "__main__":
    serve(sys.argv[1:])
