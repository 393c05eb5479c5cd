"""PostgreSQL's URLs without their passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backends.errors import UserError

_ESCAPE = "Write its special characters as %XX ('@' is %40, '/' is %2F, '#' is %23, '?' is %3F)."


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
    port = str(settings.get("port", "0")).replace(",", "")
    after = str(settings.get("host", "")), str(settings.get("dbname", ""))
    if any("@" in part for part in after) or not port.isdigit():
        raise UserError("The PostgreSQL URL has a password that can't be read.", hint=_ESCAPE)
    return settings


def redacted(settings: Mapping[str, Any]) -> str:
    """Return the URL of settings, for messages: user, host, port and database."""
    user, host, port = (settings.get(name) for name in ("user", "host", "port"))
    where = "" if host is None else str(host)
    socket = where.startswith(("/", "@", "%2F"))
    place = ("" if socket else where) + (f":{port}" if port else "")
    name = f"postgresql://{f'{user}@' if user else ''}{place}/{settings.get('dbname') or ''}"
    return f"{name}?host={where}" if socket else name
