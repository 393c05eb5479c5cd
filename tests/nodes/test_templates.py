"""The words of the machine, and those that a person puts in their place."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph import Policy, UserError
from massgraph.nodes.templates import TEMPLATES, checked_templates, message

DOCS = Path(__file__).parents[2] / "docs" / "policy.md"


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_text_would_pass_as_ones_own(name: str) -> None:
    """What is checked of a person's text holds for ours, and each placeholder is used."""
    template = TEMPLATES[name]
    assert checked_templates({name: template.text}) == {name: template.text}
    used = {field for _, field, _, _ in Formatter().parse(template.text) if field}
    assert used == template.placeholders


def test_each_template_is_documented() -> None:
    """The table of docs/policy.md names them all, in order, with their placeholders."""
    text = DOCS.read_text(encoding="utf-8").split("## Words of your own")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|[^|]*\| ([^|]*)\|$", text, re.MULTILINE)
    told = {
        name: frozenset(re.findall(r"`\{(\w+)\}`", placeholders))
        for names, placeholders in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    assert told == {name: template.placeholders for name, template in TEMPLATES.items()}


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"frist": "Go."}, "there is no template 'frist'; did you mean 'first'?"),
        ({"": "Go."}, "there is no template ''; known: answer_only, "),
        ({"first": ""}, "first: the text is empty"),
        ({"first": " \n"}, "first: the text is empty"),
        ({"first": "{count} of you"}, "first: unknown placeholder '{count}'; there is none in it"),
        ({"hurry": "Call {tool}."}, "hurry: unknown placeholder '{tool}'; did you mean 'tools'?"),
        ({"hurry": "Call {tool}."}, "hurry: the placeholder {tools} is missing"),
        ({"hurry": "Act now."}, "hurry: the placeholder {tools} is missing"),
        ({"no_call": "{{tools}}"}, "no_call: the placeholder {tools} is missing"),
        ({"hurry": "{tools"}, "hurry: a brace stands alone; write {{ for { and }} for }"),
        ({"hurry": "tools} {tools}"}, "hurry: a brace stands alone"),
        ({"first": "{"}, "first: a brace stands alone"),
        ({"rules": "{} agents"}, "rules: unknown placeholder '{}'; known: ballot, count, "),
        ({"rules": "{0}"}, "rules: unknown placeholder '{0}'"),
        ({"rules": "{count.real}"}, "rules: unknown placeholder '{count.real}'"),
        ({"rules": "{count[0]}"}, "rules: unknown placeholder '{count[0]}'"),
        ({"rules": "{count!r}"}, "rules: write the placeholder 'count' as {count}"),
        ({"rules": "{count:>9999999999}"}, "rules: write the placeholder 'count' as {count}"),
        ({"rules": "{count:{sees}}"}, "rules: write the placeholder 'count' as {count}"),
    ],
)
def test_what_is_wrong_is_told_by_name(own: dict[str, str], said: str) -> None:
    """When the policy is made, on one line."""
    with pytest.raises(UserError) as caught:
        Policy(templates=own)
    text = str(caught.value)
    assert text.startswith("Policy: templates: ")
    assert said in text
    assert "\n" not in text


def test_all_mistakes_at_once() -> None:
    """Each template that is wrong is told."""
    with pytest.raises(UserError, match=r"first: .*; there is no template 'x'.*; hurry: "):
        Policy(templates={"first": "{", "x": "y", "hurry": "z", "reasons": "Right."})


@given(st.sampled_from(sorted(TEMPLATES)), st.text(alphabet="{}ab!:.[]0 ", max_size=12))
def test_what_passes_can_be_filled_in(name: str, text: str) -> None:
    """A text that is accepted never fails later, and doubled braces are single ones."""
    try:
        own = checked_templates({name: text})
    except ValueError:
        return
    values = dict.fromkeys(TEMPLATES[name].placeholders, "V")
    assert "{{" not in text or "{" in message(own, name, **values)


def test_braces() -> None:
    """A text may have braces of its own, and values with braces stay as they are."""
    own = {"hurry": 'Call {tools} with {{"content": ...}}.'}
    assert message(own, "hurry", tools="{x}") == 'Call {x} with {"content": ...}.'
    assert message({}, "hurry", tools="`vote`").endswith("call `vote`.")
