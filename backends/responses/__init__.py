"""The Responses wire: requests, events and results."""

from __future__ import annotations
