"""The calculator: what it knows, what it refuses, and that it always comes back."""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph import Agent, ScriptedBackend, Team, UserError
from massgraph.tools import calculator_tool
from massgraph.tools.arithmetic import FUNCTIONS, NAMES
from massgraph.tools.calculator import CalculationError, calculate, shown

LONGEST_S = 1.0
"""How long any expression may take on a busy machine; a usual one takes less than 1 ms."""

VALUES: dict[str, Any] = {
    "1 + 1": 2,
    " 2 * (3 + 4) ** 2 ": 98,
    "9.11 > 9.9": False,
    "7 // 2": 3,
    "-7 % 3": 2,
    "2 ** 100": 2**100,
    "2 ** -1": 0.5,
    "0.1 + 0.2": 0.1 + 0.2,
    "sqrt(2)": math.sqrt(2),
    "log(100, 10)": 2.0,
    "ln(e)": 1.0,
    "round(2.567, 2)": 2.57,
    "round(2.4)": 2,
    "sin(pi / 2)": 1.0,
    "min(3, 1, 2) + max(1, 5)": 6,
    "sum(1, 2, 3)": 6,
    "mean(1, 2)": 1.5,
    "factorial(20)": math.factorial(20),
    "factorial(3.0)": 6,
    "comb(52, 5)": 2_598_960,
    "perm(10, 3)": 720,
    "gcd(12, 18) * lcm(4, 6)": 72,
    "pow(2, 10)": 1024,
    "1 if 2 > 1 else 0": 1,
    "1 < 2 < 3 and not 3 < 2": True,
    "int(3.9) + abs(-2)": 5,
    "1_000 * 1e3": 1e6,
}

REFUSED: dict[str, str] = {
    "": "The expression is empty.",
    "1 / 0": "Division by zero.",
    "5 % 0": "Division by zero.",
    "sqrt(-1)": "This cannot be calculated: math domain error.",
    "sqroot(2)": "There is no function 'sqroot'; did you mean 'sqrt'.",
    "radius * 2": "There is no name 'radius'; did you mean 'radians'.",
    "2 ^ 3": "This is not an expression: '^' is no operator here: write ** for a power.",
    "sqrt": "This is a function: write its arguments behind it, in brackets.",
    "exp(1000)": "The result is too large.",
    "10 ** 10 ** 10": "The power is too large for this calculator.",
    "2 ** 9999 * 2 ** 9999": "The number is too large for this calculator.",
    "1 << 20000": "The shift is too large for this calculator.",
    "factorial(5000)": "A factorial of more than 1000 is too large for this calculator.",
    "factorial(-1)": "This cannot be calculated: a factorial is of a whole number, 0 or more.",
    "comb(10 ** 9, 10 ** 8)": "What is to be counted is too large for this calculator.",
    "round(5, -10 ** 9)": "The number of digits is too large for this calculator.",
    "'a' * 10 ** 9": "Only numbers can be calculated with.",
    "1 +": "This is not an expression: invalid syntax.",
    "1; 2": "This is not an expression: invalid syntax.",
    "x = 1": "This is not an expression: invalid syntax.",
    "1" * 1001: "The expression is longer than 1000 characters.",
    "-" * 999 + "1": "The expression is nested too deeply.",
}

SYNTAX = [
    "(1).real",
    "().__class__.__bases__[0]",
    "[1, 2][0]",
    "[x for x in (1, 2)]",
    "(lambda: 1)()",
    "sqrt(2)(3)",
    "f'{1}'",
    "1 in (1, 2)",
    "~5",
    "min(x=1)",
    "{1: 2}",
]


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_what_it_calculates(text: str, value: Any) -> None:
    """Arithmetic, comparisons, the usual functions and constants."""
    assert calculate(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=[k[:20] for k in REFUSED])
def test_what_it_refuses(text: str, said: str) -> None:
    """The model is told what is wrong, in words that help to write a better expression."""
    message = calculator_tool().invoke({"expression": text})
    assert (message.text, message.status) == (said, "error")


@pytest.mark.parametrize("text", SYNTAX)
def test_it_knows_no_other_syntax(text: str) -> None:
    """No attributes, no indexes, no names, no functions but its own."""
    with pytest.raises(CalculationError, match="no other syntax"):
        calculate(text)


@pytest.mark.parametrize("name", ["__import__", "open", "eval", "print", "random", "os"])
def test_nothing_of_python_can_be_called(name: str) -> None:
    """What is no function of the calculator is not there."""
    with pytest.raises(CalculationError, match=f"There is no function '{name}'"):
        calculate(f"{name}(1)")


_numbers = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.floats(allow_nan=False).map(repr),
    st.sampled_from([*NAMES, "10 ** 300", "2 ** 9000"]),
)
_operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "<", "==", "and"])
_expressions = st.recursive(
    _numbers,
    lambda inner: st.one_of(
        st.tuples(inner, _operators, inner).map(lambda part: f"({' '.join(part)})"),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, max_size=3)).map(
            lambda call: f"{call[0]}({', '.join(call[1])})"
        ),
        inner.map(lambda one: f"-{one}"),
    ),
    max_leaves=12,
)


@given(st.one_of(_expressions, st.text(max_size=60)))
def test_it_always_comes_back(text: str) -> None:
    """Whatever it is given: a value or a reason, at once, and as text."""
    began = time.monotonic()
    try:
        said = shown(calculate(text))
    except CalculationError as exc:
        said = str(exc)
    assert said
    assert time.monotonic() - began < LONGEST_S


def test_an_agent_calculates() -> None:
    """By its name, in a run."""
    call = {"tool_calls": [{"name": "calculator", "args": {"expression": "6 * 7"}}]}
    model = ScriptedBackend([call, {"new_answer": "42"}])
    team = Team([Agent("alice", model, tools=["calculator"])])
    said = [event.result for event in team.stream("Q?") if event.type == "tool_finished"]
    assert said == ["42"]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it is told, before anything is sent."""
    found: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "simpleeval" else found(name)
    )
    team = Team([Agent("alice", ScriptedBackend([{"new_answer": "x"}]), tools=["calculator"])])
    with pytest.raises(UserError, match=r"'calculator' needs .* -m pip install 'massgraph\[tools"):
        team.run("Q?")
