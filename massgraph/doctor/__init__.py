"""The doctor: whether everything is in place to run a team, check by check.

    from massgraph.doctor import examined

    for check in examined(offline=True):
        print(check.line)

No key is part of any check, in no form.
"""

from __future__ import annotations

from .check import Check as Check
from .check import Level as Level
from .rounds import examined as examined
