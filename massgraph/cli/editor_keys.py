"""What keys do in the line editor, and what Tab completes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

if TYPE_CHECKING:
    from prompt_toolkit.document import Document


def editor_keys(words: Words, clears: Callable[[], bool]) -> KeyBindings:
    """Return what keys do beyond what they do in every editor of a line.

    Args:
        words: Completed by Tab.
        clears: Called on Ctrl-C; returns whether that clears the line.
    """
    keys = KeyBindings()
    editing = has_focus(DEFAULT_BUFFER)

    @keys.add("enter", filter=editing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=editing)
    @keys.add("c-j", filter=editing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("tab", filter=editing)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        found = list(words.get_completions(buffer.document, CompleteEvent()))
        if len(found) == 1:
            buffer.apply_completion(found[0])
        elif found and buffer.complete_state is None:
            buffer.start_completion(insert_common_part=True)
        elif found:
            buffer.complete_next()

    @keys.add("c-c", filter=editing)
    def _(event: KeyPressEvent) -> None:
        if clears():
            event.current_buffer.reset()

    return keys


class Words(Completer):
    """Completes the first word of a line, if it begins with a slash.

    Args:
        words: (word, help).
    """

    def __init__(self, words: Sequence[tuple[str, str]]) -> None:
        self._words = words

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Give out what may stand there."""
        begun = document.text_before_cursor
        if begun.startswith("/"):
            for word, meaning in self._words:
                if word.startswith(begun.lower()):
                    yield Completion(word, start_position=-len(begun), display_meta=meaning)
