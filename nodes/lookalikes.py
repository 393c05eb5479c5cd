"""How a text reads where the invisible is not seen, and letters are told by their shape alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[\x20-\x7e\s]*", re.ASCII)

_SHAPES: Mapping[str, str] = {
    "a": "\u0430\u03b1\u0251",
    "b": "\u0184",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435",
    "g": "\u0261\u0581",
    "h": "\u04bb\u0570",
    "i": "\u0456\u03b9\u0131",
    "j": "\u0458\u03f3",
    "k": "\u03ba",
    "l": "\u04cf\u01c0",
    "n": "\u0578\u03b7",
    "o": "\u043e\u03bf\u0585",
    "p": "\u0440\u03c1",
    "q": "\u051b",
    "r": "\u0433",
    "s": "\u0455",
    "u": "\u057d\u03c5",
    "v": "\u03bd\u0475",
    "w": "\u051d",
    "x": "\u0445\u03c7",
    "y": "\u0443\u03b3",
    "A": "\u0410\u0391",
    "B": "\u0412\u0392",
    "E": "\u0415\u0395",
    "H": "\u041d\u0397",
    "I": "\u0406\u0399",
    "K": "\u041a\u039a",
    "M": "\u041c\u039c",
    "N": "\u039d",
    "O": "\u041e\u039f",
    "P": "\u0420\u03a1",
    "S": "\u0405",
    "T": "\u0422\u03a4",
    "X": "\u0425\u03a7",
    "Y": "\u0423\u03a5",
    "<": "\u2039\u27e8\u2329\u3008",
    ">": "\u203a\u27e9\u232a\u3009",
    "/": "\u2044\u2215",
    "|": "\u2223\u2758",
    ":": "\u2236\ua789",
}
"""ASCII characters, and those of other alphabets with the same shape.
After https://www.unicode.org/Public/security/latest/confusables.txt"""

_SHAPE_OF = {ord(other): char for char, others in _SHAPES.items() for other in others}

_UNSEEN = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x3164, 0xFFA0)
) | {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
"""What shows nothing beside the category Cf: the property Default_Ignorable_Code_Point."""


class _Shapes(dict[int, str]):
    """Each character, by its number, as the one that is seen; empty where nothing is."""

    def __missing__(self, code: int) -> str:
        self[code] = _shape(chr(code))
        return self[code]


_READ = _Shapes()


def as_read(text: str) -> str:
    """Return how a text reads."""
    return text if _PLAIN.fullmatch(text) else text.translate(_READ)


def places(text: str) -> Sequence[int]:
    """Return where in a text each character stands of how it reads."""
    if _PLAIN.fullmatch(text):
        return range(len(text))
    return [place for place, char in enumerate(text) if _READ[ord(char)]]


def _shape(char: str) -> str:
    if char.isascii() and (char.isprintable() or char.isspace()):
        return char
    if ord(char) in _UNSEEN or (not char.isspace() and unicodedata.category(char) in ("Cc", "Cf")):
        return ""
    plain = unicodedata.normalize("NFKC", char)
    return _SHAPE_OF.get(ord(char), plain if len(plain) == 1 else char)
