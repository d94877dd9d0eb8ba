from __future__ import annotations

from pathlib import Path

from fairlead.cli.exits import Exit
from tests.cli.processes import fairlead


def test_a_folder_of_documents_is_added_searched_and_kept_in_step(tmp_path: Path) -> None:
    assert fairlead(tmp_path, "init").code == Exit.OK
    docs = tmp_path / "docs"
    (docs / "deep").mkdir(parents=True)
    (docs / "a.md").write_text("# Refunds\n\nA refund takes ten days.")
    (docs / "deep/b.txt").write_text("Shipping is free.")
    (docs / "c.png").write_bytes(b"no document")
    add = ("knowledge", "add", str(docs), "--collection", "faq", "--json")
    done = fairlead(tmp_path, *add)
    assert done.code == Exit.OK, done.err
    assert done.json["added"] == 2
    (docs / "a.md").write_text("# Returns\n\nWe pay for returns.")
    (docs / "deep/b.txt").unlink()
    assert fairlead(tmp_path, *add, "--prune").json == {"added": 0, "changed": 1, "unchanged": 0, "removed": 1}
    found = fairlead(tmp_path, "knowledge", "search", "who pays returns?", "-c", "faq").out
    assert "a.md:0-30" in found and "We pay for returns." in found
    assert fairlead(tmp_path, "run", "assistant", "--input", "See", "--file", str(docs / "a.md")).code == Exit.OK
    missing = fairlead(tmp_path, "knowledge", "add", str(tmp_path / "no"), "-c", "faq")
    assert missing.code == Exit.USAGE and "no file or folder" in missing.err


def test_documents_are_embedded_and_found_by_vectors(tmp_path: Path) -> None:
    assert fairlead(tmp_path, "init").code == Exit.OK
    (tmp_path / "a.md").write_text("# Refunds\n\nA refund takes ten days.")
    assert fairlead(tmp_path, "knowledge", "add", str(tmp_path / "a.md"), "-c", "faq").code == Exit.OK
    refused = fairlead(tmp_path, "knowledge", "search", "refunding", "-c", "faq", "--mode", "vector")
    assert refused.code == Exit.CONFLICT and "FAIRLEAD_KNOWLEDGE_EMBEDDING_MODEL" in refused.err
    (tmp_path / ".env.local").write_text("FAIRLEAD_KNOWLEDGE_EMBEDDING_MODEL=simulated/words\n")
    assert "waiting for vectors" in fairlead(tmp_path, "knowledge", "list").out
    done = fairlead(tmp_path, "knowledge", "embed")
    assert done.code == Exit.OK, done.err
    assert "faq: 1 embedded with words" in done.out
    assert "waiting" not in fairlead(tmp_path, "knowledge", "list", "-c", "faq").out
    found = fairlead(tmp_path, "knowledge", "search", "refunding", "-c", "faq", "--mode", "vector")
    assert "A refund takes ten days." in found.out, found.err
    said = fairlead(tmp_path, "knowledge", "search", "refund", "-c", "faq", "--json").json
    assert (said["mode"], said["degraded"], len(said["found"])) == ("hybrid", "", 1)
