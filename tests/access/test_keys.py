from __future__ import annotations

import pytest
from pydantic import SecretStr

from fairlead.access import LOCAL_ADMIN, Keyring, Role, ensure_safe_to_listen, is_loopback, key_of
from fairlead.access.key import new_secret
from fairlead.errors import ConfigurationError, Unauthorised

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
