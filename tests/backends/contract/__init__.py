"""What every backend must fulfil, as tests to inherit.

    class TestMine(BackendContract):
        harness = MyHarness(Can(reasoning=False))

A harness opens backends whose provider says what a list of turns tells it to say. What a backend
cannot do, or its test server cannot be told, is a flag of `Can`: each test that is skipped names
its flag.
"""

from __future__ import annotations

from .asking import (
    LONG as LONG,
)
from .asking import (
    QUESTION as QUESTION,
)
from .asking import (
    TEXT as TEXT,
)
from .asking import (
    WEATHER as WEATHER,
)
from .asking import (
    call as call,
)
from .asking import (
    collect as collect,
)
from .asking import (
    collect_failing as collect_failing,
)
from .asking import (
    first_words as first_words,
)
from .asking import (
    listen as listen,
)
from .builtin_tools import BuiltinTools
from .conversations import Conversations
from .endings import Endings
from .failures import Failures
from .harness import (
    Can as Can,
)
from .harness import (
    Harness as Harness,
)
from .harness import (
    Said as Said,
)
from .harness import (
    WireHarness as WireHarness,
)
from .lives import Lives
from .stopping import Stopping
from .texts import Texts
from .tool_calls import ToolCalls
from .usage import Usage


class BackendContract(
    Texts,  # text and reasoning, byte for byte
    ToolCalls,  # one and several, their arguments split anywhere
    BuiltinTools,
    Usage,
    Endings,  # refusal, length limit
    Failures,  # errors before and after the first chunk
    Stopping,  # cancellation
    Conversations,  # what is sent back is accepted
    Lives,  # event loops, calls at the same time, closing
):
    """The contract."""
