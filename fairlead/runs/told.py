"""The events of a run as they were read: each is made when it is looked at. Of thousands, a page shows a few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from fairlead.runs.body import Messages
from fairlead.runs.rows import told_of
from fairlead.runs.run import Event


class Told(Sequence[Event]):
    """`rows`: in the order of an `Event`'s fields, times in microseconds, and with the text of what each carries."""

    __slots__ = ("messages", "rows")

    def __init__(self, rows: Sequence[Sequence[Any]], messages: Messages) -> None:
        self.rows = rows
        self.messages = messages

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Event]: ...
    def __getitem__(self, place: int | slice) -> Event | Sequence[Event]:
        if isinstance(place, slice):
            return [told_of(row, self.messages) for row in self.rows[place]]
        return told_of(self.rows[place], self.messages)

    @property
    def size(self) -> int:
        """Characters of all that they carry."""
        return sum([len(row[-1]) for row in self.rows if row[-1] is not None]) + self.messages.size

    def of_type(self, type: str) -> list[Event]:
        return [told_of(row, self.messages) for row in self.rows if row[2] == type]
