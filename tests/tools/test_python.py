"""The Python tool: every limit is really hit, nothing of ours is seen, and nothing is left."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from massgraph import Agent, ScriptedBackend, Team, UserError
from massgraph.nodes.events import ToolFinished
from massgraph.tools import python_tool
from massgraph.tools.process import Limits, run_python
from tests.tools.processes import children

from .conftest import until

CANARY = "canary-7c1f"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check after every test that no process and no file is left; a secret lies about."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    yield
    assert list(tmp_path.iterdir()) == []
    assert children() == []


async def ran(code: str, **limits: Any) -> tuple[str, str]:
    """Return what the tool says, and its status."""
    message = await python_tool(**limits).ainvoke(
        {"name": "python", "args": {"code": code}, "id": "1", "type": "tool_call"}
    )
    return message.text, message.status


GOOD = {
    "the value of the last expression": ("x = 6\nx * 7", "42\n"),
    "what is printed": ("print('a'); print('b')", "a\nb\n"),
    "both, in order": ("print('a'); 'b'", "a\n'b'\n"),
    "nothing": ("x = 1", "(It ran, and printed nothing.)"),
    "no value": ("None", "(It ran, and printed nothing.)"),
    "errors, in their place": ("import sys; print('a'); print('b', file=sys.stderr)", "a\nb\n"),
    "any character": ("print('é🙂\\ud800')", "é🙂\\ud800\n"),
    "an exit": ("print('a'); exit()", "a\n"),
    "classes that can be pickled": (
        "import pickle\nclass A: pass\ntype(pickle.loads(pickle.dumps(A()))).__name__",
        "'A'\n",
    ),
    "asyncio": ("import asyncio; asyncio.run(asyncio.sleep(0, 'slept'))", "'slept'\n"),
    "a file of its own": ("open('f', 'w').write('abc'); open('f').read()", "'abc'\n"),
}  # fmt: skip

BAD = {
    "an error": ("def f():\n    1 / 0\nf()", "in f\n    1 / 0"),
    "a syntax error": ("def f(:", "SyntaxError: invalid syntax"),
    "an exit status": ("import sys; sys.exit(3)", "(It ended with exit status 3.)"),
    "a crash": ("import os; os.abort()", "(Stopped by the system: SIGABRT.)"),
    "asking a person": ("input('Name? ')", "EOFError"),
    "too much memory": ("x = 'a' * (5 * 10**9)", "MemoryError"),
    "too large a file": ("open('f', 'wb').write(b'x' * 10**8)", "File too large"),
    "another program": ("import subprocess; subprocess.run(['ls'])", "no other programs"),
    "a process": ("import os; os.fork()", "os.fork is not allowed here"),
    "a host": ("import urllib.request as u; u.urlopen('http://h.test')", "no network"),
    "a socket": ("import socket; socket.socket().connect(('127.0.0.1', 9))", "no network"),
    "a server": ("import socket; socket.create_server(('127.0.0.1', 0))", "no network"),
}


@pytest.mark.parametrize(("code", "said"), GOOD.values(), ids=GOOD)
async def test_what_the_model_sees(code: str, said: str) -> None:
    """Like a notebook: what was printed, and the last value."""
    assert await ran(code) == (said, "success")


@pytest.mark.parametrize(("code", "said"), BAD.values(), ids=BAD)
async def test_what_goes_wrong(code: str, said: str) -> None:
    """It is told as an error, and nothing of our own files is shown of it but the reason."""
    text, status = await ran(code)
    assert said in text
    assert status == "error"


async def test_nothing_of_ours_is_in_its_environment() -> None:
    """No variable of this process, no key above all; home and working directory are its own."""
    code = "import os; print(sorted(os.environ), dict(os.environ)); print(os.getcwd())"
    text, _ = await ran(code)
    assert CANARY not in text
    assert str(Path.home()) not in text
    assert "PATH" not in text.replace("PYTHONPATH", "PATH")
    assert "massgraph-python-" in text.splitlines()[-1]


async def test_it_begins_anew_each_time() -> None:
    """No variable and no file of a run is there in the next one."""
    await ran("x = 1; open('f', 'w').close()")
    text, _ = await ran("import os; print(os.listdir(), 'x' in globals())")
    assert text == "['main.py'] False\n"


async def test_the_time_limit() -> None:
    """What was printed by then is shown."""
    began = time.monotonic()
    text, status = await ran("print('a')\nwhile True: pass", timeout_s=1)
    assert (text, status) == ("a\n(Stopped: it took longer than 1 s.)", "error")
    assert time.monotonic() - began < 5


@LINUX
async def test_the_limit_of_processor_time() -> None:
    """Two threads use up two seconds of it in one: the system stops them."""
    code = (
        "import hashlib, threading\n"
        "def burn():\n    while True: hashlib.sha256(b'x' * 10**7)\n"
        "for _ in range(4): threading.Thread(target=burn).start()"
    )
    limits = Limits(timeout_s=30)
    short = Limits(timeout_s=1).to_json()

    class Short(Limits):
        def to_json(self) -> str:
            return short

    done = await run_python(code, Short(timeout_s=limits.timeout_s))
    assert done.status is not None
    assert done.status < 0


async def test_long_output_is_cut_in_the_middle() -> None:
    """Its beginning and its end are kept, and the note says how much is missing."""
    text, status = await ran("print('a' * 10, 'b' * 5_000_000, 'c' * 10)", max_chars=100)
    assert text.startswith("aaaaaaaaaa b")
    assert text.endswith("b cccccccccc\n")
    assert "[... 4,999,923 characters are left out here ...]" in text
    assert len(text) < 200
    assert status == "success"


@LINUX
async def test_the_network_is_gone_for_c_code_as_well() -> None:
    """Where the system has network namespaces, what goes around Python's own sockets is refused."""
    code = (
        "import ctypes, socket, struct\n"
        "one = socket.socket()\n"
        "at = struct.pack('<H', 2) + struct.pack('>H', 9) + bytes([127, 0, 0, 1]) + bytes(8)\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "(libc.connect(one.fileno(), at, 16), ctypes.get_errno() == 101)"
    )
    if not await _namespaces():
        pytest.skip("this system has none for this user")
    assert await ran(code) == ("(-1, True)\n", "success")


