"""Tokens: what a call used."""

from __future__ import annotations

from fairlead.gateway.value import value


@value
class Usage:
    """Tokens as the provider bills them: `cached_in` (read from its cache) and `cache_written` (put into it) are parts
    of `tokens_in`, `cache_written_long` (what is kept for an hour or more, and costs more) is part of `cache_written`,
    `reasoning` is part of `tokens_out`.

    `estimated`: the provider did not say, or not all; we counted what we saw.
    """

    tokens_in: int
    tokens_out: int
    cached_in: int = 0
    reasoning: int = 0
    estimated: bool = False
    cache_written: int = 0
    cache_written_long: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cached_in + other.cached_in,
            self.reasoning + other.reasoning,
            self.estimated or other.estimated,
            self.cache_written + other.cache_written,
            self.cache_written_long + other.cache_written_long,
        )


NOTHING = Usage(0, 0)

OUTPUT_CAP = 2048
"""Put into a request that names no limit of its own: without one, no sum would be enough to hold."""

_BYTES_PER_TOKEN = 4


def estimated_tokens(size: int) -> int:
    """About how many tokens so many bytes of text are. An estimate: holds use `bounds`, which never falls short."""
    return -(-size // _BYTES_PER_TOKEN)
