"""S7, S8: calls of providers, one by one, make up what turns have used.

Records of a time when no call was told by itself have none, and that is no fault.
"""

from __future__ import annotations

from ..nodes.events import CallEnded, PresentingEnded, TurnEnded
from ..nodes.state import Usage
from .facts import Facts
from .finding import Found


def is_one(_: Facts, event: CallEnded) -> Found:
    """S7: one call is told, which came to an end, broke or was stopped."""
    agent, usage = event.agent, event.usage
    if usage["calls"] != 1:
        yield "S7", f"{usage['calls']} calls of {agent} are told as one"
    if event.stopped != (usage["stopped"] == 1):
        yield "S7", f"whether a call of {agent} was stopped is told in two ways"
    if event.finish_reason is not None and (event.stopped or event.failure is not None):
        yield "S7", f"a call of {agent} came to its end ({event.finish_reason}), and did not"


def is_told_like_all(facts: Facts, event: CallEnded) -> Found:
    """S7: all calls of an attempt are told, or none."""
    if facts.tells_calls is False:
        yield "S7", f"a call of {event.agent} is told, and those before it were not"


def is_within_the_budget(facts: Facts, event: CallEnded) -> Found:
    """S8: no call goes out that the run's budget of calls does not allow."""
    most = facts.setting.policy.max_calls
    at_work = [turn.calls for turn in facts.open.values()]
    at_work += [facts.presenting_calls] if facts.presenting is not None else []
    made = facts.calls + sum(usage["calls"] for usage in at_work) + event.usage["calls"]
    if most is not None and made > most:
        yield "S8", f"{made} calls were made; {most} are allowed"


def make_up_the_turn(facts: Facts, event: TurnEnded) -> Found:
    """S7: a turn has used what its calls have used."""
    turn = facts.turn_of(event.agent)
    if turn is not None and facts.tells_calls:
        yield from _sum(turn.calls, event, whole=turn.whole)


def make_up_the_presentation(facts: Facts, event: PresentingEnded) -> Found:
    """S7: presenting has used what its calls have used."""
    if facts.presenting == event.agent and facts.tells_calls:
        yield from _sum(facts.presenting_calls, event, whole=True)


def _sum(calls: Usage, event: TurnEnded | PresentingEnded, *, whole: bool) -> Found:
    """Compare what calls have used with what is told of all of them.

    Args:
        calls: What the calls have used.
        event: What is told.
        whole: Whether all of them were told; otherwise there may be more in what is told.
    """
    used = event.usage
    if whole and calls != used:
        other = [key for key, value in calls.items() if used.get(key) != value]
        yield "S7", f"{event.agent}'s calls come to another sum of {', '.join(other)}"
    elif not whole and calls["calls"] > used["calls"]:
        yield "S7", f"{event.agent} made {used['calls']} calls, and {calls['calls']} are told"
