"""What an event carries, decoded when it is looked at: of a run of thousands of steps a page shows a few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead.agents.jsonable import decode

FORGOTTEN = {"role": "system", "content": "(removed by retention)"}


@dataclass(slots=True)
class Messages:
    """What the models of a run were asked with, by digest. Each is one value, however many calls repeat it."""

    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    _read: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def size(self) -> int:
        """Characters."""
        return sum(map(len, self.texts.values()))

    def of(self, digest: str) -> Any:
        if digest not in self._read:
            text = self.texts.get(digest)
            self._read[digest] = FORGOTTEN if text is None else decode(text)
        return self._read[digest]


@dataclass(frozen=True, slots=True)
class Body:
    """`messages`: those of the run, where a model was asked."""

    text: str
    messages: Messages | None = None

    def names(self, *fields: str) -> bool:
        """Whether any of them may be in it, without decoding it."""
        return any(f'"{field}"' in self.text for field in fields)

    def alone(self) -> Any:
        """With digests in place of messages."""
        return decode(self.text)

    def read(self) -> Any:
        """Another value each time; the messages in it are the same."""
        data = decode(self.text)
        digests = digests_in(data) if self.messages is not None else []
        if not digests or self.messages is None:
            return data
        return {**data, "request": {**data["request"], "messages": [self.messages.of(one) for one in digests]}}


def digests_in(data: Any) -> list[str]:
    """Of the messages that a model call names."""
    return data["request"]["messages"] if data and "request" in data else []
