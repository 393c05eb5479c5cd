"""Fences: what somebody wrote, set apart from what the machine says.

A fence carries a nonce of the run. The text inside is changed only where it could pass for
something else: the nonce itself, the control tokens of chat templates, tags of a role or like a
fence's own marks, and lines that pose as another speaker.
"""

from __future__ import annotations

import re

_INST = re.compile(r"\[(/?INST)\]", re.IGNORECASE)
_CONTROL_TOKEN = re.compile(
    r"<([|\uff5c][^\s<>|\uff5c]{1,64}[|\uff5c]|</?SYS>|(?:start|end)_of_turn|/?s|bos|eos)>",
    re.IGNORECASE,
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
    text = re.sub(re.escape(nonce), "-" * len(nonce), text, flags=re.IGNORECASE)
    text = _INST.sub(r"(\1)", text)
    text = _CONTROL_TOKEN.sub("\u2039\\1\u203a", text)
    text = _ROLE_TAG.sub("\u2039\\1\u203a", text)
    return _SPEAKER.sub("> ", text)
