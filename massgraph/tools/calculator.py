"""`calculator`: arithmetic for agents, which can neither hang nor reach anything else."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard

from ..backends.later import Later
from ..backends.words import did_you_mean, quoted
from .arithmetic import FUNCTIONS, NAMES, OPERATORS, TooBigError, bounded
from .extras import check_extra

if TYPE_CHECKING:
    from langchain_core import tools as lc
else:
    lc = Later("langchain_core.tools")

LONGEST = 1_000
"""Characters of an expression."""
MOST_SECONDS = 2.0
"""How long one may take; none that is allowed takes nearly as long."""

DESCRIPTION = (
    "Calculate one expression, e.g. `(3.5 + 2) * 4 ** 2` or `round(sqrt(2) * 100, 2)`. "
    "Operators: + - * / // % ** and comparisons. "
    f"Functions: {', '.join(sorted(FUNCTIONS))}. Constants: pi, e, tau, inf."
)


class CalculationError(ValueError):
    """An expression without a value; the message is for the model that wrote it."""


def calculator_tool() -> lc.BaseTool:
    """Return the calculator as a LangChain tool.

    Raises:
        MissingError: When the extra `tools` is not installed.
    """
    check_extra("simpleeval", "The tool 'calculator'")
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import StructuredTool

    def calculator(expression: str) -> Any:
        try:
            return shown(calculate(expression))
        except CalculationError as exc:
            return ToolMessage(f"{exc}.", tool_call_id="", status="error")

    return StructuredTool.from_function(calculator, name="calculator", description=DESCRIPTION)


def calculate(expression: str) -> int | float | complex | bool:
    """Return the value of an expression.

    Raises:
        CalculationError: When it has none, with the reason.
    """
    if len(expression) > LONGEST:
        raise CalculationError(f"The expression is longer than {LONGEST} characters")
    try:
        value = _evaluator().eval(expression, _parsed(expression))
    except CalculationError:
        raise
    except Exception as exc:
        raise CalculationError(_reason(exc)) from exc
    if not isinstance(value, int | float | complex):
        raise CalculationError("This is a function: write its arguments behind it, in brackets")
    return value


def shown(value: complex) -> str:
    """Return a value as the model reads it."""
    return str(value)


def _parsed(expression: str) -> ast.AST:
    if not expression.strip():
        raise CalculationError("The expression is empty")
    return ast.parse(expression.strip(), mode="eval").body


def _evaluator() -> Any:
    """Return an evaluator of numbers: no attributes, no texts, no names but ours."""
    from simpleeval import SimpleEval  # type: ignore[import-untyped]

    by = time.monotonic() + MOST_SECONDS
    evaluator: Any = SimpleEval(
        operators={kind: _checked(function, by) for kind, function in OPERATORS.items()},
        functions={name: _checked(function, by) for name, function in FUNCTIONS.items()},
        names=NAMES,
    )
    kept = (ast.Name, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call)
    nodes: dict[type[ast.AST], Any] = {kind: evaluator.nodes[kind] for kind in kept}
    evaluator.nodes = {**nodes, ast.Constant: _number}
    return evaluator


def _checked(function: Callable[..., Any], by: float) -> Callable[..., Any]:
    return partial(_apply, function, by)


def _apply(function: Callable[..., Any], by: float, *values: Any) -> Any:
    if time.monotonic() > by:
        raise CalculationError(f"The calculation takes longer than {MOST_SECONDS:g} s")
    return bounded(function(*values))


def _number(node: ast.Constant) -> Any:
    if not isinstance(node.value, int | float):
        raise CalculationError("Only numbers can be calculated with")
    return bounded(node.value)


def _reason(exc: Exception) -> str:
    """Return why there is no value, in words that help to write a better expression."""
    unknown = getattr(exc, "func_name", None) or (exc.name if _is_name(exc) else None)
    if unknown is not None:
        what, known = ("name", [*NAMES, *FUNCTIONS]) if _is_name(exc) else ("function", FUNCTIONS)
        near = did_you_mean(str(unknown), sorted(known))
        return f"There is no {what} {quoted(str(unknown))}{near}".removesuffix("?")
    if isinstance(exc, TooBigError):
        return f"{str(exc)[0].upper()}{str(exc)[1:]}"
    said = exc.msg if isinstance(exc, SyntaxError) else str(exc)
    return next(text for kinds, text in _reasons() if isinstance(exc, kinds)).format(said)


def _is_name(exc: Exception) -> TypeGuard[NameError]:
    return type(exc).__name__ == "NameNotDefined"


def _reasons() -> list[tuple[type[Exception] | tuple[type[Exception], ...], str]]:
    """Return what is told of each kind of error, the more specific ones first."""
    from simpleeval import FeatureNotAvailable, OperatorNotDefined

    return [
        (
            (FeatureNotAvailable, OperatorNotDefined, LookupError),
            "This calculator knows numbers, operators and functions, and no other syntax",
        ),
        (ZeroDivisionError, "Division by zero"),
        (OverflowError, "The result is too large"),
        ((RecursionError, MemoryError), "The expression is nested too deeply"),
        (SyntaxError, "This is not an expression: {}"),
        (Exception, "This cannot be calculated: {}"),
    ]
