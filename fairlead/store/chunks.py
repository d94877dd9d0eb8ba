"""Cut a text into pieces that are found and cited one by one: along headings and paragraphs, else sentences.

Pure: the same text gives the same pieces. A piece is a range of the text, so that a citation can be looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SIZE, OVERLAP = 1500, 200  # characters
CHUNKING = f"1:{SIZE}:{OVERLAP}"  # raise the first number when the same text would be cut otherwise
_HEADING = re.compile(r"#{1,6} +([^\n]*)")
_BLANK = re.compile(r"\n[ \t]*\n+")
_ENDS = (re.compile(r"[.!?。！？]\s+|[。！？]"), re.compile(r"\n"), re.compile(r"\s"))


@dataclass(frozen=True, slots=True)
class Chunk:
    start: int
    stop: int
    heading: str


def chunks_of(text: str, *, size: int = SIZE, overlap: int = OVERLAP) -> list[Chunk]:
    """Ranges of at most `size` characters. Below one heading, each begins up to `overlap` before the last has ended."""
    found: list[Chunk] = []
    heading, held = "", list[tuple[int, int]]()

    def close(*, keep: bool) -> list[tuple[int, int]]:
        if held:
            found.append(Chunk(held[0][0], held[-1][1], heading))
        if not keep:
            return []
        return [one for one in held[1:] if held[-1][1] - one[0] <= overlap]

    for start, stop in _paragraphs(text):
        if (said := _HEADING.match(text, start, stop)) is not None:
            held = close(keep=False)
            heading = said.group(1).rstrip("# ")[:200]
        for piece in _pieces(text, start, stop, size):
            if held and piece[1] - held[0][0] > size:
                held = close(keep=True)
                if held and piece[1] - held[0][0] > size:
                    held = []
            held.append(piece)
    close(keep=False)
    return found


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Ranges between blank lines, headings by themselves, without blanks around them."""
    at = 0
    for blank in (*_BLANK.finditer(text), None):
        yield from _split_headings(text, at, blank.start() if blank else len(text))
        at = blank.end() if blank else len(text)


def _split_headings(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    at = start
    for line in re.compile(r"^#{1,6} ", re.MULTILINE).finditer(text, start, stop):
        if line.start() > at:
            yield from _trimmed(text, at, line.start())
        at = line.start()
    yield from _trimmed(text, at, stop)


def _trimmed(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    while start < stop and text[start].isspace():
        start += 1
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    if start < stop:
        yield start, stop


def _pieces(text: str, start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """A paragraph, or parts of one that is too long: they end with a sentence, a line, a word, or where they must."""
    most = max(1, size // 3) if stop - start > size else size
    while stop - start > most:
        cut = next((end for pattern in _ENDS if (end := _last_end(pattern, text, start, start + most))), start + most)
        yield start, cut
        start = cut
    yield from _trimmed(text, start, stop)


def _last_end(pattern: re.Pattern[str], text: str, start: int, stop: int) -> int | None:
    ends = [match.end() for match in pattern.finditer(text, start, stop) if match.end() - start > (stop - start) // 2]
    return ends[-1] if ends else None
