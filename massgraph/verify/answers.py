"""S3, S7: what is published is what was given in the round, and it is published whole."""

from __future__ import annotations

from ..nodes.actions import fold_space
from ..nodes.events import AnswersAccepted, RoundOpened
from .facts import Facts
from .finding import Found


def are_those_given(facts: Facts, event: AnswersAccepted) -> Found:
    """S3: who gave an answer in the round has it published, and nobody else."""
    given = {a: turn for a, turn in facts.ended.items() if turn.outcome == "new_answer"}
    published = {answer["agent"]: answer for answer in event.answers}
    if not published:
        yield "S3", "no answer is published"
    if len(published) < len(event.answers):
        yield "S3", "an agent has two answers published at once"
    for agent, answer in published.items():
        if agent not in given:
            if facts.asked is not None:  # else the round was told before this record: of a fork
                yield "S3", f"an answer of {agent} is published, who gave none in the round"
            continue
        if answer["epoch"] != event.epoch:
            yield (
                "S3",
                f"{agent}'s answer is of epoch {answer['epoch']}, published in {event.epoch}",
            )
        told = given[agent].text
        if told is not None and told != answer["text"]:
            yield "S7", f"the answer of {agent} that is published is not the one that it wrote"
    texts = {fold_space(answer["text"]) for answer in event.answers}
    if len(texts) < len(event.answers):
        yield "S3", "two of the answers that are published are the same"


def replace_older_ones(facts: Facts, event: AnswersAccepted) -> Found:
    """S3: whose new answer is the same as a peer's keeps no older one."""
    given = {agent for agent, turn in facts.ended.items() if turn.outcome == "new_answer"}
    merged = given - {answer["agent"] for answer in event.answers}
    if set(event.withdrawn) != merged & set(facts.answers):
        yield "S3", f"withdrawn is {event.withdrawn}, and not {sorted(merged & set(facts.answers))}"
    texts = {fold_space(answer["text"]) for answer in event.answers}
    for agent in merged:
        text = facts.ended[agent].text
        if text is not None and fold_space(text) not in texts:
            yield "S3", f"the new answer of {agent} is not published"


def are_none_that_was_shown(facts: Facts, event: AnswersAccepted) -> Found:
    """S3: an answer that its author was shown is no new one; who is asked for one may stand by it.

    Those that are merely close to one are not looked for.
    """
    stands = facts.phase in (None, "answer") and facts.setting.policy.novelty == "exact"
    for answer in () if stands else event.answers:
        turn = facts.ended.get(answer["agent"])
        seen = facts.setting.authors(turn.seen or ()) if turn is not None else []
        shown = {fold_space(facts.texts[author]) for author in seen if author in facts.texts}
        if fold_space(answer["text"]) in shown:
            yield "S3", f"the new answer of {answer['agent']} is one that it was shown"


def everybody_owing_is_asked(facts: Facts, event: RoundOpened) -> Found:
    """S3: a round asks everybody who owes, and after new answers or a debate that is everybody."""
    owing, known = facts.owing, facts.setting.shape is not None
    if not event.asked:
        yield "S3", "nobody is asked"
    extra = [agent for agent in event.asked if agent not in owing]
    missing = [agent for agent in owing if agent not in event.asked] if known else []
    if extra:
        yield "S3", f"{', '.join(map(str, extra))} is asked, and owes nothing"
    if missing:
        yield "S3", f"{', '.join(missing)} owes an action, and is not asked"
    if not extra and not missing and known and event.asked != owing:
        yield "S3", "agents are not asked in their order"
    if facts.settled:
        yield "S6", "a round is opened after settling"
