"""Fences: what somebody wrote, set apart from what the machine says.

A fence carries a nonce of the run. The text inside is changed only where it could pass for
something else: the nonce itself, the control tokens of chat templates, tags of a role or like a
fence's own marks, and lines that pose as another speaker. What only looks like one of these counts
as one: characters that nobody sees are looked through, and lookalikes are read as what they look
like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .lookalikes import as_read, places

_INST = re.compile(
    r"\[(/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)|gMASK)\]", re.IGNORECASE
)
_TOKEN = (
    r"</?SYS>|(?:start|end)_of_turn|/?s|bos|eos|sop|eop|extra_id_\d{1,3}"
    r"|/?(?:tool_call|tool_response|function_calls|function_results)"
)
_CONTROL_TOKEN = re.compile(
    rf"<([|\uff5c][^\s<>|\uff5c]{{1,64}}[|\uff5c]|{_TOKEN})>", re.IGNORECASE
)
_ROLE = r"(?:system|developer|assistant|user|human)"
_ROLE_TAG = re.compile(
    # Not a header's name, nor a type's parameter: `#include <user.h>`, `List<User>`.
    rf"<(?!(?<=\w<)(?-i:[A-Z][a-z]+)>)(/?(?:{_ROLE}|agent\d{{1,9}})\b(?!\.\w{{1,8}}>)[^<>]{{0,80}})>",
    re.IGNORECASE,
)
_BREAKS = r"\r\v\f\x1c-\x1e\x85\u2028\u2029"
_BLANKS = rf"[^\S\n{_BREAKS}]*+"
_MARKS = rf"(?:(?:[#>*_\[+\u2022\u2013\u2014-]|\d{{1,3}}[.)]){_BLANKS})*+"
"""What may go before a speaker's name: the marks of headings, lists, quotes and emphasis."""
_MESSAGE = r"(?:instruction|message|prompt|note|notice|reminder|override|update)s?"
_SPEAKER = re.compile(
    rf"(?:^|(?<=[{_BREAKS}]))(?={_BLANKS}"
    rf"(?:{_MARKS}{_ROLE}(?:[*_]*+{_BLANKS}{_MESSAGE})?|\#{{2,}}+{_BLANKS}[*_]*+instructions?)"
    rf"[*_]*+{_BLANKS}[:\uff1a\]])",
    re.IGNORECASE | re.MULTILINE,
)


def fence(nonce: str, label: str, text: str) -> str:
    """Return `text` between two marks that it cannot close, and that name whose it is."""
    return f"<{label} {nonce}>\n{escape(nonce, text)}\n</{label} {nonce}>"


def escape(nonce: str, text: str) -> str:
    """Return `text` with everything defused that could pass for the machine's own words."""
    text = _struck(nonce, text)
    text = _in_other_brackets(_INST, "()", text)
    text = _in_other_brackets(_CONTROL_TOKEN, "\u2039\u203a", text)
    text = _in_other_brackets(_ROLE_TAG, "\u2039\u203a", text)
    starts = (start for start, _ in _found(_SPEAKER, text))
    return _changed(text, ((start, start, "> ") for start in starts))


def _struck(nonce: str, text: str) -> str:
    """Return the text with dashes instead of the nonce."""
    pattern, dashes = re.compile(re.escape(nonce), re.IGNORECASE), "-" * len(nonce)
    return _changed(text, ((start, last + 1, dashes) for start, last in _found(pattern, text)))


def _in_other_brackets(pattern: re.Pattern[str], brackets: str, text: str) -> str:
    """Return the text with other brackets at both ends of what a pattern finds."""
    ends = (
        (at, bracket)
        for found in _found(pattern, text)
        for at, bracket in zip(found, brackets, strict=True)
    )
    return _changed(text, ((at, at + 1, bracket) for at, bracket in ends))


def _found(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Yield where in the text the first and the last character stand of what a pattern finds.

    Of a match of no length, only the first counts: it is the one behind it.
    """
    read = as_read(text)
    if pattern.search(read) is None:
        return
    at = places(text)
    for match in pattern.finditer(read):
        yield at[match.start()], at[max(match.end() - 1, match.start())]


def _changed(text: str, edits: Iterator[tuple[int, int, str]]) -> str:
    """Return the text with other words from one place up to another, edit by edit."""
    pieces: list[str] = []
    done = 0
    for start, end, words in edits:
        pieces += (text[done:start], words)
        done = end
    return "".join((*pieces, text[done:]))
