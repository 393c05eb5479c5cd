"""All checks, in the order in which a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..backends.endpoint import default_endpoint
from ..backends.provider import PROVIDERS
from ..backends.vendors import VENDORS
from ..catalogue import access_to, local_missing
from ..config.env import read_env_file
from ..config.problems import ConfigError
from .check import Check
from .embedded import embedded
from .extras import extras, versions
from .keys import is_set, keys
from .reach import Visit, reached
from .state import database, state_folder
from .terminal import stderr, terminal
from .tracing import tracing


def examined(
    *, config: str | None = None, offline: bool = False, deep: bool = False, db: str | None = None
) -> Iterator[Check]:
    """Give out a check after the other; servers are asked at once, without a key.

    Args:
        config: A config whose team should be able to run, too.
        offline: Whether no server is asked.
        deep: Whether the embedded model is asked a question.
        db: The URL of the store; None for the user's own.
    """
    for check in _all(config, offline, deep, db):
        yield check.clean()


def _all(config: str | None, offline: bool, deep: bool, db: str | None) -> Iterator[Check]:
    yield from versions()
    yield from _env_file()
    yield from keys()
    yield embedded(deep)
    yield _anybody()
    asked = [Visit(one.title, default_endpoint(one)) for one in VENDORS if is_set(one)]
    if config is not None:
        from .team import team

        checks, visits = team(config)
        yield from checks
        asked += visits
    if not offline:
        yield from reached(_once(asked))
    yield from state_folder()
    yield database(db)
    yield from extras()
    yield terminal(stderr())
    yield from tracing()


def _env_file() -> Iterator[Check]:
    try:
        problems = read_env_file()
    except ConfigError as exc:
        yield Check(".env", "problem", str(exc))
    else:
        for one in problems:
            yield Check(".env", "warning", str(one))


def _anybody() -> Check:
    """Return who can answer at all, without a config that names a server."""
    name = "who can answer"
    found = [one.name for one in PROVIDERS.values() if one.prices and one.vendor]
    found = [name for name in found if access_to(name).missing is None]
    lacks = local_missing()
    found += ["local"] if lacks is None else []
    if found:
        return Check(name, "ok", ", ".join(found))
    return Check(name, "problem", "nobody", f"set a key, or install the embedded model: {lacks}")


def _once(visits: Iterable[Visit]) -> list[Visit]:
    """Return the visits without those to the same address."""
    return list({visit.at.shown: visit for visit in visits}.values())
