"""What a value may become when a person presses Tab. Nothing heavy is imported, nothing is made.

Each function has click's form: the context, the option or argument, and what is typed so far.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import click
from click.shell_completion import CompletionItem

Items = list[CompletionItem[str]]

MOST_THREADS = 50
"""More of them help nobody to choose."""
_SHIPPED = Path(__file__).parent.parent / "data" / "configs"
"""As in config/files.py, whose package is too heavy to import for it."""
_SUFFIXES = (".yaml", ".yml", ".json")
_WAIT_S = 0.2


def configs(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete a config: the shipped ones by name, and files."""
    shipped = sorted(path.stem for path in _SHIPPED.glob("*.yaml"))
    here = _files(typed, _SUFFIXES)
    if len(here) == 1 and here[0].endswith("/"):
        return [CompletionItem(typed, type="file")]  # the shell sets no blank behind a folder
    return _items([*shipped, *here], typed)


def records(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete a record: a thread, or a file."""
    return threads(context, parameter, typed) or [CompletionItem(typed, type="file")]


def files(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete a file as the shell does."""
    return [CompletionItem(typed, type="file")]


def graphs(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete the name of a graph."""
    from ..graphs.names import GRAPHS

    return _items(GRAPHS, typed)


def rules(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete the name of a rule."""
    from ..nodes.rules import RULES

    return _items(RULES, typed)


def providers(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete the name of a provider."""
    from ..backends.provider import PROVIDERS

    return _items(PROVIDERS, typed)


def price_lists(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete the name of a provider, or of a compatible server."""
    from ..backends.provider import PROVIDERS
    from ..backends.spec import SERVERS

    own = [name for name, one in PROVIDERS.items() if one.prices or one.weights]
    return _items([*own, *SERVERS], typed)


def models(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete `provider:model`; the models are looked up once the provider is there."""
    from ..backends.provider import PROVIDERS

    provider, colon, _ = typed.partition(":")
    if not colon:
        return _items([f"{name}:" for name, one in PROVIDERS.items() if one.prices], typed) + (
            _items(["local"], typed)
        )
    from ..catalogue import known_models

    found = known_models([provider]) if provider in PROVIDERS else []
    return _items((f"{one.provider}:{one.name}" for one in found if not one.aside), typed)


def threads(context: click.Context, parameter: click.Parameter, typed: str) -> Items:
    """Complete a thread of the store, the one that changed last first; without a store, none."""
    given = context.params.get("db")
    found = _rows(_database(given if isinstance(given, str) else None), typed)
    return _items((name for name, _ in sorted(found, key=lambda row: -row[1])), typed)


def one_of(words: Iterable[str]) -> Callable[[click.Context, click.Parameter, str], Items]:
    """Return what completes one of a few words."""
    return lambda context, parameter, typed: _items(words, typed)


def _items(values: Iterable[str], typed: str) -> Items:
    return [CompletionItem(value) for value in values if value.startswith(typed)]


def _files(typed: str, suffixes: tuple[str, ...]) -> list[str]:
    """Return the files with these suffixes, and the folders, that begin as it is typed."""
    before, slash, _ = typed.rpartition("/")
    folder = Path(f"{before}{slash}" or ".").expanduser()
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return []
    names = [f"{one.name}/" if one.is_dir() else one.name for one in found]
    whole = (f"{before}{slash}{name}" for name in names if not name.startswith("."))
    return [one for one in whole if one.startswith(typed) and one.endswith(("/", *suffixes))]


def _database(url: str | None) -> Path | None:
    """Return the file of a store, if it is one; the folder is not made."""
    if url is None:
        from platformdirs import user_state_path

        return user_state_path("massgraph") / "massgraph.db"
    name = url.removeprefix("sqlite:///")
    return None if name == url else Path(name).expanduser()


def _rows(path: Path | None, typed: str) -> list[tuple[str, float]]:
    """Return threads and when each has changed; of a store that cannot be read, none."""
    if path is None or not path.is_file():
        return []
    sql = """SELECT thread_id, body FROM massgraph_threads
        WHERE substr(thread_id, 1, length(?1)) = ?1 ORDER BY rowid DESC LIMIT ?2"""
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_S)) as connection:
            rows = connection.execute(sql, (typed, MOST_THREADS)).fetchall()
        return [(name, _changed(body)) for name, body in rows if isinstance(name, str)]
    except sqlite3.Error:
        return []


def _changed(body: object) -> float:
    """Return when a thread has changed; one whose row is damaged comes last."""
    try:
        return float(json.loads(str(body))["updated"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0.0
