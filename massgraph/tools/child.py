"""What runs in the tool's subprocess: sets the limits, then runs the code that it was given.

    python -I child.py FILE LIMITS

A script, and no module of massgraph: it imports nothing but the standard library. LIMITS is JSON:
`cpu_s`, `memory_bytes`, `file_bytes`, `processes`.
"""

from __future__ import annotations

import ast
import errno
import json
import os
import sys
import traceback
import types
from pathlib import Path
from typing import Any

REFUSED = (
    *("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"),
    *("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"),
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty"),
    *("os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn"),
)
"""Audit events of what the code may not do. https://docs.python.org/3/library/audit_events.html"""

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
"""From the header linux/sched.h."""


def leave_the_network() -> bool:
    """Move into an empty network namespace; return whether the system allows that."""
    if sys.platform != "linux":
        return False
    import ctypes

    uid, gid = os.getuid(), os.getgid()
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            return False
        # As whom it was started: without a map it would be `nobody`.
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    except (OSError, AttributeError):
        pass
    return True


def set_limits(limits: dict[str, int]) -> None:
    """Set what the system limits; what it does not know stays unlimited."""
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = {
        "RLIMIT_CPU": (limits["cpu_s"], limits["cpu_s"] + 1),
        "RLIMIT_AS": (limits["memory_bytes"],) * 2,
        "RLIMIT_FSIZE": (limits["file_bytes"],) * 2,
        "RLIMIT_NPROC": (limits["processes"],) * 2,
        "RLIMIT_CORE": (0, 0),
    }
    for name, (soft, hard) in wanted.items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        try:
            most = resource.getrlimit(number)[1]
            most = sys.maxsize if most == resource.RLIM_INFINITY else most
            resource.setrlimit(number, (min(soft, most), min(hard, most)))
        except (OSError, ValueError):  # macOS refuses some
            continue


def refuse(event: str, _: Any) -> None:
    """Refuse sockets and processes; called by the interpreter for every audit event."""
    if event in REFUSED:
        why = f"{event} is not allowed here: no network, no other programs"
        raise PermissionError(errno.EACCES, why)


def run(path: str) -> int:
    """Run a file as `__main__`, and show the value of its last expression; return the status."""
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    sys.argv = [path]
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"), path)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, path, "exec"), main.__dict__)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), path, "eval"), main.__dict__)
            if value is not None:
                print(repr(value))  # noqa: T201
    except SystemExit as exc:
        raise exc from None
    except BaseException as exc:
        trace = exc.__traceback__.tb_next if exc.__traceback__ else None
        # (Where our parser stood says nothing of the place in the code.)
        traceback.print_exception(type(exc), exc, None if isinstance(exc, SyntaxError) else trace)
        return 1
    return 0


def main() -> int:
    """Set the limits and run the code."""
    path, limits = sys.argv[1], json.loads(sys.argv[2])
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    leave_the_network()
    set_limits(limits)
    sys.addaudithook(refuse)
    return run(path)


if __name__ == "__main__":
    sys.exit(main())
