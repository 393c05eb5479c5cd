"""What a calculator knows: its operators, functions and constants, none of which can take long.

Whole numbers are exact and unlimited in Python, so each operation that can make them long looks at
its operands first. A single operation holds the interpreter's lock until it is done.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

MOST_BITS = 10_000
"""The longest whole number, about 3,000 digits."""
MOST_STEPS = 1_000
"""The largest argument of a function that counts up to it."""


class TooBigError(ValueError):
    """A number that would get too long."""


def _too_big(what: str) -> TooBigError:
    return TooBigError(f"{what} is too large for this calculator")


def bounded(value: Any) -> Any:
    """Return a value that is not too long.

    Raises:
        TooBigError: When it is.
    """
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise _too_big("the number")
    return value


def power(base: Any, exponent: Any) -> Any:
    """Return `base ** exponent`."""
    whole = isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1
    if whole and abs(base).bit_length() * abs(exponent) > 2 * MOST_BITS:
        raise _too_big("the power")
    return base**exponent


def shifted(value: Any, by: Any) -> Any:
    """Return `value << by`."""
    if isinstance(by, int) and by > MOST_BITS:
        raise _too_big("the shift")
    return value << by


def factorial(number: Any) -> int:
    """Return `number!`."""
    if number != int(number) or number < 0:
        raise ValueError("a factorial is of a whole number, 0 or more")
    whole = int(number)
    if whole > MOST_STEPS:
        raise _too_big(f"a factorial of more than {MOST_STEPS}")
    return math.factorial(whole)


def comb(n: int, k: int) -> int:
    """Return how many ways there are to choose k of n."""
    _check_count(n, k)
    return math.comb(n, k)


def perm(n: int, k: int) -> int:
    """Return how many ways there are to arrange k of n."""
    _check_count(n, k)
    return math.perm(n, k)


def _check_count(n: int, k: int) -> None:
    if operator.index(n).bit_length() * operator.index(k) > 2 * MOST_BITS:
        raise _too_big("what is to be counted")


def rounded(value: Any, digits: int = 0) -> Any:
    """Return a value rounded to digits behind the point; without digits, a whole number."""
    if abs(digits) > MOST_STEPS:
        raise _too_big("the number of digits")
    return round(value, digits) if digits else round(value)


def total(*values: Any) -> Any:
    """Return the sum of the values."""
    return sum(values)


def mean(*values: Any) -> Any:
    """Return the mean of the values."""
    return sum(values) / len(values)


def _not_power(left: Any, right: Any) -> Any:
    raise SyntaxError("'^' is no operator here: write ** for a power")


OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: power,
    ast.BitXor: _not_power,
    ast.LShift: shifted,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(math, name)
        for name in (
            *("sqrt", "cbrt", "exp", "log", "log2", "log10", "log1p", "hypot"),
            *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh"),
            *("degrees", "radians", "floor", "ceil", "trunc", "gcd", "lcm"),
        )
    },
    "ln": math.log,
    "abs": abs,
    "min": min,
    "max": max,
    "int": int,
    "float": float,
    "pow": power,
    "round": rounded,
    "factorial": factorial,
    "comb": comb,
    "perm": perm,
    "sum": total,
    "mean": mean,
}

NAMES: dict[str, Any] = {
    "pi": math.pi,
    "e": math.e,
    "tau": math.tau,
    "inf": math.inf,
    "True": True,
    "False": False,
}
