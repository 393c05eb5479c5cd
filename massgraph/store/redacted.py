"""PostgreSQL's URLs without their passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ..backends.errors import UserError

_ESCAPE = "Write its special characters as %XX ('@' is %40, '/' is %2F, '#' is %23, '?' is %3F)."

_SECRET = re.compile("password|secret")
"""For a libpq that forgets to mark one."""


def postgres_settings(url: str) -> Mapping[str, Any]:
    """Return what a URL says, by libpq's names.

    Raises:
        UserError: When it is none; neither the message nor its cause tells the URL, which may
            hold a password.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        settings = conninfo_to_dict(url)
    except ProgrammingError:
        raise UserError("The PostgreSQL URL can't be read.", hint=_ESCAPE) from None
    port = str(settings.get("port", "")).replace(",", "")
    after = str(settings.get("host", "")), str(settings.get("dbname", ""))
    if any("@" in part for part in after) or (port and not port.isdigit()):
        raise UserError("The PostgreSQL URL has a password that can't be read.", hint=_ESCAPE)
    return settings


def redacted(settings: Mapping[str, Any]) -> str:
    """Return the URL of settings, for messages and commands: all that they say but what is secret.

    Read back, it says the same.
    """
    hidden = _secrets(settings)
    told = {name: str(value) for name, value in settings.items() if name not in hidden}
    user, database = (quote(told.pop(name, ""), safe="") for name in ("user", "dbname"))
    place = _place(told.get("host", ""), told.get("port", ""))
    if place:
        told = {name: value for name, value in told.items() if name not in {"host", "port"}}
    query = "&".join(f"{name}={quote(value, safe='/')}" for name, value in told.items())
    url = f"postgresql://{f'{user}@' if user else ''}{place}/{database}"
    return f"{url}?{query}" if query else url


def _secrets(names: Iterable[str]) -> set[str]:
    """Return those of libpq's names whose values are not to be shown.

    It marks them itself, also those of versions to come; its other names are shown, as they decide
    which server, schema and way are taken.
    """
    from psycopg.pq import Conninfo

    shown = {one.keyword.decode() for one in Conninfo.get_defaults() if not one.dispchar}
    return {name for name in names if name not in shown or _SECRET.search(name)}


def _place(host: str, port: str) -> str:
    """Return hosts with their ports as they stand before a URL's path.

    Nothing where they can stand in its query alone: sockets, and ports that are not one for each.
    """
    hosts, ports = host.split(","), port.split(",")
    if len(hosts) != len(ports) or not all(one and not one.startswith("/") for one in hosts):
        return ""
    return ",".join(map(_pair, hosts, ports))


def _pair(host: str, port: str) -> str:
    name = f"[{quote(host, safe=':')}]" if ":" in host else quote(host, safe="")
    return f"{name}:{port}" if port else name
