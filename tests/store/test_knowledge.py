from __future__ import annotations

from typing import Any

import pytest

from fairlead.database import Database
from fairlead.errors import InvalidInput, NotFound
from fairlead.store import Found, Knowledge, load_queries
from fairlead.store.reading import text_of
from fairlead.testing import MovableClock

MARKDOWN = b"# Refunds\n\nRefunds take ten days.\n\n# Shipping\n\nShipping is free above 50 euros."


@pytest.fixture
def knowledge(database: Database, clock: MovableClock) -> Knowledge:
    return Knowledge(database, load_queries(database.dialect), clock=clock, emit=lambda *_, **__: None)


async def put(knowledge: Knowledge, id: str, data: bytes, tenant: str = "t", **more: Any) -> str:
    return (await knowledge.put("faq", id, data, tenant=tenant, **{"media_type": "text/markdown", **more}))[1].value


async def found_in(knowledge: Knowledge, collection: str, query: str, *, tenant: str) -> list[Found]:
    return (await knowledge.search(collection, query, tenant=tenant)).found


async def test_a_document_is_found_by_its_words_with_what_to_cite(knowledge: Knowledge) -> None:
    assert await put(knowledge, "faq.md", MARKDOWN) == "added"
    assert await put(knowledge, "other.md", b"Nothing of that.") == "added"
    (found,) = await found_in(knowledge, "faq", "how long does a refund take?", tenant="t")
    assert (found.document, found.heading, found.text) == ("faq.md", "Refunds", "# Refunds\n\nRefunds take ten days.")
    assert MARKDOWN.decode()[found.start : found.stop] == found.text and found.score > 0
    assert await found_in(knowledge, "faq", "?!", tenant="t") == []


async def test_only_what_has_changed_is_taken_in_again(knowledge: Knowledge) -> None:
    await put(knowledge, "faq.md", MARKDOWN)
    assert await put(knowledge, "faq.md", MARKDOWN) == "unchanged"
    assert await put(knowledge, "faq.md", b"Returns are paid by us.") == "changed"
    assert await found_in(knowledge, "faq", "refund shipping", tenant="t") == []
    assert len(await found_in(knowledge, "faq", "returns", tenant="t")) == 1
    assert await put(knowledge, "faq.md", b"") == "changed"
    (document,) = await knowledge.list("faq", tenant="t")
    assert (document.chunks, document.characters) == (0, 0)


async def test_a_tenant_has_its_own_collections(knowledge: Knowledge) -> None:
    await put(knowledge, "faq.md", MARKDOWN)
    await put(knowledge, "faq.md", b"Theirs about refunds.", tenant="u")
    (found,) = await found_in(knowledge, "faq", "refund", tenant="u")
    assert found.text == "Theirs about refunds."
    await knowledge.remove("faq", "faq.md", tenant="u")
    assert await knowledge.collections(tenant="u") == []
    (mine,) = await knowledge.collections(tenant="t")
    assert (mine.name, mine.documents, mine.chunks) == ("faq", 1, 2)
    with pytest.raises(NotFound):
        await knowledge.remove("faq", "faq.md", tenant="u")


async def test_a_collection_goes_whole(knowledge: Knowledge) -> None:
    for n in range(3):
        await put(knowledge, f"{n}.md", MARKDOWN)
    assert [one.id for one in await knowledge.list("faq", tenant="t", after="0.md", limit=1)] == ["1.md"]
    assert await knowledge.remove_all("faq", tenant="t") == 3
    assert await found_in(knowledge, "faq", "refund", tenant="t") == []
    with pytest.raises(NotFound):
        await knowledge.remove_all("faq", tenant="t")


async def test_what_cannot_be_read_leaves_what_was_there(knowledge: Knowledge) -> None:
    await put(knowledge, "faq.md", MARKDOWN)
    for data, media_type in ((b"\xff\xfe", "text/plain"), (b"{", "application/json"), (b"x", "image/png")):
        with pytest.raises(InvalidInput):
            await put(knowledge, "faq.md", data, media_type=media_type)
    assert len(await found_in(knowledge, "faq", "refund", tenant="t")) == 1
    for id in ("", "a\nb", "x" * 1025):
        with pytest.raises(InvalidInput):
            await put(knowledge, id, b"x")


async def test_a_large_document_of_one_line_is_taken_in(knowledge: Knowledge) -> None:
    await put(knowledge, "big", b"word " * 100_000 + b"needle \0 \x1f" + b"x" * 10_000, media_type="text/plain")
    assert len(await found_in(knowledge, "faq", "needle", tenant="t")) >= 1


def test_html_is_read_without_its_tags() -> None:
    page = b"<head><title>no</title></head><h2>Re&amp;funds</h2><p>Ten <b>days</b>.<script>n()</script></p><li>a"
    said = text_of(page, "text/html", name="a.html")
    assert [line for line in said.split("\n") if line.strip()] == ["## Re&funds", "Ten days.", "a"]


def test_a_pdf_without_a_reader_is_refused_clearly() -> None:
    with pytest.raises(InvalidInput, match="PDF"):
        text_of(b"%PDF-1.4 nonsense", "application/pdf", name="a.pdf")
