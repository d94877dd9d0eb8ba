"""Tokens: what a call used."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider bills them: `cached_in` (read from its cache) and `cache_written` (put into it) are part
    of `tokens_in`, `reasoning` is part of `tokens_out`.

    `estimated`: the provider did not say; we counted what we saw.
    """

    tokens_in: int
    tokens_out: int
    cached_in: int = 0
    reasoning: int = 0
    estimated: bool = False
    cache_written: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cached_in + other.cached_in,
            self.reasoning + other.reasoning,
            self.estimated or other.estimated,
            self.cache_written + other.cache_written,
        )


NOTHING = Usage(0, 0)
_BYTES_PER_TOKEN = 4


def estimated_tokens(size: int) -> int:
    """About how many tokens so many bytes of text are. An estimate: holds use `bounds`, which never falls short."""
    return math.ceil(size / _BYTES_PER_TOKEN)
