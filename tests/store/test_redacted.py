"""PostgreSQL's URLs in messages: they say all but the password."""

from __future__ import annotations

import pytest
from psycopg.pq import Conninfo
from psycopg.pq.misc import ConninfoOption

from massgraph.store import open_storage
from massgraph.store.redacted import postgres_settings, redacted

SECRET = "sk-canary"

URLS = [
    "postgresql://h",
    "postgresql://me@h/db",
    "postgresql://h:5433/db",
    "postgresql://:5433/db",
    "postgresql://me@[::1]:5433/db",
    "postgresql://me@[fe80::1%25eth0]/db",
    "postgresql://a:1,b:2/db",
    "postgresql://a:1,[::1]/db",
    "postgresql://a,b/db",
    "postgresql://a,b/db?port=3",
    "postgresql://a,,b/db",
    "postgresql://m%40c%3Aorp@h/db",
    "postgresql://me@h/d%20b%3Fx%2F%23",
    "postgresql://me@/db?host=/tmp/a%20b%26c",
    "postgresql://me@/db?host=/tmp&port=5433",
    "postgresql://me@%2Ftmp/db",
    "postgresql://me@/db?host=a,/tmp/x&port=1,2",
    "postgresql://me@h/db?hostaddr=127.0.0.1",
    "postgresql://me@h/db?options=-csearch_path%3Dmg%20-cx%3Da%26b&sslmode=require",
    "postgresql://me@h/db?sslcert=/a%20b/c.pem&sslkey=/k.pem&passfile=/p&ssl_min_protocol_version=TLSv1.3",
    "postgresql:///?service=x",
    "postgres://me@h/db?application_name=mine&target_session_attrs=read-write",
]


@pytest.mark.parametrize("url", URLS)
def test_it_leads_where_the_whole_one_leads(url: str) -> None:
    """What is read of it is what was read of the URL itself, and it is stable."""
    shown = open_storage(url).url
    assert postgres_settings(shown) == postgres_settings(url)
    assert open_storage(shown).url == shown


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("name", ["password", "sslpassword"])
def test_its_secrets_are_left_out(url: str, name: str) -> None:
    """A password is in no message, and what is left is what it was without one."""
    whole = f"{url}{'&' if '?' in url else '/?' if url.count('/') == 2 else '?'}{name}={SECRET}"
    assert postgres_settings(whole)[name] == SECRET
    assert open_storage(whole).url == open_storage(url).url


def test_what_is_not_known_is_left_out() -> None:
    """A name of a libpq to come may be that of a secret."""
    names = ("scram_client_key", "scram_server_key", "oauth_client_secret", "nonsense", "password2")
    told = {"host": "h", "dbname": "db", **dict.fromkeys(names, SECRET)}
    assert redacted(told) == "postgresql://h/db"


def test_a_libpq_that_does_not_mark_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called a password, or a secret, is left out all the same."""
    told = [one._replace(dispchar=b"") for one in Conninfo.get_defaults()]

    def unmarked() -> list[ConninfoOption]:
        return told

    monkeypatch.setattr(Conninfo, "get_defaults", unmarked)
    settings = {"host": "h", "password": SECRET, "sslpassword": SECRET, "options": "-cx=1"}
    assert redacted(settings) == "postgresql://h/?options=-cx%3D1"
