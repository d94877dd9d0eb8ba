from __future__ import annotations

import pytest

from fairlead.access import LOCAL_ADMIN, Principal, Role, Scope, may_for_all, require, require_for_all
from fairlead.errors import Forbidden, Unauthorised


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("needed", list(Role))
def test_each_role_may_do_what_the_one_before_it_may(role: Role, needed: Role) -> None:
    rank = ["viewer", "operator", "admin"]
    assert role.covers(needed) == (rank.index(role) >= rank.index(needed))


def test_a_role_that_is_too_small_is_refused_by_name() -> None:
    with pytest.raises(Unauthorised, match=r"ann is viewer; this needs operator\."):
        require(Principal("ann", Role.VIEWER), Role.OPERATOR)
    require(Principal("ann", Role.OPERATOR), Role.OPERATOR)


@pytest.mark.parametrize(
    ("held", "opens"),
    [
        (Scope.EVERYTHING, {"runs:read", "runs:write", "models", "admin", "*"}),
        (Scope.RUNS_WRITE, {"runs:read", "runs:write"}),
        (Scope.RUNS_READ, {"runs:read"}),
        (Scope.MODELS, {"models"}),
        (Scope.ADMIN, {"admin"}),
    ],
)
def test_a_scope_opens_what_it_names_and_no_more(held: Scope, opens: set[str]) -> None:
    assert {needed.value for needed in Scope if Scope.covered({held}, needed)} == opens


def test_a_key_for_models_alone_sees_no_run_whatever_its_role() -> None:
    bot = Principal("key:bot", Role.ADMIN, scopes=frozenset({Scope.MODELS}))
    require(bot, Role.OPERATOR, Scope.MODELS)
    for needed in Role:
        with pytest.raises(Forbidden, match=r"key:bot is for models; this needs (runs:read|runs:write|admin)\."):
            require(bot, needed)


def test_a_role_is_needed_beside_the_scope() -> None:
    with pytest.raises(Forbidden):
        require(Principal("ann", Role.VIEWER, scopes=frozenset({Scope.MODELS})), Role.OPERATOR, Scope.MODELS)


def test_this_machine_may_do_everything() -> None:
    for scope in Scope:
        require(LOCAL_ADMIN, Role.ADMIN, scope)
    assert LOCAL_ADMIN.may_ask("openai/gpt-5")


@pytest.mark.parametrize(
    ("patterns", "model", "may"),
    [
        ((), "openai/gpt-5", True), (("*",), "openai/gpt-5", True), (("openai/*",), "openai/gpt-5", True),
        (("openai/*",), "anthropic/claude", False), (("openai/*",), "xopenai/gpt-5", False),
        (("openai/gpt-5",), "openai/gpt-5-mini", False), (("openai/gpt-5",), "openai/GPT-5", False),
        (("a", "b"), "b", True), (("openai/*",), "", False), (("*a" * 99,), "a" * 5000 + "b", False),
    ],
)  # fmt: skip
def test_a_key_asks_the_models_it_is_for(patterns: tuple[str, ...], model: str, may: bool) -> None:
    assert Principal("key:bot", Role.OPERATOR, models=patterns).may_ask(model) is may


def test_who_runs_the_installation_decides_for_every_tenant_and_an_admin_of_its_own() -> None:
    ada = Principal("ada", Role.ADMIN)
    runs = Principal("root", Role.ADMIN, tenant="other", installation=True)
    assert may_for_all(ada) and may_for_all(runs) and may_for_all(LOCAL_ADMIN)
    for other in (
        Principal("ann", Role.OPERATOR), Principal("eve", Role.ADMIN, tenant="other"),
        Principal("bot", Role.ADMIN, scopes=frozenset({Scope.ADMIN, Scope.RUNS_WRITE})),
    ):  # fmt: skip
        assert not may_for_all(other)
        with pytest.raises(Forbidden, match="every tenant"):
            require_for_all(other)
