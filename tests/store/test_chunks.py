from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.store.chunks import chunks_of


@given(st.text(alphabet="ab .\n#。é\t", max_size=400), st.integers(4, 60))
@settings(max_examples=50, deadline=None)
def test_pieces_cover_all_that_is_said_and_are_small(text: str, size: int) -> None:
    chunks = chunks_of(text, size=size, overlap=size // 4)
    covered = {i for chunk in chunks for i in range(chunk.start, chunk.stop)}
    assert all(i in covered for i, letter in enumerate(text) if not letter.isspace())
    assert all(0 < chunk.stop - chunk.start <= size for chunk in chunks)
    assert [chunk.start for chunk in chunks] == sorted(chunk.start for chunk in chunks)


def test_a_heading_begins_a_piece_and_names_those_below_it() -> None:
    text = "Before.\n\n# One\n\nFirst.\n\nSecond.\n## Two ##\nThird."
    chunks = chunks_of(text)
    assert [(chunk.heading, text[chunk.start : chunk.stop]) for chunk in chunks] == [
        ("", "Before."), ("One", "# One\n\nFirst.\n\nSecond."), ("Two", "## Two ##\nThird."),
    ]  # fmt: skip


def test_pieces_of_one_text_overlap() -> None:
    text = "\n\n".join(f"Paragraph {n} says little." for n in range(40))
    chunks = chunks_of(text, size=200, overlap=60)
    assert all(after.start < before.stop for before, after in pairwise(chunks))


def test_a_long_paragraph_is_cut_at_its_sentences() -> None:
    text = "This is a sentence. " * 100
    chunks = chunks_of(text, size=300, overlap=0)
    assert all(text[: chunk.stop].rstrip().endswith(".") for chunk in chunks)
