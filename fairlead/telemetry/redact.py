"""Strike out what must never be written: personal data, keys, tokens. Pure: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from fairlead.telemetry.suspects import DIGITS, GATES, NUMBERS, SENSITIVE_NAME, SIGNED, Suspect, may_hold_numbers

MAX_TEXT = 8192  # a longer string is cut: a log is not a store
_MAX_DEPTH = 8
_BEYOND = 160  # characters: what begins before the cut is seen whole, or far enough to be known
_MAX_ITEMS = 200
_HEX = re.compile("[0-9a-f]{32}")  # as long as no other digits or signs are beside them, no pattern of ours is in it
_REMEMBERED, _MOST_REMEMBERED = 100, 2000  # characters, texts


@dataclass(frozen=True, slots=True)
class Redactor:
    """Redaction with what only this process knows: its own secrets, and the owner's patterns."""

    literals: Collection[str] = ()  # may grow, as `Settings.vault.words` does
    patterns: tuple[re.Pattern[str], ...] = ()
    _clean: dict[int, set[str]] = field(default_factory=dict[int, set[str]], init=False, repr=False, compare=False)

    @property
    def clean(self) -> set[str]:
        """Short texts in which there was nothing: agents, tenants, releases say the same again and again. Kept for as
        many literals as there were: a text may hold one that is learnt of later."""
        clean = self._clean.get(len(self.literals))
        if clean is None:
            self._clean.clear()
            clean = self._clean[len(self.literals)] = set()
        return clean

    def text(self, text: str) -> str:
        """The text without secrets and personal data, cut to MAX_TEXT."""
        clean = self.clean
        if text in clean:
            return text
        if len(text) > MAX_TEXT:
            text = f"{text[:MAX_TEXT]}… ({len(text)} characters)"
        if suspects := self._suspects(text):
            return _without(text, suspects)
        if len(text) <= _REMEMBERED:
            if len(clean) >= _MOST_REMEMBERED:
                clean.clear()
            clean.add(text)
        return text

    def id(self, text: str) -> str:
        """The same for what is likely to be an id that nobody has seen before, of which none is remembered."""
        if _HEX.fullmatch(text) is None:
            return self.text(text)
        for word in self.literals:
            if word in text:
                return self.text(text)
        for regex in self.patterns:
            if regex.search(text):
                return self.text(text)
        return text

    def _suspects(self, text: str) -> list[Suspect]:
        """What may be in the text, strongest first; empty for a clean one. Errs on the side of yes."""
        small = text.lower()
        found: list[Suspect] = [
            Suspect(re.compile(re.escape(word)), "[secret]") for word in self.literals if word in text
        ]
        found += [Suspect(regex, "[redacted]") for regex in self.patterns if regex.search(text)]
        seen = [one for gate in filter(small.__contains__, GATES) for sign, one in GATES[gate] if sign in small]
        if seen:
            found += [suspect for suspect in SIGNED if suspect in seen]
        return found + NUMBERS if may_hold_numbers(text) and DIGITS.search(text) else found

    def value(self, value: Any, depth: int = 0) -> Any:
        """The same through lists and objects; what a key calls a secret goes whole."""
        if isinstance(value, str):
            return self.text(value)
        if depth > _MAX_DEPTH:
            return "…"
        if isinstance(value, Mapping):
            return dict(
                self._pair(str(k), v, depth) for k, v in islice(cast("Mapping[Any, Any]", value).items(), _MAX_ITEMS)
            )
        if isinstance(value, (list, tuple)):
            return [self.value(item, depth + 1) for item in cast("list[Any]", value)[:_MAX_ITEMS]]
        if isinstance(value, int) and abs(value) >= 10**12:
            return value if (text := self.text(str(value))) == str(value) else text
        return value

    def _pair(self, key: str, value: Any, depth: int) -> tuple[str, Any]:
        return self.text(key), "[secret]" if value and is_sensitive(key) else self.value(value, depth + 1)


def _without(text: str, suspects: list[Suspect]) -> str:
    """The text without what these would find."""
    for suspect in suspects:
        text = suspect.regex.sub(suspect.instead, text)
    return text


@lru_cache(maxsize=4096)
def is_sensitive(key: str) -> bool:
    """Whether a field of this name holds a secret whatever it looks like."""
    return SENSITIVE_NAME.fullmatch(key.lower()) is not None


def previewed(text: str, limit: int) -> str:
    """So much of a text that its preview is the same."""
    return text[: limit + _BEYOND + 1]


def preview(redactor: Redactor, text: str, limit: int) -> str:
    """The first `limit` characters, redacted before they are cut: half a secret is no pattern."""
    clean = redactor.text(text[: limit + _BEYOND])
    return clean if len(clean) <= limit and len(text) <= limit + _BEYOND else clean[:limit] + "…"
