"""A config: what is wrong with it, what it lacks on this machine, and whom it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..backends.endpoint import Endpoint, default_endpoint
from ..backends.errors import UserError
from ..backends.provider import PROVIDERS
from ..backends.spec import described
from ..config.document import Document, read_document
from ..config.files import locate
from ..config.loader import load_document
from ..config.problems import ConfigError
from .check import Check
from .reach import Visit

NAME = "config"


def team(config: str) -> tuple[list[Check], list[Visit]]:
    """Return what is to be said of a config, and the servers that it asks.

    Args:
        config: A file, or the name of a config that comes with massgraph.
    """
    try:
        document = read_document(locate(config))
        visits = list(_visits(document))
        loaded = load_document(document)
    except ConfigError as exc:
        wrong = [Check(NAME, "problem", str(one)) for one in exc.problems]
        return wrong + [_warned(one.missing, str(one)) for one in exc.warnings], []
    told = [_warned(one.missing, str(one)) for one in loaded.warnings]
    number = len(loaded.agents)
    who = f"{number} agent{'' if number == 1 else 's'}, graph {loaded.graph.name}"
    return [*told, Check(NAME, "ok", f"{loaded.source}: {who}")], visits


def _warned(missing: bool, text: str) -> Check:
    return Check(NAME, "problem" if missing else "warning", text)


def _visits(document: Document) -> Iterator[Visit]:
    value = document.value if isinstance(document.value, dict) else {}
    defaults = value.get("backend_params")
    agents = value.get("agents", [value.get("agent")])
    for agent in agents if isinstance(agents, list) else []:
        for key in ("backend", "fallback"):
            said = agent.get(key) if isinstance(agent, dict) else None
            for backend in _inside(said):
                params = defaults if isinstance(defaults, dict) else {}
                yield from _visit({**params, **backend})


def _inside(said: Any) -> Iterator[Mapping[str, Any]]:
    """Give out a backend that answers, whatever is put around it."""
    try:
        backend = described(said) if isinstance(said, str | Mapping) else None
    except UserError:  # the config's own check tells
        return
    if backend is None:
        return
    if PROVIDERS[backend["type"]].wraps:
        yield from _inside(backend.get("backend"))
    else:
        yield backend


def _visit(backend: Mapping[str, Any]) -> Iterator[Visit]:
    vendor = PROVIDERS[backend["type"]].vendor
    url = backend.get("base_url")
    if isinstance(url, str):
        yield Visit(vendor.title if vendor else str(backend["type"]), Endpoint(url, vendor=vendor))
    elif vendor is not None:
        yield Visit(vendor.title, default_endpoint(vendor))