async def _namespaces() -> bool:
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--user", "--net", "true"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait() == 0


@LINUX
async def test_what_it_leaves_running_is_killed() -> None:
    """Also processes that it has started around the interpreter."""
    code = (
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "for _ in range(3):\n"
        "    pid = libc.fork()\n"
        "    if pid == 0:\n        libc.sleep(600)\n"
        "    print(pid)"
    )
    text, status = await ran(code)
    assert status == "success"
    left = [int(pid) for pid in text.split()]
    assert len(left) == 3
    await until(lambda: not any(psutil.pid_exists(pid) for pid in left))


@pytest.mark.parametrize("policy", ["released", "cancelled"])
async def test_a_stopped_turn_kills_it_at_once(policy: str, tmp_path: Path) -> None:
    """Within a second, with all its processes, and whoever else runs goes on."""
    call = {"tool_calls": [{"name": "python", "args": {"code": "while True: pass"}}]}
    slow = ScriptedBackend([{"new_answer": "B."}, call, {"vote": "first"}])
    fast = ScriptedBackend(
        [{"new_answer": "A."}, {"new_answer": "A, better.", "delay": 0.7}, {"vote": "first"}]
    )
    team = Team(
        [Agent("alice", fast), Agent("bob", slow, tools=[python_tool(timeout_s=60)])]
        if policy == "released"
        else [Agent("bob", slow, tools=[python_tool(timeout_s=60)])]
    )
    if policy == "cancelled":
        slow = ScriptedBackend([call])
        team = Team([Agent("bob", slow, tools=[python_tool(timeout_s=60)])])
    async with team:
        run = team.start("Q?")
        await until(lambda: bool(children()))
        began = time.monotonic()
        if policy == "cancelled":
            run.cancel()
        await until(lambda: not children())
        assert time.monotonic() - began < (1.0 if policy == "cancelled" else 3.0)
        result = await run.result()
    assert result.outcome == ("cancelled" if policy == "cancelled" else "settled")


async def test_the_loop_goes_on() -> None:
    """Nothing blocks while code runs."""
    longest, last = 0.0, time.monotonic()
    task = asyncio.create_task(ran("import time; time.sleep(0.5)"))
    while not task.done():
        await asyncio.sleep(0.005)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    assert longest < 0.3


@pytest.mark.parametrize(
    "limits", [{"timeout_s": 0}, {"timeout_s": "5"}, {"memory_mb": 1}, {"max_chars": 0}]
)
def test_limits_that_do_not_do(limits: dict[str, Any]) -> None:
    """They are refused when the tool is made."""
    with pytest.raises(UserError, match=next(iter(limits))):
        python_tool(**limits)


async def test_its_own_time_limit_counts() -> None:
    """A longer one than the agent's is kept to; the agent's does not cut it short."""
    call = {"tool_calls": [{"name": "python", "args": {"code": "import time; time.sleep(0.6); 1"}}]}
    model = ScriptedBackend([call, {"new_answer": "1"}])
    agent = Agent("alice", model, tools=[python_tool(timeout_s=20)], tool_timeout_s=0.2)
    events = [event async for event in Team([agent]).astream("Q?")]
    (finished,) = [event for event in events if isinstance(event, ToolFinished)]
    assert finished.result == "1\n"
    assert os.environ["OPENAI_API_KEY"] == CANARY
