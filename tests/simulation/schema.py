"""Every event of a simulated run fits the schema of events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

import jsonschema_rs

from massgraph.events_schema import events_schema
from massgraph.nodes.events import Event, event_to_json


def check_schema(events: Sequence[Event]) -> None:
    """Check events, as a reader of `--events` gets them."""
    for event in events:
        told = json.loads(event_to_json(event))
        if not _validator().is_valid(told):
            problems = [one.message for one in _validator().iter_errors(told)]
            raise AssertionError(f"The schema of events refuses a {event.type}: {problems}")


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(events_schema())
