from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.config import PROFILES, Environment, Role, load_settings, missing_in_production, not_as_meant
from fairlead.errors import ConfigurationError

COMPLETE = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://u:p@db/fairlead",
    "FAIRLEAD_RELEASE": "2026-11-22.1",
    "FAIRLEAD_OIDC_ISSUER": "https://id.example.com",
    "FAIRLEAD_OIDC_CLIENT_ID": "fairlead",
    "FAIRLEAD_OIDC_REDIRECT_URL": "https://agents.example.com/console/sign-in/callback",
}
API, WORKER, SHIP = Role
NEEDS: dict[str, tuple[dict[str, str], set[Role]]] = {
    "DATABASE_URL": ({"DATABASE_URL": ""}, {API, WORKER, SHIP}),
    "RELEASE": ({"FAIRLEAD_RELEASE": ""}, {API, WORKER}),
    "DEBUG": ({"DEBUG": "true"}, {API, WORKER}),
    "CORS_ORIGINS": ({"FAIRLEAD_CORS_ORIGINS": "*"}, {API}),
    "OIDC_REDIRECT_URL": ({"FAIRLEAD_OIDC_REDIRECT_URL": ""}, {API}),
}


@pytest.mark.parametrize("role", Role)
def test_nothing_is_missing_where_all_is_there(tmp_path: Path, role: Role) -> None:
    assert missing_in_production(load_settings(root=tmp_path, environ=COMPLETE, needed_by=(role,)), role) == []


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", NEEDS)
def test_a_role_is_refused_for_what_it_needs_and_for_nothing_else(tmp_path: Path, name: str, role: Role) -> None:
    lack, roles = NEEDS[name]
    settings = load_settings(root=tmp_path, environ={**COMPLETE, **lack}, needed_by=None)
    said = missing_in_production(settings, role)
    assert [one.partition(" ")[0] for one in said] == ([name] if role in roles else [])


@pytest.mark.parametrize("role", Role)
def test_all_that_a_role_lacks_is_said_at_once(tmp_path: Path, role: Role) -> None:
    environ = {**COMPLETE, **{k: v for lack, _ in NEEDS.values() for k, v in lack.items()}}
    with pytest.raises(ConfigurationError) as caught:
        load_settings(root=tmp_path, environ=environ, needed_by=(role,))
    assert {name for name in NEEDS if f"{name} must" in caught.value.message} == {
        name for name, (_, roles) in NEEDS.items() if role in roles
    }
    assert f"({role.value})" in caught.value.message


def test_every_command_needs_the_database_and_looking_needs_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        load_settings(root=tmp_path, environ={"ENVIRONMENT": "production"})
    load_settings(root=tmp_path, environ={"ENVIRONMENT": "production"}, needed_by=None)


@pytest.mark.parametrize("environment", ["development", "testing", "staging"])
def test_other_environments_start_with_what_they_have(tmp_path: Path, environment: str) -> None:
    load_settings(root=tmp_path, environ={"ENVIRONMENT": environment, "DEBUG": "true"}, needed_by=tuple(Role))


def test_each_environment_has_its_defaults_and_says_so(tmp_path: Path) -> None:
    assert set(PROFILES) == set(Environment)
    for environment, profile in PROFILES.items():
        settings = load_settings(root=tmp_path, environ={"ENVIRONMENT": environment.value}, needed_by=None)
        shown = {one.name: one for one in settings.shown()}
        for name, value in profile.defaults.items():
            assert (shown[name].value, shown[name].origin) == (value, f"{environment.value} default")
            assert not shown[name].given
        assert shown["HOST"].origin == "default"


def test_what_an_environment_is_meant_to_have_and_has_not_is_told(tmp_path: Path) -> None:
    def told(**environ: str) -> str:
        return " ".join(not_as_meant(load_settings(root=tmp_path, environ=environ, needed_by=None)))

    assert told(ENVIRONMENT="development") == ""
    assert "PostgreSQL" in told(ENVIRONMENT="staging") and "Redis" in told(ENVIRONMENT="staging")
    there = {"DATABASE_URL": "postgresql://u:p@db/x", "REDIS_URL": "redis://r/0"}
    assert told(ENVIRONMENT="testing", **there) == ""
