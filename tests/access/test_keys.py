from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from fairlead.access import (
    LOCAL_ADMIN,
    Allowance,
    Keyring,
    Limits,
    NewKey,
    Role,
    Scope,
    ensure_safe_to_listen,
    is_loopback,
    key_of,
)
from fairlead.access.key import digest_of, new_secret
from fairlead.errors import ConfigurationError, Unauthorised
from fairlead.testing import MovableClock
from tests.access.conftest import StartProcess

KEYS = Keyring([SecretStr("first-key"), SecretStr("second-key")])


@pytest.mark.parametrize(
    "headers",
    [{"x-api-key": "second-key"}, {"authorization": "Bearer second-key"}, {"authorization": "bearer  second-key "}],
)
async def test_a_known_key_opens_by_either_header(headers: dict[str, str]) -> None:
    caller = await KEYS.identify(headers)
    assert (caller.role, caller.tenant) == (Role.ADMIN, "default")
    assert "second-key" not in repr(caller)


async def test_each_key_is_a_caller_of_its_own() -> None:
    assert await KEYS.identify({"x-api-key": "first-key"}) != await KEYS.identify({"x-api-key": "second-key"})


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": ""}, {"x-api-key": "third"}, {"x-api-key": "first-ke"}, {"authorization": "Basic first-key"},
     {"authorization": "first-key"}, {"x-api-key": "\ud800"}, {"x-api-key": "first-key,second-key"}],
)  # fmt: skip
async def test_anything_else_is_refused_without_repeating_it(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorised) as caught:
        await KEYS.identify(headers)
    assert "first-key" not in str(caught.value)


async def test_without_any_key_this_machine_is_the_admin() -> None:
    assert await Keyring().identify({}) == LOCAL_ADMIN


def test_keys_are_long_random_and_never_shown() -> None:
    assert new_secret() != new_secret()
    assert len(new_secret()) >= 45
    assert "first-key" not in repr(KEYS) + repr(vars(KEYS))


def test_the_key_header_wins_over_the_token() -> None:
    assert key_of({"x-api-key": "a", "authorization": "Bearer b"}) == "a"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]", "::ffff:127.0.0.1"])
def test_loopback_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    ensure_safe_to_listen(host, Keyring())


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "10.0.0.1", "example.com", "localhost.evil.com", "127.0.0.1.nip.io"]
)
def test_beyond_loopback_nothing_listens_without_a_key(host: str) -> None:
    with pytest.raises(ConfigurationError, match="without an API key") as caught:
        ensure_safe_to_listen(host, Keyring())
    assert "API_KEY_WHITELIST" in caught.value.hint
    ensure_safe_to_listen(host, KEYS)


async def test_a_key_of_the_database_says_who_asks_and_what_they_may(process: StartProcess) -> None:
    one = await process("from-the-settings")
    new = NewKey("bot", owner="ann", tenant="acme", role=Role.VIEWER, scopes=frozenset({Scope.MODELS}),
                 models=("openai/*",), allowance=Allowance(day_nano=5), limits=Limits(60, 1000),
                 metadata={"team": "search"})  # fmt: skip
    made = await one.book.create(new, by="ann")
    caller = await one.keys.identify({"authorization": f"Bearer {made.secret}"})
    assert (caller.name, caller.key, caller.key_id, caller.user) == ("key:bot", "bot", made.key.id, "ann")
    assert (caller.role, caller.tenant, caller.scopes, caller.models, caller.allowance, caller.limits) == (
        new.role, new.tenant, new.scopes, new.models, new.allowance, new.limits,
    )  # fmt: skip
    assert (caller.metadata, caller.installation) == ({"team": "search"}, False)
    settled = await one.keys.identify({"x-api-key": "from-the-settings"})
    assert (settled.key, settled.role, settled.installation) == (None, Role.ADMIN, True)


async def test_no_header_but_the_key_itself_opens(process: StartProcess) -> None:
    one = await process()
    secret = (await one.book.create(NewKey("root", role=Role.ADMIN), by="ann")).secret
    wrong = [
        secret[:-1], secret + "x", secret.upper(), f"{secret}\0x", f"{secret}, {secret}", secret[3:],
        digest_of(secret).hex(), "x" * 1_000_000, "\ud800\udfff", "' OR '1'='1", "%", "\x1b[2J",
    ]  # fmt: skip
    for given in wrong:
        for headers in ({"x-api-key": given}, {"authorization": f"Bearer {given}"}):
            with pytest.raises(Unauthorised) as caught:
                await one.keys.identify(headers)
            assert secret[3:] not in f"{caught.value} {one.said}"
    told = [(told["reason"], told["key"], told["digest"]) for told in one.told("key_refused")]
    assert told == [("unknown", None, digest_of(given).hex()[:8]) for given in wrong for _ in range(2)]


async def test_without_a_key_in_its_place_nobody_is_asked_for(process: StartProcess) -> None:
    one = await process()
    secret = (await one.book.create(NewKey("root", role=Role.ADMIN), by="ann")).secret
    places = [
        {}, {"x-api-key": ""}, {"x-api-key": " "}, {"authorization": "Bearer"}, {"authorization": "Bearer "},
        {"authorization": f"Basic {secret}"}, {"authorization": secret}, {"authorization": f"Bearer: {secret}"},
        {"X-API-Key": secret}, {"cookie": f"key={secret}"},
    ]  # fmt: skip
    for headers in places:
        with pytest.raises(Unauthorised, match="needs an API key"):
            await one.keys.identify(headers)
    assert one.told("key_refused") == []


async def test_who_sends_a_revoked_or_expired_key_is_told_so(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    await one.book.create(NewKey("root", role=Role.ADMIN), by="ann")
    old = await one.book.create(NewKey("old", expires_at=clock.now() + timedelta(seconds=1)), by="ann")
    gone = await one.book.create(NewKey("gone"), by="ann")
    await one.book.revoke("gone", tenant="default", by="ann")
    clock.move(timedelta(seconds=1))
    for secret, says in ((old.secret, "old has expired"), (gone.secret, "gone was revoked")):
        with pytest.raises(Unauthorised, match=says):
            await one.keys.identify({"x-api-key": secret})
    assert [(told["key"], told["reason"]) for told in one.told("key_refused")] == [
        ("old", "expired"), ("gone", "revoked"),
    ]  # fmt: skip


async def test_a_server_beyond_this_machine_may_start_on_keys_of_the_database(process: StartProcess) -> None:
    one = await process()
    with pytest.raises(ConfigurationError, match="fairlead keys create"):
        ensure_safe_to_listen("0.0.0.0", one.keys)
    await one.book.create(NewKey("root", role=Role.ADMIN), by="ann")
    await one.table.refresh()
    ensure_safe_to_listen("0.0.0.0", one.keys)
