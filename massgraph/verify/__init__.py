"""Check a run against the protocol's invariants, from its events alone.

    verified = verify(events)
    assert verified.ok, verified.violations

Nothing of the machine that made the events is asked: what its nodes and rules decide is worked out
a second time (oracle.py).
"""

from __future__ import annotations

from .finding import Verified as Verified
from .finding import Violation as Violation
from .invariants import INVARIANTS as INVARIANTS
from .walk import verify as verify
