"""What is installed: this program, and what is optional."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from importlib import metadata

from ..backends.local.model import pip_install
from .check import Check

_NAME = re.compile(r"[\w.-]+")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
_ALL = "all"


def versions() -> Iterator[Check]:
    """Give out which massgraph and which Python this is."""
    from .. import __version__

    yield Check("massgraph", "ok", __version__)
    system = f"{platform.system()} {platform.machine()}"
    yield Check("Python", "ok", f"{platform.python_version()} on {system}")


def extras() -> Iterator[Check]:
    """Give out a check for each extra; none has to be there."""
    for name, packages in _extras().items():
        found = {package: _version(package) for package in packages}
        lacking = [package for package, version in found.items() if version is None]
        if lacking:
            command = pip_install(f"massgraph[{name}]")
            yield Check(f"extra {name}", "ok", "not installed", f"to have it: {command}")
        else:
            told = ", ".join(f"{package} {version}" for package, version in found.items())
            yield Check(f"extra {name}", "ok", told)


def _extras() -> Mapping[str, list[str]]:
    """Return what each extra installs, as the installed massgraph has it."""
    try:
        required = metadata.requires("massgraph") or []
    except metadata.PackageNotFoundError:
        required = []
    extras: dict[str, list[str]] = {}
    for line in required:
        package, extra = _NAME.match(line), _EXTRA.search(line)
        if package and extra and extra[1] != _ALL:
            extras.setdefault(extra[1], []).append(package[0])
    return extras


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
