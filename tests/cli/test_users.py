from __future__ import annotations

from pathlib import Path

import orjson

from fairlead.cli.exits import Exit
from tests.cli.processes import fairlead, make_project


def test_users_are_made_given_a_role_and_deleted_and_the_log_is_whole(tmp_path: Path) -> None:
    make_project(tmp_path)
    made = fairlead(tmp_path, "users", "create", "ann", "--role", "operator", "--email", "ann@acme.test")
    assert (made.code, made.out.strip()) == (Exit.OK, "ann is operator in default."), made.err
    assert fairlead(tmp_path, "users", "create", "ann").code == Exit.CONFLICT
    assert "viewer" in fairlead(tmp_path, "users", "role", "ann", "viewer").out
    assert "disabled" in fairlead(tmp_path, "users", "disable", "ann").out
    listed = fairlead(tmp_path, "users", "list").out
    for piece in ("ann", "disabled", "viewer", "ann@acme.test", "never", "local"):
        assert piece in listed
    unasked = fairlead(tmp_path, "users", "delete", "ann")
    assert (unasked.code, "--yes" in unasked.err) == (Exit.USAGE, True)
    assert fairlead(tmp_path, "users", "delete", "ann", "--yes").code == Exit.OK
    assert fairlead(tmp_path, "users", "enable", "ann").code == Exit.NOT_FOUND

    told = fairlead(tmp_path, "audit", "list").out
    for piece in ("user.create", "user.role", "user.disable", "user.delete", "local"):
        assert piece in told
    whole = fairlead(tmp_path, "audit", "verify")
    head = whole.out.split()[-1]
    assert (whole.code, head.startswith("4:")) == (Exit.OK, True), whole.out
    assert fairlead(tmp_path, "audit", "verify", "--head", head).code == Exit.OK
    cut = fairlead(tmp_path, "audit", "verify", "--head", f"9:{'0' * 64}")
    assert (cut.code, "cut off" in cut.out) == (Exit.FAILED, True)
    path = tmp_path / "log.jsonl"
    assert fairlead(tmp_path, "audit", "export", "--to", str(path)).code == Exit.OK
    assert [orjson.loads(line)["seq"] for line in path.read_text().splitlines()] == [1, 2, 3, 4]
    assert fairlead(tmp_path, "audit", "export", "--to", str(path)).code == Exit.USAGE
