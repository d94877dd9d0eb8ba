"""Vectors that cost nothing: always the same for the same text, and near each other where texts share words.

Each word, and each three letters of it, adds to a few places of the vector that its hash names. So "refund" is near
"refunds", and a question near the paragraph that has its words. It knows no meaning.
"""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from struct import pack, unpack
from typing import Any

from fairlead.gateway.wire import openai_embeddings
from fairlead.gateway.wire.wire import Json

DIMENSIONS = 512
_WORD = re.compile(r"\w+")
_PLACES = 4
_OF_LETTERS = 0.5  # what three letters weigh beside a word
_SHORT = 0.2  # what a word of up to three letters weighs: most of them say little


def answer(asked: Json, model: str, tokens: int) -> Json:
    size = asked.get("dimensions") or DIMENSIONS
    packed = asked.get("encoding_format") == "base64"
    data: list[Json] = []
    for index, given in enumerate(openai_embeddings.inputs(asked)):
        raw = pack(f"<{size}f", *_vector(given, size))
        # Both encodings tell the same numbers: those that 32 bits can hold.
        embedding = b64encode(raw).decode() if packed else list(unpack(f"<{size}f", raw))
        data.append({"object": "embedding", "index": index, "embedding": embedding})
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def _vector(given: Any, size: int) -> list[float]:
    vector = [0.0] * size
    for feature, weight in _features(given):
        hashed = blake2b(feature.encode(), digest_size=4 * _PLACES).digest()
        for number in unpack(f"<{_PLACES}I", hashed):
            vector[(number >> 1) % size] += weight if number & 1 else -weight
    length = math.sqrt(sum(one * one for one in vector))
    if not length:  # a vector of nothing has no direction, and no distance to any other
        return [1.0, *vector[1:]]
    return [one / length for one in vector]


def _features(given: Any) -> Iterator[tuple[str, float]]:
    """Words and their letters, or tokens, each with its weight: what comes often counts more, but not as often."""
    words = _WORD.findall(given.lower()) if isinstance(given, str) else [str(token) for token in given]
    for word, count in Counter(words).items():
        weight = (1 + math.log(count)) * (_SHORT if len(word) <= 3 and isinstance(given, str) else 1.0)
        yield word, weight
        if isinstance(given, str):
            for start in range(len(word) - 2):
                yield f"{word[start : start + 3]}…", weight * _OF_LETTERS
