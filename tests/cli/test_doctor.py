from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.processes import fairlead


def wrong(folder: Path, **settings: str) -> dict[str, str]:
    """What the doctor finds, by what it is about."""
    done = fairlead(folder, "doctor", "--json", **settings)
    found: list[dict[str, Any]] = [one for one in done.json if one["verdict"] == "wrong"]
    assert done.code == (1 if found else 0)
    return {one["about"]: f"{one['said']} {one['mend']}" for one in found}


def test_a_new_project_is_well(tmp_path: Path) -> None:
    fairlead(tmp_path, "init")
    assert wrong(tmp_path) == {}


def test_each_planted_fault_is_found_with_its_remedy(tmp_path: Path) -> None:
    fairlead(tmp_path, "init")
    assert "FAIRLEAD_DATABASE_URL" in wrong(tmp_path, FAIRLEAD_DATABSE_URL="x")["settings"]
    assert "DATABASE_URL" in wrong(tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")["database"]
    agent = (tmp_path / "agent.py").read_text()
    (tmp_path / "agent.py").write_text(agent.replace("simulated/assistant", "openai/gpt-5-mini"))
    assert "OPENAI_API_KEY" in wrong(tmp_path, OPENAI_API_KEY="")["models"]
    (tmp_path / "agent.py").write_text(agent.replace("simulated/assistant", "acme/large"))
    assert "[providers.acme]" in wrong(tmp_path)["models"]
    (tmp_path / "agent.py").write_text(agent + "\noops(")
    assert "agent.py:" in wrong(tmp_path)["project"]


def test_runs_that_nobody_serves_are_found(tmp_path: Path) -> None:
    fairlead(tmp_path, "init")
    assert fairlead(tmp_path, "run", "assistant", "-d", "--input", "hello").code == 0
    found = wrong(tmp_path)
    assert "assistant" in found["work"]
    assert "fairlead dev" in found["work"]


def test_a_file_that_is_no_database_is_found(tmp_path: Path) -> None:
    fairlead(tmp_path, "init")
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / ".fairlead" / "fairlead.db").write_bytes(b"no database at all" * 300)
    assert "fairlead.db" in wrong(tmp_path)["database"]
