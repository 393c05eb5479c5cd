"""Rules of one's own: by decorator, by `module:function`, by entry point, and what is refused."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from massgraph import Policy, UserError, rule
from massgraph.nodes.rules import (
    RULES,
    Candidate,
    Decision,
    Electorate,
    RuleOptions,
    Vote,
    borda,
    find_rule,
    is_ranked,
    plurality,
    registry,
    rule_name,
)

KNOWN = ["plurality", "majority", "supermajority", "unanimity", "borda", "ranked"]


def last_one(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect whoever is registered last."""
    return Decision(candidates[-1].agent)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test register what it likes."""
    monkeypatch.setattr(registry, "_rules", dict(RULES))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    registry._found.cache_clear()
    last_one.__dict__.pop("ranked", None)


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., None]:
    """Return what installs a package: its code, and the entry points that it brings."""

    def install(name: str, code: str, **points: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{point} = {value}" for point, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[massgraph.rules]", *lines, ""]))
        if str(tmp_path) not in sys.path:
            sys.path.insert(0, str(tmp_path))

    return install


CODE = (
    "def chosen(ballots, candidates, electorate, options):\n    return None\nchosen.ranked = True\n"
)


def test_the_rules_that_come_with_it() -> None:
    """Six, of which two are counted by rankings."""
    assert list(RULES) == KNOWN
    assert [name for name in RULES if is_ranked(name)] == ["borda", "ranked"]
    assert is_ranked(borda)
    assert not is_ranked(plurality)


def test_a_decorator() -> None:
    """It registers under the function's name, or another one, and gives the function back."""
    assert rule(last_one) is last_one
    assert Policy(rule="last_one").describe()["rule"] == "last_one"
    assert find_rule("last_one") is last_one
    assert not is_ranked("last_one")


def test_a_decorator_with_a_name() -> None:
    """A name, and whether ballots are rankings."""
    assert rule("the last", ranked=True)(last_one) is last_one
    assert find_rule("the last") is last_one
    assert is_ranked("the last")
    assert is_ranked(last_one)
    assert Policy(rule=last_one).describe()["rule"] == "the last"


def test_a_decorator_with_a_function_s_name() -> None:
    """`@rule(ranked=True)` takes the function's name."""
    rule(ranked=True)(last_one)
    assert is_ranked("last_one")


def test_the_same_definition_again() -> None:
    """A module that is loaded again, or a notebook's cell, replaces what it registered."""
    rule(last_one)
    rule(last_one)

    def again() -> Any:
        @rule("mine")
        def mine(*election: object) -> Decision | None:
            return None

        return mine

    first, second = again(), again()
    assert first is not second
    assert find_rule("mine") is second


@pytest.mark.parametrize("name", ["plurality", "ranked", "mine"])
def test_a_name_that_is_taken(name: str) -> None:
    """No rule replaces another."""
    rule("mine")(plurality)
    with pytest.raises(UserError, match=f"There is a rule '{name}' already; give yours another"):
        rule(name)(last_one)


@pytest.mark.parametrize("name", ["", " ", "a:b", " a"])
def test_a_name_that_is_none(name: str) -> None:
    """Nothing that a config could not tell from something else."""
    with pytest.raises(UserError, match="is no name for a rule"):
        rule(name)(last_one)


async def later(ballots: Any, candidates: Any, electorate: Any, options: Any) -> Any:
    return None


UNFIT: dict[str, tuple[Any, str]] = {
    "three arguments": (lambda a, b, c: None, "takes (a, b, c); a rule takes (ballots, "),
    "five arguments": (lambda a, b, c, d, e: None, "takes (a, b, c, d, e); a rule takes"),
    "by name only": (lambda *, ballots: None, "takes (*, ballots); a rule takes"),
    "an async function": (later, "is an async function; a rule is a plain one"),
}


@pytest.mark.parametrize(("function", "said"), UNFIT.values(), ids=UNFIT)
def test_a_function_that_is_no_rule(function: Any, said: str) -> None:
    """It is refused when the policy is made, and by the decorator."""
    with pytest.raises(UserError, match=re.escape(said)):
        Policy(rule=function)
    with pytest.raises(UserError, match=re.escape(f"The rule 'unfit' {said}")):
        rule("unfit")(function)


def with_seats(seats: int, ballots: Any, candidates: Any, electorate: Any, options: Any) -> Any:
    return None


FIT = [last_one, lambda *all_of_it: None, lambda a, b, c, d, e=1: None, partial(with_seats, 1)]


@pytest.mark.parametrize("function", FIT)
def test_a_function_that_is_a_rule(function: Any) -> None:
    """Whatever can be called with the four arguments."""
    assert Policy(rule=function).rule is function
    assert rule_name(function)
    assert isinstance(Policy(rule=function).describe()["rule"], str)


def test_a_function_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`module:function`, of the working directory, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_own_rules.py").write_text(CODE + "number = 3\n")
    policy = Policy(rule="my_own_rules:chosen")
    assert policy.describe()["rule"] == "my_own_rules:chosen"
    assert is_ranked(policy.rule)
    for text, said in {
        "my_own_rules:missing": "has no 'missing'",
        "my_own_rules:number": "is not a function",
        "no_such_rules:f": "cannot be imported",
        "json:dumps": "takes (obj",
    }.items():
        with pytest.raises(UserError, match=re.escape(said)):
            Policy(rule=text)


def test_an_entry_point(package: Callable[..., None]) -> None:
    """A rule that an installed package brings is found by its name."""
    with pytest.raises(UserError, match="unknown rule 'brought'"):
        Policy(rule="brought")
    package("bringer", CODE, brought="bringer:chosen", plurality="bringer:chosen")
    assert Policy(rule="brought").rule == "brought"
    assert is_ranked("brought")
    assert find_rule("plurality") is plurality


def test_entry_points_that_are_wrong(package: Callable[..., None]) -> None:
    """One that is brought twice, one that cannot be loaded, and one that is no rule."""
    package("one", CODE, doubled="one:chosen", broken="one:missing", unfit="json:dumps")
    package("two", CODE, doubled="two:chosen")
    with pytest.raises(UserError, match="'doubled' is brought more than once: one:chosen, two:cho"):
        Policy(rule="doubled")
    with pytest.raises(UserError, match=r"'broken' \(one:missing\) cannot be loaded: Attribute"):
        Policy(rule="broken")
    with pytest.raises(UserError, match="The rule 'unfit' takes"):
        Policy(rule="unfit")


def test_an_unknown_name(package: Callable[..., None]) -> None:
    """It is told with what is known, packages' rules included, and with a near one."""
    package("three", CODE, brought="three:chosen")
    rule(last_one)
    known = ", ".join([*KNOWN, "last_one", "brought"])
    told = {"dictator": f"; known: {known}", "brougt": "; did you mean 'brought'? known"}
    for text, near in told.items():
        with pytest.raises(UserError, match=re.escape(f"unknown rule '{text}'{near}")):
            Policy(rule=text)
