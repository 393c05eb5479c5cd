"""The test of the test: a canary is found in every form."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from massgraph.backends.keys import struck

from .canaries import Canaries

FORMS = {
    "raw": lambda key: key,
    "repr": repr,
    "json": json.dumps,
    "url": quote_plus,
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "basic": lambda key: base64.b64encode(f"u:{key}".encode()).decode(),
    "user": lambda key: base64.b64encode(f"me:{key}".encode()).decode(),
    "hex": lambda key: key.encode().hex(),
    "first half": lambda key: key[:13],
    "second half": lambda key: key[-16:],
    "upper": str.upper,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_found_in_every_form(form: str, tmp_path: Path) -> None:
    """In a text, and in a file, and nothing is found where there is none."""
    canaries = Canaries()
    key = canaries.key("here")
    canaries.key("elsewhere")
    text = f"before {FORMS[form](key)} after"
    assert canaries.found_in(text) == {"here"}
    (tmp_path / "file").write_bytes(b"\xff\0" + text.encode())
    assert canaries.found_under(tmp_path) == {"here": "file"}
    assert canaries.found_in("before and after") == set()


@pytest.mark.parametrize("form", ["raw", "repr", "json", "url"])
def test_a_key_is_struck_in_every_form(form: str) -> None:
    """As texts are quoted, nothing of a key stays."""
    canaries = Canaries()
    key = canaries.key("here")
    assert canaries.found_in(struck(f"before {FORMS[form](key)} after", [key])) == set()
