"""The keys of the environment: which variable is set, never what it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..backends.endpoint import Vendor, endpoint
from ..backends.errors import MissingError, UserError
from ..backends.vendors import VENDORS
from .check import Check


def keys() -> Iterator[Check]:
    """Give out a check for each provider's key."""
    for vendor in VENDORS:
        yield _key(vendor)


def is_set(vendor: Vendor) -> bool:
    """Return whether a variable holds a vendor's key."""
    return any(os.environ.get(name, "").strip() for name in vendor.key_variables)


def _key(vendor: Vendor) -> Check:
    name = f"key of {vendor.title}"
    try:
        at = endpoint(vendor, None, None, None)
    except MissingError:
        return Check(name, "ok", "not set", f"set {' or '.join(vendor.key_variables)} to use it")
    except UserError as exc:
        return Check(name, "problem", str(exc))
    elsewhere = "" if at.is_own else f"; {vendor.url_variable} sends it to {at.shown}"
    return Check(name, "ok", f"{at.key_source} is set{elsewhere}")
