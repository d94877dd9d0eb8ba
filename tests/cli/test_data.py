from __future__ import annotations

import zipfile
from pathlib import Path

import orjson

from fairlead.cli.exits import Exit
from tests.cli.processes import fairlead, make_project


def test_a_users_data_is_exported_and_deleted(tmp_path: Path) -> None:
    make_project(tmp_path)
    for user in ("ada", "bob"):
        assert fairlead(tmp_path, "users", "create", user).code == Exit.OK
    path = tmp_path / "ada.zip"
    assert fairlead(tmp_path, "data", "export", "--to", str(path)).code == Exit.USAGE
    assert fairlead(tmp_path, "data", "export", "--user", "a", "--whole-tenant", "--to", str(path)).code == Exit.USAGE
    assert not path.exists()
    told = fairlead(tmp_path, "data", "export", "--user", "ada", "--to", str(path))
    assert (told.code, "1  user" in told.out) == (Exit.OK, True), told
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        manifest = orjson.loads(archive.read("manifest.json"))
        assert (manifest["of"], manifest["counts"]) == ("ada", {"user": 1})
        (user,) = [orjson.loads(line) for line in archive.read("user.jsonl").splitlines()]
    assert (user["name"], user["role"], "digest" in user) == ("ada", "viewer", False)
    again = fairlead(tmp_path, "data", "export", "--user", "ada", "--to", str(path))
    assert (again.code, "there already" in again.err) == (Exit.USAGE, True)

    unasked = fairlead(tmp_path, "data", "delete", "--user", "ada")
    assert (unasked.code, "--yes" in unasked.err) == (Exit.USAGE, True)
    gone = fairlead(tmp_path, "data", "delete", "--user", "ada", "--yes")
    assert (gone.code, "1  user" in gone.out, "audit log" in gone.out) == (Exit.OK, True, True), gone
    assert "bob" in (listed := fairlead(tmp_path, "users", "list").out) and "ada" not in listed
    nobody = fairlead(tmp_path, "data", "delete", "--user", "ada", "--yes")
    assert (nobody.code, nobody.out.strip()) == (Exit.OK, "Nothing was held of ada.")
    erasures = orjson.loads(fairlead(tmp_path, "data", "erasures", "--user", "ada", "--json").out)
    assert [(one["user"], one["erased"]) for one in erasures] == [(None, {}), (None, {"user": 1})]
    empty = tmp_path / "nobody.zip"
    assert "Nothing is held" in fairlead(tmp_path, "data", "export", "--user", "ada", "--to", str(empty)).out
    assert list(tmp_path.glob(".*.part")) == []
