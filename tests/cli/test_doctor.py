from __future__ import annotations

from pathlib import Path
from typing import Any

from oidc_provider_mock import run_server_in_thread

from tests.cli.processes import fairlead
from tests.servers import free_port


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


def test_services_that_do_not_answer_are_found(tmp_path: Path) -> None:
    fairlead(tmp_path, "init")
    redis = wrong(tmp_path, FAIRLEAD_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert "Redis can't be asked" in redis["redis"]
    of = {"FAIRLEAD_OIDC_CLIENT_ID": "fairlead", "FAIRLEAD_EGRESS_ALLOW": "localhost"}
    nobody = wrong(tmp_path, FAIRLEAD_OIDC_ISSUER=f"http://localhost:{free_port()}", **of)
    assert "EGRESS_ALLOW" in nobody["sign-in"]
    with run_server_in_thread() as provider:
        issuer = f"http://localhost:{provider.server_port}"
        assert wrong(tmp_path, FAIRLEAD_OIDC_ISSUER=issuer, **of) == {}
        assert "speaks for" in wrong(tmp_path, FAIRLEAD_OIDC_ISSUER=f"{issuer}/", **of)["sign-in"]


def test_vectors_are_looked_for_where_they_are_wanted(tmp_path: Path) -> None:
    fairlead(tmp_path, "init")
    fairlead(tmp_path, "run", "assistant", "--input", "hello")

    def about(**settings: str) -> list[tuple[str, str]]:
        found = fairlead(tmp_path, "doctor", "--json", **settings).json
        return [(one["verdict"], one["said"]) for one in found if one["about"] == "vectors"]

    assert about() == []
    assert about(FAIRLEAD_KNOWLEDGE_EMBEDDING_MODEL="simulated/words") == [("ok", "of simulated/words")]


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


def test_what_each_role_lacks_in_production_is_found_and_refused_all_at_once(tmp_path: Path) -> None:
    fairlead(tmp_path, "init")
    agent = (tmp_path / "agent.py").read_text()
    (tmp_path / "agent.py").write_text(agent.replace("simulated/assistant", "openai/gpt-5-mini"))
    given = {"ENVIRONMENT": "production", "FAIRLEAD_CORS_ORIGINS": "*", "OPENAI_API_KEY": ""}
    found = wrong(tmp_path, **given)
    names = ("DATABASE_URL", "RELEASE", "CORS_ORIGINS", "OPENAI_API_KEY")
    lacks = {role: [name for name in names if f"{name} must" in found[role]] for role in ("api", "worker", "ship")}
    assert lacks == {
        "api": ["DATABASE_URL", "RELEASE", "CORS_ORIGINS"],
        "worker": ["DATABASE_URL", "RELEASE", "OPENAI_API_KEY"],
        "ship": ["DATABASE_URL"],
    }
    for words, role in ((("serve", "--port", "0"), "api"), (("work", "--port", "0"), "worker")):
        refused = fairlead(tmp_path, *words, **given)
        assert refused.code == 6
        assert [name for name in names if f"{name} must" in refused.err] == lacks[role]
    both = fairlead(tmp_path, "serve", "--worker", "--port", "0", **given)
    assert [name for name in names if f"{name} must" in both.err] == list(names)
    shown = fairlead(tmp_path, "settings", "--json", **given).json
    assert {one["name"]: one["origin"] for one in shown}["LOG_LEVEL"] == "production default"
