"""Secrets are rotated under a running Fairlead, which is not restarted, and are never written anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis import asyncio as redis

from fairlead import testing
from fairlead.agents import Context
from fairlead.config import load_settings
from fairlead.database.redis_door import RedisDoor
from fairlead.errors import DatabaseUnavailable, ModelDenied, Unauthorised
from fairlead.gateway.simulate import Simulator
from fairlead.wiring.keyring import open_keyring, open_tokens
from tests.gateway.loopback import ask, simulating
from tests.secret_manager import Manager, secret_manager
from tests.servers import PostgresServer, RedisServer


@pytest.fixture(scope="module")
def manager() -> Iterator[Manager]:
    with secret_manager() as made:
        yield made


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_provider_that_refuses_the_old_key_gets_the_new_one(manager: Manager, streamed: bool) -> None:
    manager.put("provider", {"key": "sk-old-canary"})
    app = Simulator(api_key="sk-old-canary")
    async with simulating(app) as url:
        local = {"kind": "openai", "base_url": f"{url}/v1", "api_key_env": "LOCAL_KEY"}
        environ = {**manager.environ, "LOCAL_KEY": "aws:provider#key"}
        async with testing.engine({}, workers=0, providers={"local": local}, environ=environ) as running:
            gateway = running.engine.models.gateway
            more: dict[str, Any] = {"on_delta": lambda _: None} if streamed else {}
            assert (await gateway.complete(ask(model="local/m", **more))).cost_nano is not None
            manager.put("provider", {"key": "sk-new-canary"})
            app.api_key = "sk-new-canary"
            await gateway.complete(ask("other", model="local/m", **more))
            told = [fields["reference"] for name, fields in running.said if name == "secret_rotated"]
            assert told == ["aws:provider#key"]
            app.api_key = "another"  # and nobody tells the manager
            with pytest.raises(ModelDenied) as caught:
                await gateway.complete(ask("third", model="local/m", **more))
            assert "canary" not in f"{caught.value} {running.said}"


async def test_the_password_of_the_database_is_changed(manager: Manager) -> None:
    server = PostgresServer(durable=False)
    try:
        server.create()
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text("host all rotating 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        admin = await asyncpg.connect(server.start())
        await admin.execute("CREATE ROLE rotating LOGIN PASSWORD 'first-canary'")
        await admin.execute("CREATE DATABASE kept OWNER rotating")
        secret = {"username": "rotating", "host": "127.0.0.1", "port": server.port, "dbname": "kept"}
        manager.put("database", {**secret, "password": "first-canary"})

        async def agent(input: object, ctx: Context) -> str:
            return await ctx.step("once", lambda: "done")

        async with testing.engine(
            {"agent": agent}, database_url="aws:database", environ=manager.environ
        ) as running:  # fmt: skip
            assert (await running.run("agent")).output == "done"
            manager.put("database", {**secret, "password": "second-canary"})
            await admin.execute("ALTER ROLE rotating PASSWORD 'second-canary'")
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotating'")
            assert (await running.run("agent")).output == "done"
            assert "secret_rotated" in [name for name, _ in running.said]
            assert "canary" not in str(running.said)
        await admin.close()
    finally:
        server.remove()


async def test_the_password_of_redis_is_changed(manager: Manager, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    address = server.start().removeprefix("redis://")
    admin = redis.Redis.from_url(f"redis://{address}")

    async def change(password: str) -> None:
        await admin.config_set("requirepass", password)
        await admin.client_kill_filter(_type="normal", skipme=True)
        with suppress(DatabaseUnavailable):
            await door.get("a")  # finds that its connection is gone

    try:
        await admin.config_set("requirepass", "first-canary")
        manager.put("redis", f"redis://:first-canary@{address}")
        settings = load_settings(root=tmp_path, environ={**manager.environ, "REDIS_URL": "aws:redis"})
        door = RedisDoor(settings.live("REDIS_URL"))
        await door.put("a", b"1", milliseconds=60_000)
        manager.put("redis", f"redis://:second-canary@{address}")
        await change("second-canary")
        assert await door.get("a") == b"1"
        await change("third")
        with pytest.raises(DatabaseUnavailable) as caught:
            await door.get("a")
        assert "canary" not in str(caught.value)
        await door.aclose()
    finally:
        await admin.aclose()
        server.stop()


async def test_the_keys_of_callers_and_the_secrets_of_tokens_are_changed(tmp_path: Path) -> None:
    keys, secrets = tmp_path / "keys", tmp_path / "secrets"
    keys.write_text("first-key")
    secrets.write_text("a" * 40)
    given = {"api_key_whitelist": f"file:{keys}", "jwt_secret": f"file:{secrets}"}
    async with testing.engine({}, workers=0, secrets_ttl="10s", **given) as running:
        engine = running.engine
        tokens = open_tokens(engine)
        assert tokens is not None
        ring = await open_keyring(engine, host="127.0.0.1", tokens=tokens)
        admin = await ring.identify({"x-api-key": "first-key"})
        old = tokens.issue(admin).token
        keys.write_text("second-key,third-key")
        secrets.write_text("b" * 40 + "," + "a" * 40)
        assert sorted(await engine.settings.vault.once()) == ["API_KEY_WHITELIST", "JWT_SECRET"]
        await ring.identify({"x-api-key": "third-key"})
        await ring.identify({"authorization": f"Bearer {old}"})
        new = tokens.issue(admin).token
        secrets.write_text("b" * 40)
        assert await engine.settings.vault.once() == ["JWT_SECRET"]
        await ring.identify({"authorization": f"Bearer {new}"})
        for gone in ({"x-api-key": "first-key"}, {"authorization": f"Bearer {old}"}):
            with pytest.raises(Unauthorised):
                await ring.identify(gone)
        secrets.write_text("short")
        assert await engine.settings.vault.once() == []
        await ring.identify({"authorization": f"Bearer {new}"})
        await ring.close()
