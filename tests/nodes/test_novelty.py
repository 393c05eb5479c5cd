"""How close two answers are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import ToolCall

from massgraph.nodes.actions import Answered, Legal, Refused, judge
from massgraph.nodes.novelty import Closest, Novelty, fold_space, overlap, too_close, words_of

TEN = "one two three four five six seven eight nine ten"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", set()),
        ("!?… — 🙂", set()),
        ("The the THE", {"the"}),
        ("It's 9.11, not 9.9!", {"it", "s", "9", "11", "not"}),
        ("Straße STRASSE", {"strasse"}),
        ("snake_case x=1", {"snake", "case", "x", "1"}),
        ("Ärger; ärger\u00a0Öl", {"ärger", "öl"}),
        ("नमस्ते दुनिया", {"नमस्ते", "दुनिया"}),
        ("北京大学, Beijing 2024年", {"北", "京", "大", "学", "beijing", "2024", "年"}),
        ("カタカナ。ひらがな", set("カタナひらがな")),
        ("서울 대학", {"서울", "대학"}),
        ("𠮷野家", {"𠮷", "野", "家"}),
    ],
)
def test_words(text: str, words: set[str]) -> None:
    """Runs of letters, marks and digits in one case; in scripts without blanks, characters."""
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("a b c", "C, b! a?", 1),
        ("a b c", "a b d", 2 / 4),
        ("a b", "c d", 0),
        ("a a a b", "a b b", 1),
        ("!!!", "!!!", 1),
        ("! !", "!  !\n", 1),
        ("!!!", "???", 0),
        ("!!!", "a", 0),
        ("我爱你", "你爱我", 1),
        ("我爱你", "我恨你", 2 / 4),
    ],
)
def test_overlap(one: str, other: str, share: float) -> None:
    """Words in both, as a share of the words in either."""
    assert overlap(one, other) == overlap(other, one) == share


texts = st.text(alphabet="ab 我!\n", max_size=12) | st.text(max_size=30)


@given(texts, texts)
def test_overlap_is_a_share(one: str, other: str) -> None:
    """Between 0 and 1, symmetric, and 1 for what is equal."""
    assert 0 <= overlap(one, other) <= 1
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, one) == 1
    assert overlap(one, f" {one}\n") == 1


@given(texts)
def test_words_do_not_depend_on_the_way(text: str) -> None:
    """Neither case, nor order, nor repetition, nor a first part in one alphabet matters."""
    assert words_of(f"{text} {text}") == words_of(text)
    assert words_of(f"{text} é") == words_of(text) | {"é"}
    assert words_of(" ".join(reversed(text.split()))) == words_of(text)
    assert words_of(text.casefold()) == words_of(text)


@pytest.mark.parametrize(
    ("novelty", "refused"),
    [
        ("exact", []),
        ("lenient", [8, 9]),
        ("strict", [6, 7, 8, 9]),
        (0.8, [9]),
        (0.2, [3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_what_is_too_close(novelty: Novelty, refused: list[int]) -> None:
    """Of ten words, as many may be there already as the policy says; the limit itself may be."""
    words = TEN.split()  # n of them and all of them overlap by n / 10
    found = [n for n in range(1, 10) if too_close(" ".join(words[:n]), {"agent1": TEN}, novelty)]
    assert found == refused


@given(texts, st.lists(texts, max_size=4), st.floats(0.01, 0.99))
def test_the_closest_is_told(text: str, others: list[str], most: float) -> None:
    """If any is too close, the closest one; an equal one before all others."""
    answers = {f"agent{n}": other for n, other in enumerate(others, 1)}
    found = too_close(text, answers, most)
    equal = [label for label, other in answers.items() if fold_space(other) == fold_space(text)]
    shares = {label: overlap(text, other) for label, other in answers.items()}
    if equal:
        assert found == Closest(equal[0], 1, equal=True)
    elif found:
        assert found.overlap == max(shares.values()) == shares[found.label] > most
    else:
        assert all(share <= most for share in shares.values())


def judged(text: str, novelty: Novelty | None, *targets: str, **answers: str) -> Answered | Refused:
    """Return what becomes of a new answer beside these."""
    legal = Legal(answer=True, targets=dict.fromkeys(targets, "x"))
    call = ToolCall(name="new_answer", args={"content": text}, id="1")
    found = judge([call], legal, frozenset(), answers, novelty)
    assert isinstance(found, Answered | Refused)
    return found


def test_a_refusal_says_what_to_do() -> None:
    """To which label, how close, what is allowed, and whether one may vote for it instead."""
    near = judged("one two three four!", "strict", "agent2", agent1="zero", agent2="One two three")
    assert near == Refused(
        "new_answer",
        "This answer is too close to agent2's: 75% of the words of the two are in both, and at "
        "most 50% may be. So vote for it, or give one that says something else.",
    )
    no_vote = judged("a b c", 0.123, agent1="c d e f g h i", agent2="c d")
    assert isinstance(no_vote, Refused)
    assert no_vote.why.startswith("This answer is too close to agent2's: 25% of")
    assert no_vote.why.endswith("at most 12.3% may be. So give one that says something else.")
    equal = judged(" a\nb", 0.9, "agent1", agent1="a b")
    assert isinstance(equal, Refused)
    assert equal.why == (
        "This answer is there already, as agent1's: vote for it, or give a different one."
    )


def test_where_nothing_is_asked_everything_goes() -> None:
    """Without a limit even an equal answer counts; under `exact` any other does."""
    assert judged("a b", None, agent1="a b") == Answered("a b")
    assert judged("b a", "exact", agent1="a b") == Answered("b a")
    assert isinstance(judged("a  b", "exact", agent1="a b"), Refused)


def test_an_answer_is_read_once() -> None:
    """The words of the current answers are kept: a new one costs its own reading alone."""
    answers = {f"agent{n}": f"answer {n} of a team of ten" for n in range(10)}
    for text in answers.values():
        words_of(text)
    before = words_of.cache_info().misses
    too_close("something that nobody has said", answers, "strict")
    assert words_of.cache_info().misses == before + 1
