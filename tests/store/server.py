"""A real PostgreSQL server for tests, on a socket of its own in a temporary folder.

The package pgserver brings the programs, PostgreSQL installed on the machine serves as well. Its
own start-up is not used: as root it adds a user to the machine and opens the folders above it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY_S = 20.0

NOBODY = 65534
"""PostgreSQL refuses to run as root."""

SETTINGS = (
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=40",
    "autovacuum=off",
    "logging_collector=off",
)


class Server:
    """A server that can be stopped, and started again.

    Args:
        folder: Where its data are, and its socket.
        programs: PostgreSQL's programs.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        self.url = f"postgresql://postgres:unasked@/postgres?host={folder}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = _start(self.folder, self._programs)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it if it runs: SIGINT shuts it down fast, SIGQUIT is as good as a crash."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(READY_S)


@contextmanager
def own_server() -> Iterator[Server]:
    """Run a server while the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="mg-pg-"))
    server: Server | None = None
    try:
        programs = _programs(folder)
        if _is_root():
            os.chown(folder, NOBODY, NOBODY)
        _call(folder, programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres",
              "--no-sync", "-E", "UTF8", "--locale=C")  # fmt: skip
        server = Server(folder, programs)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server while the block runs; give its URL, whose password is not asked for."""
    with own_server() as server:
        yield server.url


def _start(folder: Path, programs: Path) -> subprocess.Popen[bytes]:
    settings = [part for setting in SETTINGS for part in ("-c", setting)]
    log = folder / "log"
    with log.open("wb") as opened:
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, *settings],
            stdin=subprocess.DEVNULL,
            stdout=opened,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_env(folder),
            start_new_session=True,
            **_as_nobody(),
        )
    until = time.monotonic() + READY_S
    while b"ready to accept connections" not in log.read_bytes():
        if server.poll() is not None or time.monotonic() > until:
            server.kill()
            raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text()}")
        time.sleep(0.01)
    return server


def _call(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=_env(folder), check=False,
        **_as_nobody(),
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{command[0]} fails:\n{done.stdout}{done.stderr}")


def _env(folder: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C"}


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _as_nobody() -> dict[str, object]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if _is_root() else {}


def _programs(folder: Path) -> Path:
    """Return the folder of PostgreSQL's programs, where whoever runs them can reach them."""
    spec = importlib.util.find_spec("pgserver")
    if spec is not None and spec.submodule_search_locations:
        package = Path(spec.submodule_search_locations[0])
        if _is_root() and not _open_to_all(package):
            package = _copied(package, folder)
        return package / "pginstall" / "bin"
    return _installed()


def _installed() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        raise RuntimeError("No PostgreSQL: pip install pgserver")
    return versions[-1].parent


def _open_to_all(path: Path) -> bool:
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (path, *path.parents))


def _copied(package: Path, folder: Path) -> Path:
    for source in (package, package.with_name("pgserver.libs")):
        if source.exists():
            shutil.copytree(source, folder / "programs" / source.name)
    folder.chmod(0o711)
    return folder / "programs" / package.name
