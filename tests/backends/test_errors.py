"""The error tree."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from massgraph.backends import errors
from massgraph.backends.errors import (
    BackendError,
    BackendErrorKind,
    InternalBackendError,
    MassgraphError,
    OverloadedError,
    UserError,
    as_backend_error,
    error_class,
)


def tree(cls: type[Exception], depth: int = 0) -> list[tuple[int, str]]:
    """Return the names below a class, each with its depth."""
    lines = [(depth, cls.__name__)]
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            lines += tree(child, depth + 1)
    return lines


def drawn() -> list[tuple[int, str, str]]:
    """Return what the module's docstring draws: depth, name, and the rest of the line."""
    lines = re.findall(r"^    ([ │├└─]*)(\w+) *(.*)$", errors.__doc__ or "", flags=re.MULTILINE)
    return [(len(lead) // 4, name, rest) for lead, name, rest in lines]


def test_the_drawing_is_the_tree() -> None:
    """The tree in the docstring is the tree of classes, in the same order."""
    assert [(depth, name) for depth, name, _ in drawn()] == tree(MassgraphError)


def test_the_drawing_tells_kind_and_retry() -> None:
    """The docstring tells the kind of each provider error, and whether it is retried."""
    provider_errors = {cls.__name__ for cls in BackendError.__subclasses__()}
    told = {name: rest.split()[-2:] for _, name, rest in drawn() if name in provider_errors}
    assert told == {
        cls.__name__: [cls.kind, "yes" if cls.retryable else "no"]
        for cls in BackendError.__subclasses__()
        if cls.__module__ == errors.__name__
    }


@pytest.mark.parametrize("kind", get_args(BackendErrorKind))
def test_kinds(kind: BackendErrorKind) -> None:
    """Each kind has its own class, and the class knows its kind."""
    assert error_class(kind).kind == kind


def test_an_error_carries_what_the_provider_said() -> None:
    """The wait that was asked for and the status stay with the error."""
    error = OverloadedError("Later.", retry_after=2.5, status=503)
    assert (str(error), error.retry_after, error.status) == ("Later.", 2.5, 503)


def test_a_hint_is_part_of_the_message() -> None:
    """A user error says in one line what is wrong, and what to do about it."""
    error = UserError("No key.", hint="Set one.")
    assert (str(error), error.hint) == ("No key. Set one.", "Set one.")


def test_any_exception_becomes_a_backend_error() -> None:
    """An exception that is not ours is wrapped once, with the original as its cause."""
    oops = KeyError("x")
    error = as_backend_error(oops)
    assert type(error) is InternalBackendError
    assert error.__cause__ is oops
    assert str(error) == "KeyError: 'x'"
    assert as_backend_error(error) is error
    assert str(as_backend_error(ValueError())) == "ValueError"
