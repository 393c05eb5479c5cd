"""A conversation: questions, what waits, what is cancelled, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from massgraph.backends.errors import StoreError
from massgraph.chat.conversation import Asked
from massgraph.store.memory import MemoryStore

from ..vloop import run_virtual
from .room import FAIL, Line, Talk, typed


def talk(*lines: Line, **options: Any) -> Talk:
    """Hold a conversation on a virtual clock."""
    return run_virtual(typed(*lines, **options))


def test_five_turns_are_one_conversation() -> None:
    """Each question is asked with those before it, and their answers, on the same thread."""
    held = talk(*(f"question {number}?" for number in range(1, 6)), piped=True)
    assert (held.status, held.room.answers) == (0, ["It is Paris."] * 5)
    *_, last = held.backends[0].heard
    assert [f"question {number}?" in last for number in range(1, 6)] == [True] * 5
    assert "It is Paris." in last


def test_a_question_waits_for_its_turn() -> None:
    """What is typed while a run goes on is asked when that is over, and a person is told so."""
    held = talk("One?", 1.0, "Two?", "Three?", 30.0)
    assert held.room.answers == ["It is Paris."] * 3
    assert "1 question waits" in held.room.said[0]
    assert "2 questions wait" in held.room.said[1]
    assert held.room.said[2:] == ["now asked: Two?", "now asked: Three?"]


def test_a_piped_question_waits_without_a_word() -> None:
    """Off a terminal the next line is not read before the answer is there."""
    held = talk("One?", "", "  ", "Two?", piped=True)
    assert (held.room.answers, held.room.said) == (["It is Paris."] * 2, [])


def test_the_first_interrupt_cancels_the_run() -> None:
    """The run is cancelled, what waits is told and not asked, and the chat goes on."""
    held = talk("One?", 1.0, "Two?", None, 1.0, "/status", "Three?", 10.0)
    assert held.room.answers == [None, "It is Paris."]
    assert "not asked: Two?" in held.room.said
    assert "last run  cancelled" in held.room.said
    assert held.status == 0


def test_a_second_interrupt_of_a_run_quits() -> None:
    """Who cannot wait for the end of a run that is being cancelled need not."""
    held = talk("One?", 1.0, None, None, 5.0)
    assert (held.room.quits, held.status) == (1, 130)


def test_an_interrupt_without_a_run_tells_how_to_quit() -> None:
    """The second one in a row quits; what is typed between them begins anew."""
    held = talk(None, "/help", None, 1.0)
    assert held.status == 0
    assert held.said.count("Ctrl-C once more quits") == 2
    held = talk("One?", 10.0, None, None, "Two?")
    assert (held.status, held.room.answers) == (130, ["It is Paris."])


def test_an_interrupt_off_a_terminal_ends_it() -> None:
    """The run is cancelled, and nothing more is asked."""

    def seated(held: Talk) -> None:
        held.room.during = held.chat.interrupt

    held = talk("One?", "Two?", piped=True, seated=seated)
    assert (held.status, held.room.answers) == (130, [None])


def test_resume_goes_on() -> None:
    """/resume goes on with the run that was cancelled: who has answered is not asked again."""
    held = talk("One?", 5.5, None, 1.0, "/resume", 10.0, "/resume", "/cost")
    assert held.room.answers == [None, "It is Paris."]
    assert "goes on with: One?" in held.room.said
    assert "its last run is over (settled); ask on: One?" in held.room.said
    assert sum("answers" not in heard for heard in held.backends[0].heard) <= 1
    assert not any("runs of this chat" in line for line in held.room.said), "it counts once"


def test_resume_changes_the_thread() -> None:
    """/resume THREAD goes back to another thread; one that there is not is refused."""
    other = ["/reset", "Two?", 10.0, "/resume first", "/resume none", "/resume a b"]
    held = talk("One?", 10.0, *other, "Three?", 10.0, thread="first")
    assert "on the thread first now" in held.room.said
    assert "There is no thread 'none'." in held.said
    assert "can't be a thread's id" in held.said
    *_, last = held.backends[0].heard
    assert ("One?" in last, "Two?" in last) == (True, False)


def test_reset_forgets() -> None:
    """After /reset the same team knows nothing of what was said."""
    held = talk("One?", 10.0, "/reset", "Two?", 10.0)
    assert len(held.room.answers) == 2
    assert "/resume" in held.room.said[-1]
    assert "One?" not in held.backends[0].heard[-1]


def test_a_thread_does_not_change_under_a_run() -> None:
    """/reset and /resume are refused while a run goes on."""
    held = talk("One?", 1.0, "/reset", "/resume", 10.0)
    assert [line.split()[0] for line in held.room.said] == ["/reset", "/resume"]
    assert held.room.answers == ["It is Paris."]


def test_the_end_of_what_is_typed_cancels() -> None:
    """Ctrl-D quits, with the status of the last run: one that goes on is cancelled."""
    assert talk().status == 0
    held = talk("One?", 1.0)
    assert (held.status, held.room.answers) == (130, [None])
    held = talk("One?", 1.0, "/quit", "Two?")
    assert (held.status, held.room.answers) == (130, [None])


def test_no_answer_harms_no_other_question() -> None:
    """The next question is asked all the same; the status is the last run's."""
    held = talk("One?", "Two?", piped=True, turns=FAIL)
    assert (held.status, held.room.answers) == (3, [None, None])


def test_a_mistake_is_told() -> None:
    """What a run is refused for is said, and the chat goes on."""
    held = talk("One?", "/status", piped=True, thread="a b")
    assert held.status == 2
    assert "can't be a thread's id" in held.room.said[0]
    assert "last run  none yet" in held.room.said


def test_a_store_that_fails_ends_no_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, nobody is asked, and the next question is asked when the store is back."""
    hold = MemoryStore.hold

    def failing(store: MemoryStore, thread_id: str) -> Any:
        monkeypatch.setattr(MemoryStore, "hold", hold)
        raise StoreError("The database is locked.")

    monkeypatch.setattr(MemoryStore, "hold", failing)
    held = talk("One?", "Two?", piped=True)
    assert held.room.said == ["The database is locked."]
    assert (held.status, held.room.answers) == (0, [None, "It is Paris."])
    assert "One?" not in held.backends[0].heard[0]


def test_a_question_may_begin_with_a_slash() -> None:
    """Two slashes ask a question with one."""
    held = talk("//etc/hosts?", piped=True)
    assert "/etc/hosts?" in held.backends[0].heard[0]
    assert "//etc" not in held.backends[0].heard[0]


def test_nobody_is_asked_when_nobody_reads() -> None:
    """When no answer can be delivered any more, what is left is not asked."""

    def seated(held: Talk) -> None:
        held.room.after = lambda: setattr(held.room, "useless", True)

    held = talk("One?", "Two?", piped=True, seated=seated)
    assert (held.status, held.room.answers) == (0, ["It is Paris."])


def test_what_is_asked_is_told_on_one_line() -> None:
    """A question of several lines, or with controls, is told safely."""
    assert Asked("a\nb\x1b[2J", "t").told == "a b␛[2J"
