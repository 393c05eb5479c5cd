"""S8, L1: limits hold."""

from __future__ import annotations

from ..nodes.events import PresentingEnded, RunFinished, TurnEnded, Verdict
from .facts import Facts
from .finding import Found


def of_a_turn(facts: Facts, event: TurnEnded) -> Found:
    """S8: a turn makes as many requests as it has tries, and its agent has answers left."""
    policy, turn = facts.setting.policy, facts.turn_of(event.agent)
    if turn is None:
        return
    requests = event.usage["calls"] + event.usage["retries"]
    # The soft deadline grants one more, as does each tool, and whoever has it begin afresh.
    most = policy.attempts + 1 + turn.tools + turn.afresh
    if requests > most:
        yield "S8", f"{event.agent} made {requests} requests in a turn; {most} are allowed"
    if event.outcome == "new_answer":
        drafts = facts.drafts[event.agent] + 1
        if drafts > policy.max_answers_per_agent:
            yield "S8", f"{event.agent} gave {drafts} answers"


def of_the_budget(facts: Facts, event: TurnEnded | PresentingEnded) -> Found:
    """S8: budgets are passed by no more than the calls in flight, and never by calls."""
    policy, calls = facts.setting.policy, event.usage["calls"]
    if policy.max_calls is not None and facts.calls + calls > policy.max_calls:
        yield "S8", f"{facts.calls + calls} calls were made; {policy.max_calls} are allowed"
    turn = facts.turn_of(event.agent)
    before = facts.tokens if isinstance(event, PresentingEnded) else turn.spent if turn else 0
    if policy.max_tokens is not None and calls and before >= policy.max_tokens:
        yield "S8", f"{event.agent} was called after {before} tokens of {policy.max_tokens}"


def of_rounds(facts: Facts, event: Verdict) -> Found:
    """S8: rounds are opened again, and debates held, as often as allowed."""
    policy = facts.setting.policy
    if event.verdict == "unfinished" and facts.opened > policy.max_unfinished_rounds:
        yield "S8", f"{facts.opened} rounds of epoch {event.epoch} were unfinished"
    if event.verdict == "no_consensus" and facts.debates >= policy.max_debate_rounds:
        yield "S8", f"a debate after {facts.debates} of {policy.max_debate_rounds}"
    if event.verdict in ("unfinished", "no_consensus") and facts.late:
        yield "S8", f"the verdict is {event.verdict}, after the run's deadline"


def of_time(facts: Facts, event: RunFinished) -> Found:
    """L1: a run is over by its deadline, and the round's that it may be in."""
    policy = facts.setting.policy
    most = policy.run_deadline_s + policy.round_deadline_s + facts.setting.slack_s
    if event.t > most:
        yield "L1", f"the run took {event.t:.1f} s; its deadlines allow {most:.1f} s"
