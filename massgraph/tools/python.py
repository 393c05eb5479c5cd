"""`python`: runs code that a model has written, in a process with limits.

It guards against mistakes: endless loops, too much memory, too much output, the network by
accident, keys in the environment. It is no sandbox against malice: the code runs as the user who
runs massgraph, and reads what that user may read.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from ..backends.errors import UserError
from ..backends.later import Later
from .process import Limits, Ran, run_python

if TYPE_CHECKING:
    from langchain_core import tools as lc
else:
    lc = Later("langchain_core.tools")

STARTS_WITHIN_S = 5.0
"""What the call may take beside the code's own time: starting, and clearing up."""


def python_tool(
    *, timeout_s: float = 10.0, memory_mb: int = 1024, max_chars: int = 20_000
) -> lc.BaseTool:
    """Return the Python interpreter as a LangChain tool.

    Args:
        timeout_s: Seconds that a run may take, by the clock and of processor time.
        memory_mb: Megabytes of address space; 64 at least.
        max_chars: Characters of output that the model is shown; the middle is left out.

    Raises:
        UserError: When a limit is no number, or too small.
    """
    limits = _limits(timeout_s, memory_mb, max_chars)
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import StructuredTool

    async def python(code: str) -> Any:
        ran = await run_python(code, limits)
        text = _told(ran, limits)
        if ran.status == 0:
            return text
        return ToolMessage(text, tool_call_id="", status="error")

    return StructuredTool.from_function(
        coroutine=python,
        name="python",
        description=_description(limits),
        metadata={"timeout_s": timeout_s + STARTS_WITHIN_S},
    )


def _limits(timeout_s: object, memory_mb: object, max_chars: object) -> Limits:
    least = {
        "timeout_s": (timeout_s, 0.001),
        "memory_mb": (memory_mb, 64),
        "max_chars": (max_chars, 1),
    }
    for name, (value, smallest) in least.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"python_tool: {name} must be a number.")
        if not smallest <= value <= 1e6:
            raise UserError(f"python_tool: {name} must be {smallest:g} to 1,000,000.")
    assert isinstance(timeout_s, int | float)
    assert isinstance(memory_mb, int | float)
    assert isinstance(max_chars, int | float)
    return Limits(timeout_s=timeout_s, memory_mb=int(memory_mb), max_chars=int(max_chars))


def _description(limits: Limits) -> str:
    return (
        "Run Python code. You see what it prints, and the value of its last expression. Each run "
        "begins anew: no variables or files are kept. No network, no other programs, "
        f"{limits.timeout_s:g} s and {limits.memory_mb} MB at most."
    )


def _told(ran: Ran, limits: Limits) -> str:
    """Return what the model is told of a run."""
    match ran.status:
        case 0:
            end = "" if ran.output else "(It ran, and printed nothing.)"
        case None:
            end = f"(Stopped: it took longer than {limits.timeout_s:g} s.)"
        case status if status < 0:
            end = f"(Stopped by the system: {_signal(-status)}.)"
        case status:
            end = f"(It ended with exit status {status}.)"
    gap = "\n" if ran.output and end and not ran.output.endswith("\n") else ""
    return f"{ran.output}{gap}{end}"


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    reasons = {
        "SIGXCPU": "its processor time is used up",
        "SIGXFSZ": "a file got too large",
        "SIGKILL": "killed, perhaps for its memory or its processor time",
        "SIGSEGV": "it crashed, perhaps for lack of memory",
    }
    return f"{name}, {reasons[name]}" if name in reasons else name
